import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, type Issued, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import type { NaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import type { NewCertificate, ProviderManager } from '../../../src/providers/manager.ts';
import { call, connectTo, managerOf, naverSimulator, pairOf, recordingHttp, refusal } from './support.ts';

const versions = ['v1', 'v2'] as const;
type Version = (typeof versions)[number];

let authority: Authority;
let issued: Issued;
beforeAll(async () => {
  authority = await (await createAuthority()).intermediate();
  issued = await authority.issue();
});

const managerAt = (
  { url: endpoint }: NaverSimulator,
  apiVersion: Version,
  o: Parameters<typeof managerOf>[1] = {},
): ProviderManager => managerOf({ naver: { endpoint, apiVersion } }, o);

const certificate = (change: Partial<NewCertificate> = {}): NewCertificate => ({
  name: 'www',
  ...pairOf(issued),
  ...change,
});

const answering = (body: unknown, more: Fault = {}): Fault => ({ body: JSON.stringify(body), times: 1, ...more });

test.each([
  ['v1', 'publicKeyCertificate', '/api/v1/certificate/'],
  ['v2', 'certificateBody', '/api/v2/certificate/deleteCertificate/'],
] as const)('with %s goes out what the guide has, PEM as it is', async (version, bodyField, deletion) => {
  const provider = await naverSimulator();
  const { http, sent } = recordingHttp();
  const manager = managerAt(provider, version, { http });
  const entry = await manager.create(certificate(), call());
  await manager.delete(entry, call());
  expect(sent).toMatchObject([
    { method: 'POST', path: `/api/${version}/certificate/withExternal` },
    { method: 'DELETE', path: `${deletion}65655?certificateName=www`, body: undefined },
  ]);
  expect(JSON.parse(sent[0]?.body ?? '')).toEqual({
    certificateName: 'www',
    privateKey: issued.privateKey,
    [bodyField]: issued.certificate,
    certificateChain: issued.chain,
  });
  for (const { headers } of sent)
    expect(headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json' });
  expect(provider.counters).toMatchObject({ creates: 1, deletes: 1, lists: 0, refused: 0 });
});

test('what v1 makes is told of as its list does, though it is not handed out', async () => {
  const provider = await naverSimulator();
  const entry = await managerAt(provider, 'v1').create(certificate(), call());
  expect(entry).toMatchObject({ id: '65655', name: 'www', withheld: { serialNumber: expect.any(String) } });
});

describe('a renewal', () => {
  test('of v2 keeps number and name, and shows as another revision', async () => {
    const provider = await naverSimulator();
    const { http, sent } = recordingHttp();
    const manager = managerAt(provider, 'v2', { http });
    const entry = await manager.create(certificate(), call());
    const renewed = await authority.issue();
    const after = await manager.replace?.(entry, pairOf(renewed), call());
    expect(after).toMatchObject({ id: entry.id, name: 'www' });
    expect(after?.revision).not.toBe(entry.revision);
    expect(await manager.list(call())).toEqual([after]);
    expect(JSON.parse(sent[1]?.body ?? '')).toEqual({
      certificateName: 'www',
      certificateNo: 65_655,
      privateKey: renewed.privateKey,
      certificateBody: renewed.certificate,
      certificateChain: renewed.chain,
    });
    const [leaf] = await connectTo({ naver: { endpoint: provider.url, apiVersion: 'v2' } }).download(entry, call());
    expect(leaf?.toString().replaceAll('\r', '')).toBe(renewed.certificate);
  });

  test('may have a name that a new certificate may not', async () => {
    const provider = await naverSimulator();
    const name = 'a-name-from-before-september';
    const no = provider.upload(name, await authority.issue());
    const manager = managerAt(provider, 'v2');
    await manager.replace?.({ id: String(no), name }, certificate(), call());
    await manager.delete({ id: String(no), name }, call());
    expect(await manager.list(call())).toEqual([]);
  });

  test.each([
    ['another number', { id: '7', name: 'www' }],
    ['another name', { id: '65655', name: 'web' }],
  ])('of what has %s is not found, and nothing is made', async (_, identity) => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v2');
    const entry = await manager.create(certificate(), call());
    const attempt = manager.replace?.(identity, pairOf(await authority.issue()), call()) ?? expect.fail();
    expect(await refusal(attempt, 'CertificateNotFound')).toMatchObject({ code: '2200' });
    expect(await manager.list(call())).toEqual([entry]);
  });

  test('with a key that does not fit leaves what is there', async () => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v2');
    const entry = await manager.create(certificate(), call());
    const pair = { ...pairOf(await authority.issue()), privateKey: pairOf(issued).privateKey };
    await refusal(manager.replace?.(entry, pair, call()) ?? expect.fail(), 'UploadRefused', issued.privateKey);
    expect(await manager.list(call())).toEqual([entry]);
  });
});

describe('an answer to what was registered', () => {
  const done = { returnCode: '0', returnMessage: 'Success' };
  const another = { certificateNo: 1, certificateName: 'another' };

  test.each<[string, object]>([
    ['no row', done],
    ['no rows', { ...done, totalRows: 0, sslCertificateList: [] }],
    ['rows of null', { ...done, sslCertificateList: null }],
    ['another row', { ...done, sslCertificateList: [another] }],
    ['rows that cannot be understood', { ...done, sslCertificateList: [{ certificateName: 'www' }] }],
  ])('that has %s is made up for by the list', async (_, body) => {
    const provider = await naverSimulator();
    for (const version of versions) {
      const manager = managerAt(provider, version);
      provider.fault(answering(body, { match: 'create' }));
      const entry = await manager.create(certificate(), call());
      expect([entry]).toEqual(await manager.list(call()));
      if (version === 'v2') {
        provider.fault(answering(body, { match: 'create' }));
        const renewed = await manager.replace?.(entry, pairOf(await authority.issue()), call());
        expect([renewed]).toEqual(await manager.list(call()));
      }
      await manager.delete(entry, call());
    }
  });

  test('that names nothing which is listed is refused', async () => {
    const provider = await naverSimulator();
    provider.fault(answering(done, { match: 'create' }));
    provider.fault(answering({ ...done, sslCertificateList: [another] }, { match: 'list' }));
    const error = await refusal(managerAt(provider, 'v1').create(certificate(), call()), 'InvalidResponse');
    expect(error.message).toContain('does not list it');
  });

  test.each(['', '<html>', '{"hello":"world"}', '{"returnCode":'])('of %j says nothing', async (body) => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v1');
    provider.fault({ match: 'create', body, times: 1 });
    await refusal(manager.create(certificate(), call()), 'InvalidResponse', issued.privateKey);
    expect(await manager.list(call())).toHaveLength(1); // which is why one looks before one tries again
  });
});

describe('a code', () => {
  const [upload, request, missing, invalid] = [
    'UploadRefused',
    'InvalidRequest',
    'CertificateNotFound',
    'InvalidResponse',
  ] as const;

  /** Every code of the service (providers.md 2.7): what it means for a registration, a renewal and a deletion. */
  test.each<[number | string, ProviderReason, ProviderReason, ProviderReason, RegExp, Fault?]>([
    ['1002', upload, upload, invalid, /something else than PEM/],
    ['1004', upload, upload, 'InUse', /may have it, or its key/],
    ['2200', upload, missing, missing, /may have it, or its key/],
    ['2201', upload, upload, invalid, /DNS names/],
    ['2202', upload, upload, invalid, /IP addresses/],
    ['26034', upload, upload, invalid, /finds the certificate invalid/],
    ['26040', upload, upload, invalid, /private key does not belong/],
    ['1000', upload, upload, invalid, /may have it, or its key/],
    ['1006', upload, upload, invalid, /may have it, or its key/],
    ['2101', request, request, request, /missing or wrong/],
    ['2000', request, request, request, /missing or wrong/, { status: 400 }],
    ['2100', request, request, request, /missing or wrong/, { status: 400 }],
    [26_040, upload, upload, invalid, /private key does not belong/],
    ['9999', upload, upload, invalid, /may have it, or its key/],
  ])('%s', async (code, create, replace, deletion, message, more = {}) => {
    for (const version of versions) {
      const provider = await naverSimulator();
      const manager = managerAt(provider, version);
      const entry = await manager.create(certificate({ name: 'there' }), call());
      const other = await authority.issue();
      const fault = (match: string) => provider.fault({ ...more, code, match, times: 1 });
      fault('create');
      const error = await refusal(manager.create({ name: 'www', ...pairOf(other) }, call()), create, other.privateKey);
      expect(error).toMatchObject({ code: String(code), concernsCertificate: true });
      expect(error.message).toMatch(message);
      if (manager.replace) {
        fault('create');
        await refusal(manager.replace(entry, pairOf(other), call()), replace, other.privateKey);
      }
      fault('delete');
      await refusal(manager.delete(entry, call()), deletion);
      expect(await manager.list(call())).toEqual([entry]);
    }
  });

  test('1004 of what is not there, or goes by another name, says so', async () => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v1');
    const { id } = await manager.create(certificate(), call());
    for (const identity of [
      { id, name: 'web' },
      { id: '7', name: 'www' },
    ]) {
      const error = await refusal(manager.delete(identity, call()), 'CertificateNotFound');
      expect(error.code).toBe('1004');
    }
    expect(await manager.list(call())).toHaveLength(1);
  });

  test('1004 is believed when the list does not tell more', async () => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v1');
    provider.fault({ match: 'list', status: 503 });
    await refusal(manager.delete({ id: '7', name: 'www' }, call()), 'InUse');
  });

  test('an error of the server that has a code is one of the server', async () => {
    const provider = await naverSimulator();
    provider.fault({ status: 500, code: '1002' });
    await refusal(managerAt(provider, 'v1').create(certificate(), call()), 'ProviderUnavailable');
  });

  test('a certificate, or a key, that is there under another name is refused', async () => {
    const provider = await naverSimulator();
    const manager = managerAt(provider, 'v1');
    await manager.create(certificate(), call());
    const again = await authority.issue({ key: issued.key });
    for (const attempt of [certificate({ name: 'other' }), { name: 'other', ...pairOf(again) }]) {
      const error = await refusal(manager.create(attempt, call()), 'UploadRefused', issued.privateKey);
      expect(error.message).toContain('under another name');
    }
  });

  test('an expired certificate is refused', async () => {
    const provider = await naverSimulator();
    const expired = await authority.issue({ notBefore: new Date(0), notAfter: new Date(1_000_000) });
    const attempt = managerAt(provider, 'v1').create({ name: 'www', ...pairOf(expired) }, call());
    expect(await refusal(attempt, 'UploadRefused')).toMatchObject({ code: '26034' });
  });
});

test('what is no PEM in ASCII is not sent', async () => {
  const provider = await naverSimulator();
  for (const version of versions) {
    const manager = managerAt(provider, version);
    for (const field of ['certificate', 'chain', 'privateKey'] as const) {
      const attempt = certificate({ [field]: Buffer.from('-----BEGIN ä') });
      await refusal(manager.create(attempt, call()), 'InvalidRequest', issued.privateKey);
      const renewal = manager.replace?.({ id: '1', name: 'www' }, attempt, call());
      if (renewal) await refusal(renewal, 'InvalidRequest', issued.privateKey);
    }
  }
  expect(provider.counters.connections).toBe(0);
});

test.each(['-1', '1.5', '0x7', '1/2', '1?x', ' 1', '1e3', '9'.repeat(16), 'www'])(
  'the number %j is not sent',
  async (id) => {
    const provider = await naverSimulator();
    for (const version of versions) {
      const manager = managerAt(provider, version);
      const attempts = [
        manager.delete({ id, name: 'www' }, call()),
        manager.replace?.({ id, name: 'www' }, certificate(), call()),
        manager.list(call(), { id }),
        ...(version === 'v1' ? [manager.list(call(), { instance: id })] : []),
      ];
      for (const attempt of attempts) if (attempt) await refusal(attempt, 'InvalidRequest');
    }
    expect(provider.counters.connections).toBe(0);
  },
);

test('v1 lets the provider filter by name, number and instance', async () => {
  const provider = await naverSimulator();
  const { http, sent } = recordingHttp();
  const manager = managerAt(provider, 'v1', { http });
  const no = provider.upload("it's & all", await authority.issue(), { instances: [7, 8] });
  provider.upload('www', issued);
  const ids = async (filter: Parameters<typeof manager.list>[1]): Promise<string[]> =>
    (await manager.list(call(), filter)).map(({ id }) => id);
  expect(await ids({ name: "it's & all" })).toEqual([String(no)]);
  expect(await ids({ id: String(no) })).toEqual([String(no)]);
  expect(await ids({ instance: '8' })).toEqual([String(no)]);
  expect(await ids({ instance: '9' })).toEqual([]);
  expect(await ids({ name: 'www', id: String(no + 1), instance: '8' })).toEqual([]);
  const list = '/api/v1/certificates';
  expect(sent.map(({ path }) => path)).toEqual([
    `${list}?certificateName=it%27s%20%26%20all`,
    `${list}?certificateNo=65655`,
    `${list}?instanceNo=8`,
    `${list}?instanceNo=9`,
    `${list}?certificateName=www&certificateNo=65656&instanceNo=8`,
  ]);
  provider.zeroMatches = '2200';
  expect(await ids({ name: 'absent' })).toEqual([]);
  expect(await manager.isNameFree('absent', call())).toBe(true);
  expect(provider.counters.refused).toBe(0);
});

test('v2 lets the provider filter by name, and every page of it', async () => {
  const provider = await naverSimulator();
  const { http, sent } = recordingHttp();
  provider.upload('www', issued);
  for (let i = 0; i < 150; i++) provider.upload('same', '');
  const entries = await managerAt(provider, 'v2', { http }).list(call(), { name: 'same' });
  expect(entries).toHaveLength(150);
  expect(sent.map(({ path }) => path)).toEqual([
    '/api/v2/certificate/certificates?page=1&pageSize=100&certificateName=same',
    '/api/v2/certificate/certificates?page=2&pageSize=100&certificateName=same',
  ]);
});

test('a filter that the provider did not hear is applied all the same', async () => {
  const provider = await naverSimulator();
  const rows = ['www', 'www-api'].map((certificateName, i) => ({ certificateNo: i + 1, certificateName }));
  const manager = managerAt(provider, 'v1');
  provider.fault({ match: 'list', body: JSON.stringify({ returnCode: '0', sslCertificateList: rows }) });
  expect(await manager.list(call(), { name: 'www' })).toMatchObject([{ id: '1' }]);
  expect(await manager.isNameFree('other', call())).toBe(true);
  expect(await manager.isNameFree('www', call())).toBe(false);
});

test.each<[string, Fault]>([
  ['by the status', { status: 403, body: '' }],
  ['by a code', { status: 401, code: '210' }],
])('a lacking right, %s, is told as such', async (_, fault) => {
  const provider = await naverSimulator();
  provider.fault(fault);
  for (const version of versions) {
    const manager = managerAt(provider, version);
    const errors = [
      await refusal(manager.create(certificate(), call()), 'PermissionDenied'),
      await refusal(manager.delete({ id: '1', name: 'www' }, call()), 'PermissionDenied'),
    ];
    for (const error of errors) {
      const likely = fault.status === 403 && version === 'v2' ? 'sub account' : fault.code ? 'permission' : 'may not';
      expect(error.message).toContain(likely);
    }
  }
});

test('v2 refuses the key of a sub account here as well', async () => {
  const provider = await naverSimulator();
  provider.mainAccount = false;
  const error = await refusal(managerAt(provider, 'v2').create(certificate(), call()), 'PermissionDenied');
  expect(error.message).toContain('sub account');
  await managerAt(provider, 'v1').create(certificate(), call());
});
