import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Issued, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import { forms } from '../../../sandbox/providers/scp/forms.ts';
import type { ScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import type { NewCertificate, NewSelfSigned, ProviderManager } from '../../../src/providers/manager.ts';
import { call, managerOf, pairOf, recordingHttp, refusal, scpSimulator } from './support.ts';

const versions = ['v1.2', 'v1.1', 'v1.0'] as const;

let issued: Issued;
beforeAll(async () => {
  issued = await (await (await createAuthority()).intermediate()).issue();
});

function managerAt(
  { url: endpoint }: ScpSimulator,
  o: Parameters<typeof managerOf>[1] & { apiVersion?: (typeof versions)[number]; region?: string | undefined } = {},
): ProviderManager {
  const { apiVersion, region = 'kr-west1' } = o;
  return managerOf({ scp: { endpoint, apiVersion, region: region || undefined } }, o);
}

const certificate = (change: Partial<NewCertificate> = {}): NewCertificate => ({
  name: 'www',
  ...pairOf(issued),
  scp: { timezone: 'Asia/Seoul' },
  ...change,
});

const selfSigned = (change: Partial<NewSelfSigned> = {}): NewSelfSigned => ({
  name: 'self',
  commonName: 'www.example.com',
  organization: 'Sandbox',
  notBefore: '2026-01-01',
  notAfter: '2036-12-31',
  scp: { timezone: 'Asia/Seoul' },
  ...change,
});

const encoded = (pem: string): string => Buffer.from(pem).toString('base64');

describe.each(versions)('with %s', (apiVersion) => {
  test('goes out what the guide has: Base64 of the whole PEM on one line', async () => {
    const provider = await scpSimulator();
    const { http, sent } = recordingHttp();
    const manager = managerAt(provider, { apiVersion, http });
    const [cert_body, cert_chain, private_key] = [issued.certificate, issued.chain, issued.privateKey].map(encoded);
    const details = {
      timezone: 'Asia/Seoul',
      recipients: [{ region: 'kr-east1', userId: 'a1', userName: 'kildong.hong' }],
      tags: [{ key: 'team', value: 'web' }],
    };
    await manager.isNameFree('www', call());
    await manager.validate?.(certificate(), call());
    await manager.create(certificate({ scp: details }), call());
    await manager.validate?.(certificate({ chain: Buffer.alloc(0) }), call());
    await manager.create(certificate({ name: 'bare', chain: Buffer.alloc(0) }), call());
    const self = await manager.selfSign?.(selfSigned({ scp: { ...details, region: 'kr-south1' } }), call());
    await manager.delete(self ?? expect.fail(), call());

    const chainWish = (wished: boolean): object => (apiVersion === 'v1.0' ? { is_need_cert_chain: wished } : {});
    const plain = { region: 'kr-west1', timezone: 'Asia/Seoul', recipients: [], tags: [] };
    const rich = {
      ...plain,
      recipients: [{ region: 'kr-east1', user_id: 'a1', user_name: 'kildong.hong' }],
      tags: details.tags,
    };
    const base = '/v1/certificatemanager';
    expect(sent.map(({ method, path, body }) => [method, path, body && JSON.parse(body)])).toEqual([
      ['POST', `${base}/check-duplication`, { name: 'www' }],
      ['POST', `${base}/check-validation`, { cert_body, cert_chain, private_key, ...chainWish(true) }],
      ['POST', base, { cert_body, cert_chain, private_key, name: 'www', ...rich }],
      ['POST', `${base}/check-validation`, { cert_body, cert_chain: null, private_key, ...chainWish(false) }],
      ['POST', base, { cert_body, cert_chain: null, private_key, name: 'bare', ...plain }],
      [
        'POST',
        `${base}/self-sign`,
        {
          cn: 'www.example.com',
          name: 'self',
          organization: 'Sandbox',
          not_before_dt: '20260101',
          not_after_dt: '20361231',
          ...rich,
          region: 'kr-south1',
        },
      ],
      ['DELETE', `${base}/${self?.id}`, undefined],
    ]);
    for (const { headers, body } of sent) {
      expect(headers['scp-api-version']).toBe(`certificatemanager ${apiVersion.slice(1)}`);
      expect(headers['content-type']).toBe(body && 'application/json');
    }
    expect(provider.counters).toMatchObject({ refused: 0, checks: 3, creates: 3, deletes: 1 });
  });

  test('what it signs itself is listed, and has the dates that were asked for', async () => {
    const provider = await scpSimulator();
    const manager = managerAt(provider, { apiVersion });
    const entry = await manager.selfSign?.(selfSigned(), call());
    expect(entry).toMatchObject({
      name: 'self',
      commonName: 'www.example.com',
      state: 'VALID',
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2036-12-31T00:00:00Z',
    });
    expect(await manager.list(call())).toEqual([entry]);
    await refusal(manager.selfSign?.(selfSigned(), call()) ?? expect.fail(), 'NameTaken');
    await refusal(manager.create(certificate({ name: 'self' }), call()), 'NameTaken');
  });
});

test('a self-signed certificate holds what it is named for', async () => {
  const provider = await scpSimulator();
  provider.form = forms.raw;
  const { http, answers } = recordingHttp();
  await managerAt(provider, { http }).selfSign?.(selfSigned(), call());
  const { certificate } = JSON.parse(answers[0] ?? '') as { certificate: Record<string, string> };
  expect(certificate).toMatchObject({ cert_kind: 'DEV', organization: 'Sandbox', key_bit_size: '2048' });
  const x509 = new X509Certificate(certificate['cert_body'] ?? '');
  expect(x509.checkHost('www.example.com')).toBe('www.example.com');
  expect(x509.verify(x509.publicKey)).toBe(true);
});

describe('nothing is sent', () => {
  test.each(['', '20260101', '2026-1-1', '2026-02-30', '2026-13-01', '2026-01-01T00:00:00Z', ' 2026-01-01', 'soon'])(
    'for the day %j',
    async (day) => {
      const provider = await scpSimulator();
      const manager = managerAt(provider);
      for (const change of [{ notBefore: day }, { notAfter: day }]) {
        const error = await refusal(manager.selfSign?.(selfSigned(change), call()) ?? expect.fail(), 'InvalidRequest');
        expect(error.message).toContain('YYYY-MM-DD');
      }
      expect(provider.counters.connections).toBe(0);
    },
  );

  test.each<[string, Partial<NewCertificate>, string, RegExp]>([
    ['without details', { scp: undefined }, 'kr-west1', /needs a time zone/],
    ['without a time zone', { scp: { timezone: '' } }, 'kr-west1', /needs a time zone/],
    ['without a region', {}, '', /needs a region/],
  ])('for a certificate %s', async (_, change, region, message) => {
    const provider = await scpSimulator();
    const manager = managerAt(provider, { region });
    const error = await refusal(manager.create(certificate(change), call()), 'InvalidRequest');
    expect(error.message).toMatch(message);
    expect(provider.counters.connections).toBe(0);
  });
});

test.each([
  ['a slash at the end', (url: string) => `${url}/`],
  ['capitals', (url: string) => url.replace('http://127.0.0.1', 'HTTP://LOCALHOST')],
])('the signature is that of what is sent, for an endpoint with %s', async (_, spelt) => {
  const provider = await scpSimulator();
  const manager = managerOf({ scp: { endpoint: spelt(provider.url), region: 'kr-west1' } });
  await manager.delete(await manager.create(certificate(), call()), call());
  expect(provider.counters.refused).toBe(0);
});

describe('an answer to what was made', () => {
  test.each([
    ['nothing', ''],
    ['a page', '<html>'],
    ['half of JSON', '{"certificate":{"id":'],
    ['no id', '{"certificate":{"name":"www"}}'],
    ['an id of nothing', '{"certificate":{"id":"","name":"www"}}'],
    ['another shape', '{"id":"1","name":"www"}'],
    ['of another name', '{"certificate":{"id":"1","name":"other"}}'],
  ])('that is %s is made up for by the list', async (_, body) => {
    const provider = await scpSimulator();
    const manager = managerAt(provider);
    provider.fault({ match: 'create', body, times: 1 });
    const entry = await manager.create(certificate(), call());
    expect([entry]).toEqual(await manager.list(call()));
  });

  test('that cannot be understood, of a certificate that is not listed, is refused', async () => {
    const provider = await scpSimulator();
    provider.fault({ match: 'create', body: '', times: 1 });
    provider.fault({ match: 'list', body: '{"certificates":[]}', times: 1 });
    const error = await refusal(managerAt(provider).create(certificate(), call()), 'InvalidResponse');
    expect(error.message).toContain('does not list it');
  });

  test.each(Object.entries(forms))('may hold the pair again, in the form %s', async (_, form) => {
    const provider = await scpSimulator();
    provider.form = form;
    const manager = managerAt(provider);
    expect(await manager.list(call())).toEqual([]);
    expect([await manager.create(certificate(), call())]).toEqual(await manager.list(call()));
  });
});

describe('a check', () => {
  test.each<[string, boolean | undefined]>([
    ['{"result":false}', false],
    ['{"result":true}', true],
    ['{"result":"False"}', false],
    ['{"result":"True"}', true],
    ['{"validate_check":false}', false],
    ['{"validate_check":"true"}', true],
    ['{"result":0}', undefined],
    ['{"result":null}', undefined],
    ['{"result":"perhaps"}', undefined],
    ['{}', undefined],
    ['<html>', undefined],
    ['', undefined],
  ])('answered with %s', async (body, said) => {
    const provider = await scpSimulator();
    const manager = managerAt(provider);
    provider.fault({ match: 'check', status: 200, body });
    const validate = (): Promise<void> => manager.validate?.(certificate(), call()) ?? expect.fail();
    if (said === undefined) {
      await refusal(manager.isNameFree('www', call()), 'InvalidResponse');
      await refusal(validate(), 'InvalidResponse', issued.privateKey);
      return;
    }
    expect(await manager.isNameFree('www', call())).toBe(!said); // of a name, true means that it is taken
    if (said) await validate();
    else await refusal(validate(), 'UploadRefused', issued.privateKey);
  });
});

describe('a refusal', () => {
  const code = (name: string): string => `scp-security.certificate.${name}`;
  const plain = /does not take the certificate and its key/;
  const [upload, request, unavailable, invalid] = [
    'UploadRefused',
    'InvalidRequest',
    'ProviderUnavailable',
    'InvalidResponse',
  ] as const;

  /** Of a check and of what makes a certificate: every row of providers.md 1.6, and what may come besides. */
  test.each<[string, Fault, ProviderReason, RegExp]>([
    ['of a parameter', { status: 400, code: 'ValidationError' }, request, /missing or wrong/],
    [
      'of a key that is no PEM to it',
      { status: 400, code: code('pem-format-private-key-error') },
      upload,
      /private key .* PEM/,
    ],
    ['of a body that is none', { status: 400, code: code('pem-format-cert-body-error') }, upload, /certificate .* PEM/],
    ['of a chain that is none', { status: 400, code: code('pem-format-chain-error') }, upload, /certificate .* PEM/],
    ['of another kind', { status: 400, code: code('chain-error') }, upload, plain],
    ['with 409', { status: 409, code: code('conflict') }, upload, plain],
    ['with 422', { status: 422, code: 'Unprocessable' }, upload, plain],
    ['as it answers to bad PEM', { status: 500, code: code('create-failed') }, upload, plain],
    ['with another 500', { status: 500, code: code('internal-error') }, unavailable, /status 500/],
    ['with 403', { status: 403, code: 'Forbidden' }, 'PermissionDenied', /may not (check|create)/],
    ['with 404', { status: 404, code: code('not-found') }, invalid, /status 404/],
    ['of the gateway', { status: 400, body: '{"status":400,"error":"Bad Request"}' }, invalid, /status 400/],
    ['of the old kind', { status: 400, body: '[{"loc":["body"],"msg":"x","type_":"y"}]' }, invalid, /status 400/],
    ['with a code that is none', { status: 400, code: '<b>' }, upload, plain],
    ['with 202', { status: 202, body: '{}' }, invalid, /status 202/],
  ])('%s', async (_, fault, reason, message) => {
    const provider = await scpSimulator();
    const manager = managerAt(provider);
    for (const [match, attempt] of [
      ['create', () => manager.create(certificate(), call())],
      ['create', () => manager.selfSign?.(selfSigned(), call())],
      ['check', () => manager.validate?.(certificate(), call())],
    ] as const) {
      provider.fault({ ...fault, match, times: 1 });
      const error = await refusal(attempt() ?? expect.fail(), reason, issued.privateKey);
      expect(error.message).toMatch(message);
      if (fault.code !== '<b>') expect(error.code).toBe(fault.code);
    }
    expect(await manager.list(call())).toEqual([]);
  });

  test('of a name as such is not taken for one of a certificate', async () => {
    const provider = await scpSimulator();
    provider.fault({ match: 'check', status: 400, code: code('name-error') });
    await refusal(managerAt(provider).isNameFree('www', call()), 'InvalidRequest');
  });

  test.each<[string, Fault, ProviderReason]>([
    ['of what is in use', { status: 400, code: code('in-use') }, 'InUse'],
    ['for no cause that is known', { status: 400, code: code('delete-failed') }, 'InUse'],
    ['with 409', { status: 409, code: 'Conflict' }, 'InUse'],
    ['with 403 that says why', { status: 403, code: 'CertificateInUse' }, 'InUse'],
    ['with 403', { status: 403 }, 'PermissionDenied'],
    ['of what is gone', { status: 404, code: code('not-found') }, 'CertificateNotFound'],
    ['of the gateway', { status: 404 }, 'InvalidResponse'],
    ['of an id', { status: 400, code: 'ValidationError' }, 'InvalidRequest'],
    ['with 500', { status: 500 }, 'ProviderUnavailable'],
    ['with 202', { status: 202, body: '' }, 'InvalidResponse'],
  ])('to delete %s', async (_, fault, reason) => {
    const provider = await scpSimulator();
    const manager = managerAt(provider);
    const entry = await manager.create(certificate(), call());
    provider.fault({ ...fault, match: 'delete' });
    await refusal(manager.delete(entry, call()), reason);
    expect(await manager.list(call())).toEqual([entry]);
  });
});

test.each([200, 204] as const)('a deletion is over with %i', async (status) => {
  const provider = await scpSimulator();
  provider.deletesWith = status;
  const manager = managerAt(provider);
  await manager.delete(await manager.create(certificate(), call()), call());
  expect(await manager.list(call())).toEqual([]);
});
