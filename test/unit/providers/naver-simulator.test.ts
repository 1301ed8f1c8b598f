import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority, type Issued } from '../../../sandbox/pki/index.ts';
import type { NaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import { signed } from '../../../src/providers/naver/sign.ts';
import { canaries, naverSimulator } from './support.ts';

const v1 = '/api/v1/certificates';
const v2 = '/api/v2/certificate/certificates';
const chain = '/api/v2/certificate/exportCertificate/65655/chain';

type Headers = Record<string, string | string[] | undefined>;

interface Asked {
  method?: string;
  /** What is signed, and by which credentials, where that is not as it should be. */
  as?: { path?: string; method?: string; now?: number };
  credentials?: { accessKey?: string; secretKey?: string };
  /** Instead of, or besides, the headers that are right; undefined leaves one out. */
  headers?: Headers;
  body?: unknown;
}

async function ask(
  url: string,
  path: string,
  { method = 'GET', as = {}, credentials = {}, headers = {}, body }: Asked = {},
): Promise<{ status: number; text: string; traceId: unknown }> {
  const right = {
    ...signed({ ...canaries, ...credentials }, { method, path, now: Date.now(), ...as }),
    'content-type': 'application/json',
    accept: 'application/json',
  };
  const given = Object.entries({ ...right, ...headers }).filter(([, value]) => value !== undefined);
  const sent = request(new URL(url), { path, method, headers: Object.fromEntries(given) as Headers }).end(
    body === undefined ? undefined : JSON.stringify(body),
  );
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const text = (await response.toArray()).join('');
  return { status: response.statusCode ?? 0, text, traceId: response.headers['x-ncp-trace-id'] };
}

interface Answered {
  returnCode: string;
  totalRows?: number;
  totalCount?: number;
  sslCertificateList?: { certificateNo: number }[];
  error?: { errorCode: string };
}

async function asked(url: string, path: string, o?: Asked): Promise<Answered> {
  return JSON.parse((await ask(url, path, o)).text) as Answered;
}

const numbers = ({ sslCertificateList = [] }: Answered): number[] =>
  sslCertificateList.map(({ certificateNo }) => certificateNo);

const minutes = 60_000;
const right = signed(canaries, { method: 'GET', path: v1, now: Date.now() });
const twice = (header: string): Asked => ({ headers: { [header]: [right[header] ?? '', right[header] ?? ''] } });

test.each<[string, string, number, string, Asked?]>([
  ['another route', '/api/v3/certificates', 404, '300'],
  ['no route', '/', 404, '300'],
  ['a route that goes on', `${v1}/`, 404, '300'],
  ['a route in other letters', '/API/v1/certificates', 404, '300'],
  ['a chain of nothing', '/api/v2/certificate/exportCertificate//chain', 404, '300'],
  ['POST', v1, 405, '300', { method: 'POST' }],
  ['DELETE', v2, 405, '300', { method: 'DELETE' }],
  ['PUT', chain, 405, '300', { method: 'PUT' }],
  ['another host', v1, 400, '100', { headers: { host: 'localhost' } }],
  ['a body', v1, 400, '100', { headers: { 'content-length': '0' } }],
  ['no Content-Type', v1, 400, '100', { headers: { 'content-type': undefined } }],
  ['another Content-Type', v1, 400, '100', { headers: { 'content-type': 'text/plain' } }],
  ['no Accept', v1, 400, '100', { headers: { accept: undefined } }],
  ['no timestamp', v1, 401, '200', { headers: { 'x-ncp-apigw-timestamp': undefined } }],
  ['no access key', v1, 401, '200', { headers: { 'x-ncp-iam-access-key': undefined } }],
  ['no signature', v1, 401, '200', { headers: { 'x-ncp-apigw-signature-v2': undefined } }],
  ['two timestamps', v1, 401, '200', twice('x-ncp-apigw-timestamp')],
  ['two access keys', v1, 401, '200', twice('x-ncp-iam-access-key')],
  ['two signatures', v1, 401, '200', twice('x-ncp-apigw-signature-v2')],
  ['another access key', v1, 401, '200', { credentials: { accessKey: 'another' } }],
  ['another secret key', v1, 401, '200', { credentials: { secretKey: 'another' } }],
  ['the signature of another path', v1, 401, '200', { as: { path: v2 } }],
  ['the signature of another query', `${v1}?certificateNo=1`, 401, '200', { as: { path: `${v1}?certificateNo=2` } }],
  ['a signature without the query', `${v1}?certificateNo=1`, 401, '200', { as: { path: v1 } }],
  ['the signature of another method', v1, 401, '200', { as: { method: 'POST' } }],
  ['the signature of another time', v1, 401, '200', { headers: { 'x-ncp-apigw-timestamp': String(Date.now()) + '0' } }],
  ['a time too long ago', v1, 401, '200', { as: { now: Date.now() - 6 * minutes } }],
  ['a time too far ahead', v1, 401, '200', { as: { now: Date.now() + 6 * minutes } }],
  ['a time with a fraction', v1, 401, '200', { as: { now: Date.now() + 0.5 } }],
  ['a time in seconds', v1, 401, '200', { as: { now: Math.round(Date.now() / 1000) } }],
])('the gateway refuses %s', async (_, path, status, code, o) => {
  const provider = await naverSimulator();
  const answer = await ask(provider.url, path, o);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toMatchObject({ error: { errorCode: code } });
  expect(answer.traceId).toEqual(expect.any(String));
  expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
});

test.each([
  [`${v1}?certificateNo=a`],
  [`${v1}?certificateNo=`],
  [`${v1}?certificateNo=-1`],
  [`${v1}?certificateNo=1&certificateNo=1`],
  [`${v1}?instanceNo=x`],
  [`${v1}?certificateName=`],
  [`${v1}?page=1`],
  [`${v2}?page=0`],
  [`${v2}?page=1&page=2`],
  [`${v2}?pageSize=0`],
  [`${v2}?pageSize=all`],
  [`${v2}?pageNo=1`],
  [`${v2}?certificateNo=65655`],
  [`${chain}?x=1`],
  ['/api/v2/certificate/exportCertificate/name/chain'],
  ['/api/v2/certificate/exportCertificate/%36/chain'],
])('the service refuses %s', async (path) => {
  const provider = await naverSimulator();
  provider.upload('name', '');
  const answer = await ask(provider.url, path);
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text)).toMatchObject({ returnCode: '2100' });
  expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
});

test.each([-4 * minutes, 4 * minutes])(
  'a clock that is %d ms off is let in, by the clock of the provider',
  async (ms) => {
    const provider = await naverSimulator();
    provider.clockOffsetMs = 3_600_000;
    expect((await ask(provider.url, v1, { as: { now: Date.now() + 3_600_000 + ms } })).status).toBe(200);
    expect((await ask(provider.url, v1)).status).toBe(401);
  },
);

test('with the key of a sub account v2 answers 403 and nothing else, once the signature is right', async () => {
  const provider = await naverSimulator();
  provider.mainAccount = false;
  for (const path of [v2, chain]) expect(await ask(provider.url, path)).toMatchObject({ status: 403, text: '' });
  expect((await ask(provider.url, v2, { credentials: { secretKey: 'another' } })).status).toBe(401);
  expect((await ask(provider.url, v1)).status).toBe(200);
  expect(provider.counters).toMatchObject({ refused: 3, lists: 1, downloads: 0 });
});

test('v1 lists as documented, filtered by name, number and instance', async () => {
  const provider = await naverSimulator();
  const [a, b] = [provider.upload('a', ''), provider.upload('b', '', { instances: [7, 8] })];
  const again = provider.upload('a', '');
  expect(numbers(await asked(provider.url, v1))).toEqual([a, b, again]);
  expect(numbers(await asked(provider.url, `${v1}?certificateName=a`))).toEqual([a, again]);
  expect(numbers(await asked(provider.url, `${v1}?certificateNo=${b}`))).toEqual([b]);
  expect(numbers(await asked(provider.url, `${v1}?instanceNo=8`))).toEqual([b]);
  expect(await asked(provider.url, `${v1}?certificateName=a&instanceNo=8`)).toMatchObject({
    returnCode: '0',
    totalRows: 0,
  });
});

test('a row of v1 has the fields of the guide, and those of v2 its own', async () => {
  const provider = await naverSimulator();
  const issued = await (
    await createAuthority({ name: 'Root' })
  ).issue({
    dnsNames: ['www.example.com', 'api.example.com'],
    serialNumber: 0x0134f7bac243n,
    notBefore: new Date('2026-07-08T00:00:00Z'),
    notAfter: new Date('2027-08-08T11:59:59Z'),
  });
  provider.upload('www', issued);
  const { sslCertificateList: [row] = [] } = await asked(provider.url, v1);
  const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/);
  const common = {
    certificateNo: 65_655,
    certificateType: 'External',
    certificateName: 'www',
    memberNo: '1234567',
    statusCode: '1',
    statusName: 'Normal',
    domainCode: 'PUB',
    updateDate: time,
  };
  expect(row).toEqual({
    ...common,
    dnInfo: 'CN=www.example.com',
    domainAddress: 'www.example.com',
    subDomainAddress: 'api.example.com',
    regDate: time,
    issueDate: time,
    validStartDate: '2026-07-08 09:00:00',
    validEndDate: '2027-08-08 20:59:59',
    externalYn: 'Y',
    caInfo: 'Root',
    certSerialNumber: '0134f7bac243',
    certPublicKeyInfo: 'Sun EC public key',
    certSignAlgorithmName: 'SHA256withECDSA',
  });
  const { sslCertificateList: [later] = [] } = await asked(provider.url, v2);
  expect(later).toEqual({
    ...common,
    commonName: 'www.example.com',
    dnsName: 'www.example.com,api.example.com',
    issueType: 'EXTERNAL',
  });
});

test('v2 lists by pages of twenty, or as it is asked', async () => {
  const provider = await naverSimulator();
  for (let i = 0; i < 25; i++) provider.upload(i === 7 ? 'seven' : 'name', '');
  const page = async (query: string): Promise<(number | undefined)[]> => {
    const list = await asked(provider.url, v2 + query);
    return [list.totalCount, ...numbers(list)];
  };
  const from = (first: number, length: number): number[] => Array.from({ length }, (_, i) => 65_655 + first + i);
  expect(await page('')).toEqual([25, ...from(0, 20)]);
  expect(await page('?page=2')).toEqual([25, ...from(20, 5)]);
  expect(await page('?page=3')).toEqual([25]);
  expect(await page('?page=2&pageSize=10')).toEqual([25, ...from(10, 10)]);
  expect(await page('?certificateName=seven')).toEqual([1, 65_662]);
  provider.pagesOf = 10;
  expect(await page('?pageSize=100')).toEqual([25, ...from(0, 10)]);
});

test('nothing found is an empty list or a code', async () => {
  const provider = await naverSimulator();
  expect(await asked(provider.url, v1)).toMatchObject({ returnCode: '0', totalRows: 0, sslCertificateList: [] });
  expect(await asked(provider.url, v2)).toMatchObject({ returnCode: '0', totalCount: 0, sslCertificateList: [] });
  provider.zeroMatches = '2200';
  for (const path of [v1, v2]) {
    const answer = await ask(provider.url, path);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ returnCode: '2200', returnMessage: 'No certificate was found.' });
  }
  expect(await asked(provider.url, chain)).toMatchObject({ returnCode: '2200' });
  expect(provider.counters).toMatchObject({ lists: 4, downloads: 1, downloadsOf: { '65655': 1 } });
  const no = provider.upload('name', '');
  for (const path of [v1, v2, `${v2}?page=2`])
    expect(await asked(provider.url, path)).toHaveProperty('returnCode', '0');
  expect(numbers(await asked(provider.url, v1))).toEqual([no]);
});

test('the chain comes in three fields, with CRLF, and without the key', async () => {
  const provider = await naverSimulator();
  const intermediate = await (await createAuthority()).intermediate();
  const issued = await intermediate.issue();
  const no = provider.upload('www', issued.bundle);
  expect(no).toBe(65_655);
  const windows = (text: string): string => text.replaceAll('\n', '\r\n');
  expect(await asked(provider.url, chain)).toEqual({
    returnCode: '0',
    returnMessage: 'Success',
    totalRows: 0,
    subjectCommonName: 'www.example.com',
    certificate: windows(issued.certificate),
    subCaCertificate: windows(issued.chain),
    rootCaCertificate: windows(issued.root),
  });
  expect(provider.counters.downloadsOf).toEqual({ www: 1 });
  provider.renew(no, issued.certificate + issued.chain);
  expect(await asked(provider.url, chain)).toMatchObject({
    subCaCertificate: windows(issued.chain),
    rootCaCertificate: '',
  });
});

test('a renewal keeps the number and moves the date, a new status does not, and numbers are never used again', async () => {
  const provider = await naverSimulator();
  const authority = await createAuthority();
  const row = async (): Promise<unknown> => (await asked(provider.url, v1)).sslCertificateList?.[0];
  const first = provider.upload('www', await authority.issue());
  const before = (await row()) as { updateDate: string; certSerialNumber: string };
  provider.setStatus(first, '-5');
  expect(await row()).toEqual({
    ...before,
    statusCode: '-5',
    statusName: 'Revoked',
    revokeDate: expect.any(String),
  });
  provider.renew(first, await authority.issue(), { statusCode: '1' });
  const after = (await row()) as typeof before;
  expect(after).toMatchObject({ certificateNo: first, certificateName: 'www', statusCode: '1' });
  expect(after).not.toHaveProperty('revokeDate');
  expect(after.certSerialNumber).not.toBe(before.certSerialNumber);
  expect(after.updateDate > before.updateDate).toBe(true);
  provider.remove(first);
  expect(numbers(await asked(provider.url, v1))).toEqual([]);
  expect(provider.upload('www', '')).toBe(first + 1);
  expect(() => provider.renew(first, '')).toThrow('no certificate');
});

test('what is still being issued has no dates, serial number or issuer yet', async () => {
  const provider = await naverSimulator();
  provider.upload('www', await (await createAuthority()).issue(), { statusCode: '0' });
  const { sslCertificateList: [row] = [] } = await asked(provider.url, v1);
  expect(row).toMatchObject({ statusCode: '0', domainAddress: 'www.example.com' });
  for (const field of ['issueDate', 'validStartDate', 'validEndDate', 'certSerialNumber', 'caInfo'])
    expect(row).not.toHaveProperty(field);
});

describe('what changes something', () => {
  const versions = ['v1', 'v2'] as const;
  let authority: Authority;
  let issued: Issued;
  let other: Issued;
  beforeAll(async () => {
    authority = await (await createAuthority()).intermediate();
    [issued, other] = [await authority.issue(), await authority.issue()];
  });

  /** A body that is right, and what is changed in it; undefined takes a field away. */
  const external = (version: 'v1' | 'v2', change: object = {}, of = issued): object => ({
    certificateName: 'www',
    privateKey: of.privateKey,
    [version === 'v1' ? 'publicKeyCertificate' : 'certificateBody']: of.certificate,
    certificateChain: of.chain,
    ...change,
  });
  const register = (provider: NaverSimulator, version: 'v1' | 'v2', body: object): Promise<Answered> =>
    asked(provider.url, `/api/${version}/certificate/withExternal`, { method: 'POST', body });
  const deletionOf = (version: 'v1' | 'v2', no: number): string =>
    version === 'v1' ? `/api/v1/certificate/${no}` : `/api/v2/certificate/deleteCertificate/${no}`;

  test.each(versions)('%s registers, lists and deletes', async (version) => {
    const provider = await naverSimulator();
    const answer = await register(provider, version, external(version));
    expect(answer).toMatchObject({ returnCode: '0', totalRows: 1, sslCertificateList: [{ certificateName: 'www' }] });
    const [no = 0] = numbers(answer);
    expect(numbers(await asked(provider.url, v1))).toEqual([no]);
    const path = `${deletionOf(version, no)}?certificateName=www`;
    expect(await asked(provider.url, path, { method: 'DELETE' })).toEqual({
      returnCode: '0',
      returnMessage: 'Success',
      totalRows: 0,
    });
    expect(numbers(await asked(provider.url, v1))).toEqual([]);
    expect(provider.counters).toMatchObject({ creates: 1, deletes: 1, refused: 0 });
  });

  test.each<[string, object]>([
    ['no name', { certificateName: undefined }],
    ['a name that is too short', { certificateName: 'ab' }],
    ['a name that is too long', { certificateName: 'a'.repeat(21) }],
    ['a name that begins with a digit', { certificateName: '1ab' }],
    ['a name with an underscore', { certificateName: 'a_b' }],
    ['no key', { privateKey: undefined }],
    ['no chain', { certificateChain: undefined }],
    ['an empty chain', { certificateChain: '' }],
    ['another field', { timezone: 'Asia/Seoul' }],
  ])('a registration with %s is refused', async (_, change) => {
    const provider = await naverSimulator();
    for (const version of versions) {
      const path = `/api/${version}/certificate/withExternal`;
      const answer = await ask(provider.url, path, { method: 'POST', body: external(version, change) });
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { returnCode: '2000' }]);
    }
    expect(numbers(await asked(provider.url, v1))).toEqual([]);
  });

  test('each version has its own fields, and a number only v2', async () => {
    const provider = await naverSimulator();
    expect(await register(provider, 'v1', external('v2'))).toMatchObject({ returnCode: '2000' });
    expect(await register(provider, 'v2', external('v1'))).toMatchObject({ returnCode: '2000' });
    const no = provider.upload('www', other);
    expect(await register(provider, 'v1', external('v1', { certificateNo: no }))).toMatchObject({ returnCode: '2000' });
    for (const certificateNo of [String(no), 0, 1.5])
      expect(await register(provider, 'v2', external('v2', { certificateNo }))).toMatchObject({ returnCode: '2000' });
    expect(numbers(await register(provider, 'v2', external('v2', { certificateNo: no })))).toEqual([no]);
    const chainOfIt = await asked(provider.url, chain);
    expect(chainOfIt).toMatchObject({ certificate: issued.certificate.replaceAll('\n', '\r\n') });
  });

  test.each<[string, string, (o: { issued: Issued; other: Issued }) => object]>([
    ['a key that does not fit', '26040', ({ other }) => ({ privateKey: other.privateKey })],
    ['a key in Base64', '1002', ({ issued }) => ({ privateKey: btoa(issued.privateKey) })],
    ['a certificate in Base64', '1002', ({ issued }) => ({ publicKeyCertificate: btoa(issued.certificate) })],
    ['a chain that is none', '1002', () => ({ certificateChain: 'hello' })],
    ['a key for a chain', '1002', ({ issued }) => ({ certificateChain: issued.privateKey })],
  ])('a registration with %s is refused with %s', async (_, code, change) => {
    const provider = await naverSimulator();
    const answer = await register(provider, 'v1', external('v1', change({ issued, other })));
    expect(answer).toMatchObject({ returnCode: code });
    expect(numbers(await asked(provider.url, v1))).toEqual([]);
  });

  test('names, certificates and keys are unique; what is renewed may keep its own', async () => {
    const provider = await naverSimulator();
    const [no = 0] = numbers(await register(provider, 'v1', external('v1')));
    const sameKey = await authority.issue({ key: issued.key });
    const codes = [
      external('v1', {}, other),
      external('v1', { certificateName: 'web' }),
      external('v1', { certificateName: 'web' }, sameKey),
    ].map(async (body) => (await register(provider, 'v1', body)).returnCode);
    expect(await Promise.all(codes)).toEqual(['1006', '1000', '1000']);
    const renewal = external('v2', { certificateNo: no }, sameKey);
    expect(await register(provider, 'v2', renewal)).toMatchObject({ returnCode: '0' });
    for (const change of [{ certificateNo: 7 }, { certificateNo: no, certificateName: 'web' }])
      expect(await register(provider, 'v2', external('v2', change, other))).toMatchObject({ returnCode: '2200' });
  });

  test.each(versions)('%s deletes by number and name what no instance uses', async (version) => {
    const provider = await naverSimulator();
    const no = provider.upload('www', issued, { instances: [7] });
    const deletion = async (path: string): Promise<string> =>
      (await asked(provider.url, path, { method: 'DELETE' })).returnCode;
    const right = `${deletionOf(version, no)}?certificateName=www`;
    expect(await deletion(right)).toBe('1004');
    provider.use(no, []);
    expect(await deletion(`${deletionOf(version, no)}?certificateName=web`)).toBe('1004');
    expect(await deletion(`${deletionOf(version, 7)}?certificateName=www`)).toBe('1004');
    for (const path of [deletionOf(version, no), `${right}&x=1`, `${deletionOf(version, no)}x?certificateName=www`])
      expect(await deletion(path)).toBe('2100');
    expect(await deletion(right)).toBe('0');
    expect(() => provider.use(no, [])).toThrow('no certificate');
  });

  test('a key that may only read changes nothing', async () => {
    const provider = await naverSimulator();
    provider.upload('www', other);
    provider.readOnly = true;
    const denied = { error: { errorCode: '210' } };
    expect(await register(provider, 'v1', external('v1', { certificateName: 'web' }))).toMatchObject(denied);
    const path = `${deletionOf('v1', 65_655)}?certificateName=www`;
    expect(await asked(provider.url, path, { method: 'DELETE' })).toMatchObject(denied);
    expect(numbers(await asked(provider.url, v1))).toEqual([65_655]);
  });
});
