import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { type NaverSimulator, startNaverSimulator } from '../../sandbox/providers/naver/simulator.ts';
import type { NhnSimulator } from '../../sandbox/providers/nhn/simulator.ts';
import { forms } from '../../sandbox/providers/scp/forms.ts';
import { type ScpSimulator, startScpSimulator } from '../../sandbox/providers/scp/simulator.ts';
import { canary } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { cloud, textOf, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
const key = () => ({
  accessKey: `ak${randomBytes(8).toString('hex')}`,
  secretKey: `sk${randomBytes(12).toString('hex')}`,
});

let w: World;
let scp: ScpSimulator;
let naver: NaverSimulator;
let nhn: NhnSimulator;

/** One namespace with an account at each cloud; the provider objects are called scp, naver, naver-v2 and nhn-v13. */
beforeAll(async () => {
  w = await world();
  const [scpKey, naverKey] = [key(), key()];
  for (const { secretKey } of [scpKey, naverKey]) canary(secretKey);
  scp = await startScpSimulator(scpKey);
  naver = await startNaverSimulator(naverKey);
  const made = await cloud();
  ({ nhn } = made);
  await w.putSecret('scp-credentials', { ...scpKey });
  await w.putSecret('naver-credentials', { ...naverKey });
  await w.putSecret('nhn-v13-credentials', { ...made.access });
  const ref = (name: string) => ({ credentialsSecretRef: { name } });
  await w.provider('scp', scp, { nhn: undefined, scp: { endpoint: scp.url, ...ref('scp-credentials') } });
  const atNaver = { endpoint: naver.url, ...ref('naver-credentials') };
  await w.provider('naver', naver, { nhn: undefined, naver: atNaver });
  await w.provider('naver-v2', naver, { nhn: undefined, naver: { ...atNaver, apiVersion: 'v2' } });
  const tokens = { apiVersion: 'v1.3', endpoint: nhn.url, tokenEndpoint: nhn.url };
  await w.provider('nhn-v13', nhn, { nhn: { ...tokens, ...ref('nhn-v13-credentials') } });
});
afterAll(async () => {
  await w[Symbol.asyncDispose]();
  for (const one of [scp, naver, nhn]) await one[Symbol.asyncDispose]();
});

describe.concurrent('Samsung Cloud Platform', () => {
  test('a common name follows the renewal, which has another id and another name', async () => {
    const name = 'follow';
    const dnsNames = ['follow.example.com'];
    const first = await w.issue(name, { dnsNames, notBefore: daysAgo(30) });
    const oldId = scp.upload('follow-1', first);
    await w.certificate(name, {
      providerRef: { name: 'scp' },
      remoteRef: { commonName: 'follow.example.com' },
      dnsNames,
    });
    await w.holds(name, first);
    await w.synced(name, 'Synced');
    await w.until(name, ({ status }) =>
      expect(status?.remote).toMatchObject({ id: oldId, name: 'follow-1', state: 'VALID' }),
    );

    const second = await w.issue(name, { dnsNames });
    const newId = scp.upload('follow-2', second);
    await w.holds(name, second);
    await w.synced(name, 'Synced');
    await w.until(name, ({ status }) => expect(status?.remote).toMatchObject({ id: newId, name: 'follow-2' }));
    await w.event(name, 'Rotated');

    // The new one is withdrawn. Nobody goes back to an older certificate for that.
    scp.remove(newId);
    expect(await w.synced(name, 'OlderThanCurrent')).toMatchObject({ status: 'False' });
    await w.holds(name, second);
    await w.ready(name, 'Valid');
  });

  test('a name and an id select exactly', async () => {
    const [one, other] = [await w.issue('exact'), await w.issue('exact')];
    scp.upload('exact', one);
    const id = scp.upload('exact-2', other);
    await w.certificate('by-name', { providerRef: { name: 'scp' }, remoteRef: { name: 'exact' } });
    await w.certificate('by-id', { providerRef: { name: 'scp' }, remoteRef: { id } });
    await w.holds('by-name', one);
    await w.holds('by-id', other);
    scp.remove(id);
    expect(await w.synced('by-id', 'CertificateNotFound')).toMatchObject({ message: expect.stringContaining('kept') });
    await w.ready('by-id', 'Valid');
  });

  test('whatever the encoding of its fields, the same Secret comes of it', async () => {
    const encodings = ['raw', 'literal', 'wrapped', 'urlSafe', 'unpadded'] as const;
    const check = async (encoding: (typeof encodings)[number]): Promise<void> => {
      const name = `form-${encoding.toLowerCase()}`;
      const issued = await w.issue(name);
      scp.upload(name, issued, { form: forms[encoding] });
      await w.certificate(name, { providerRef: { name: 'scp' }, remoteRef: { name } });
      await w.holds(name, issued);
    };
    await Promise.all(encodings.map(check));
  });

  test('a key that does not come back is a state of its own, and the one of the user completes it', async () => {
    const check = async (form: 'none' | 'blank' | 'nullText' | 'masked'): Promise<void> => {
      const name = `keyless-${form.toLowerCase()}`;
      const issued = await w.issue(name);
      scp.upload(name, issued, { form: { key: forms[form] } });
      await w.certificate(name, { providerRef: { name: 'scp' }, remoteRef: { name } });
      await w.synced(name, 'PrivateKeyMissing');
      expect(await w.secret(name)).toBeUndefined();
      await w.putSecret(`${name}-key`, { 'tls.key': issued.privateKey });
      await w.patch(name, { privateKeySecretRef: { name: `${name}-key` } });
      await w.holds(name, issued);
      await w.synced(name, 'Synced');
    };
    await Promise.all((['none', 'blank', 'nullText', 'masked'] as const).map(check));
  });

  test('a certificate that does not come back either is unavailable', async () => {
    const name = 'bodyless';
    scp.upload(name, await w.issue(name), { form: forms.blank });
    await w.certificate(name, { providerRef: { name: 'scp' }, remoteRef: { name } });
    expect(await w.synced(name, 'CertificateUnavailable')).toMatchObject({ status: 'False' });
    expect(await w.secret(name)).toBeUndefined();
  });

  test('versions of the API past their end work, and are warned about once', async () => {
    await w.provider('scp-old', scp, {
      nhn: undefined,
      scp: { endpoint: scp.url, apiVersion: 'v1.1', credentialsSecretRef: { name: 'scp-credentials' } },
    });
    const issued = await w.issue('old-version');
    scp.upload('old-version', issued);
    await w.certificate('old-version', { providerRef: { name: 'scp-old' }, remoteRef: { name: 'old-version' } });
    await w.holds('old-version', issued);
    const warnings = async () =>
      (await w.events('scp-old', 'CertificateProvider')).filter(({ reason }) => reason === 'DeprecatedAPIVersion');
    await eventually(async () =>
      expect(await warnings()).toMatchObject([
        { type: 'Warning', count: 1, message: expect.stringContaining('Remove apiVersion to use v1.2') },
      ]),
    );
  });
});

describe.concurrent('NAVER Cloud', () => {
  test('v1 with Observe shows that a certificate was renewed there but not here', async () => {
    const name = 'observed';
    const dnsNames = ['observed.example.com'];
    const issued = await w.issue(name, { dnsNames, notBefore: daysAgo(60) });
    naver.upload('observed-1', issued);
    const before = await w.createSecret(name, tlsOf(issued));
    await w.certificate(name, {
      providerRef: { name: 'naver' },
      remoteRef: { commonName: 'observed.example.com' },
      secretName: name,
      mode: 'Observe',
    });
    await w.synced(name, 'InSync');
    await w.ready(name, 'Valid');

    const renewed = await w.issue(name, { dnsNames });
    naver.upload('observed-2', renewed);
    expect(await w.synced(name, 'Differs')).toMatchObject({ status: 'False' });
    expect(await w.secret(name)).toEqual(before);
    await eventually(async () =>
      expect(await w.operator.metrics()).toContain(
        `provider_certificates_certificate_renewed_elsewhere{namespace="${w.namespace}",name="${name}"} 1`,
      ),
    );

    await w.putSecret(name, tlsOf(renewed), { type: 'kubernetes.io/tls' });
    await w.synced(name, 'InSync');
    expect(naver.counters.downloadsOf).not.toHaveProperty('observed-1');
  });

  test('v1 without a Secret to compare speaks of the certificate that is listed', async () => {
    const name = 'listed';
    const issued = await w.issue(name);
    const no = naver.upload('listed', issued);
    await w.certificate(name, { providerRef: { name: 'naver' }, remoteRef: { name: 'listed' }, mode: 'Observe' });
    await w.ready(name, 'RemoteValid');
    const { status } = await w.get(name);
    expect(status?.certificate).toMatchObject({ commonName: 'listed.example.com', issuer: expect.any(String) });
    expect(status?.certificate).not.toHaveProperty('fingerprintSHA256');
    naver.setStatus(no, '-5');
    expect(await w.synced(name, 'CertificateRevoked')).toMatchObject({ status: 'False' });
  });

  test('v1 has nothing to write, and says what to do', async () => {
    const name = 'withheld';
    naver.upload(name, await w.issue(name));
    await w.certificate(name, { providerRef: { name: 'naver' }, remoteRef: { name } });
    expect(await w.synced(name, 'CertificateUnavailable')).toMatchObject({
      message: expect.stringContaining('set apiVersion v2, or mode Observe'),
    });
    expect(await w.secret(name)).toBeUndefined();
  });

  test('v2 and the key of the user are a full sync, through renewals too', async () => {
    const name = 'full';
    const first = await w.issue(name);
    const no = naver.upload(name, first);
    await w.certificate(name, {
      providerRef: { name: 'naver-v2' },
      remoteRef: { id: String(no) },
      privateKeySecretRef: { name: `${name}-key` },
    });
    await w.synced(name, 'PrivateKeyMissing');
    await w.putSecret(`${name}-key`, { 'tls.key': first.privateKey });
    await w.holds(name, first);
    expect(textOf(await w.secret(name), 'tls.crt')).not.toContain('\r');

    const second = await w.issue(name);
    naver.renew(no, second);
    await w.synced(name, 'KeyMismatch');
    await w.holds(name, first);
    await w.putSecret(`${name}-key`, { 'tls.key': second.privateKey });
    await w.holds(name, second);
  });

  test('v2 with the key of a sub account says what is likely wrong', async () => {
    const access = key();
    canary(access.secretKey);
    await using sub = await startNaverSimulator(access);
    sub.mainAccount = false;
    await w.putSecret('sub-credentials', { ...access });
    await w.provider('sub', sub, {
      nhn: undefined,
      naver: { endpoint: sub.url, apiVersion: 'v2', credentialsSecretRef: { name: 'sub-credentials' } },
    });
    expect(await w.providerReady('sub', 'AuthenticationFailed')).toMatchObject({
      message: expect.stringContaining('needs those of the main account'),
    });
  });
});

describe.concurrent('NHN Cloud, API v1.3', () => {
  test('by name and by id, with one token for everything', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `token-${index}`);
    const all = await Promise.all(names.map((name) => w.issue(name)));
    for (const [index, name] of names.entries()) nhn.upload(name, all[index]?.bundle ?? '');
    for (const name of names) {
      const remoteRef = name === 'token-0' ? { id: nhn.idOf(name) } : { name };
      await w.certificate(name, { providerRef: { name: 'nhn-v13' }, remoteRef });
    }
    for (const [index, name] of names.entries()) await w.holds(name, all[index] ?? expect.fail());
    expect(nhn.counters.tokens).toBe(1);

    nhn.revokeTokens();
    const renewed = await w.issue('token-1');
    nhn.upload('token-1', renewed.bundle);
    await w.holds('token-1', renewed);
    expect(nhn.counters.tokens).toBe(2);
  });

  test('a token endpoint that is not allowed is not contacted', async () => {
    await w.provider('elsewhere', nhn, {
      nhn: {
        apiVersion: 'v1.3',
        endpoint: nhn.url,
        tokenEndpoint: 'https://tokens.example.com',
        credentialsSecretRef: { name: 'nhn-v13-credentials' },
      },
    });
    expect(await w.providerReady('elsewhere', 'EndpointNotAllowed')).toMatchObject({
      message: expect.stringContaining('--allow-endpoint tokens.example.com'),
    });
  });
});

test('the three side by side tell how they are, and how many certificates they hold', async () => {
  for (const [name, type] of [
    ['scp', 'SCP'],
    ['naver', 'NAVER'],
    ['naver-v2', 'NAVER'],
    ['nhn-v13', 'NHN'],
  ] as const) {
    await w.providerReady(name, 'Valid');
    await eventually(async () =>
      expect(await w.providerStatus(name)).toMatchObject({
        type,
        certificates: expect.any(Number),
        lastCheckTime: expect.any(String),
      }),
    );
  }
  const metrics = await w.operator.metrics();
  for (const provider of ['nhn', 'scp', 'naver'])
    expect(metrics).toContain(
      `provider_certificates_provider_requests_total{provider="${provider}",operation="list",code="200"}`,
    );
});
