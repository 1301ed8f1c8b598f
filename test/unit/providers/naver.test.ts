import { describe, expect, test } from 'vitest';
import { createAuthority } from '../../../sandbox/pki/index.ts';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import { type GateInput, judge } from '../../../src/certificate/gate.ts';
import type { Verdict } from '../../../src/certificate/verdict.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { ProviderClient } from '../../../src/providers/provider.ts';
import { call, canaries, connectTo, entryOf, naverSimulator, refusal } from './support.ts';

const versions = ['v1', 'v2'] as const;
type Version = (typeof versions)[number];

const connect = (endpoint: string, apiVersion: Version, credentials = canaries): ProviderClient =>
  connectTo({ naver: { endpoint, apiVersion } }, { credentials });

const success = { returnCode: '0', returnMessage: 'Success' };
const answering = (body: unknown, more: Fault = {}): Fault => ({ body: JSON.stringify(body), ...more });

/** What the list makes of a row that has these fields besides a number and a name. */
async function listed(row: object, version: Version = 'v1'): Promise<InventoryEntry | undefined> {
  const provider = await naverSimulator();
  const sslCertificateList = [{ certificateNo: 1, certificateName: 'a', ...row }];
  provider.fault(answering({ ...success, sslCertificateList }));
  const [entry] = await connect(provider.url, version).list(call());
  return entry;
}

const dated = { validStartDate: '2026-07-08 09:00:00', validEndDate: '2027-08-08 20:59:59' };

describe('list', () => {
  test('v1 tells all about the certificates that it withholds, in one request', async () => {
    const provider = await naverSimulator();
    const authority = await createAuthority({ name: 'Root' });
    const dates = { notBefore: new Date('2026-07-08T00:00:00Z'), notAfter: new Date('2027-08-08T11:59:59Z') };
    provider.upload('www', await authority.issue({ serialNumber: 0x0134f7bac243n, ...dates }));
    provider.upload('pending', await authority.issue({ dnsNames: ['pending.example.com'] }), { statusCode: '0' });
    expect(await connect(provider.url, 'v1').list(call())).toEqual([
      {
        id: '65656',
        name: 'pending',
        commonName: 'pending.example.com',
        state: 'Ongoing',
        revision: expect.any(String),
        problem: { reason: 'CertificateUnavailable', message: expect.stringContaining('still being issued') },
      },
      {
        id: '65655',
        name: 'www',
        commonName: 'www.example.com',
        state: 'Normal',
        notBefore: '2026-07-08T09:00:00+09:00',
        notAfter: '2027-08-08T20:59:59+09:00',
        revision: expect.any(String),
        withheld: {
          message: expect.stringMatching(/set apiVersion v2, or mode Observe/),
          serialNumber: '0134f7bac243',
          issuer: 'Root',
        },
      },
    ]);
    expect(provider.counters).toMatchObject({ requests: 1, lists: 1 });
  });

  test('v2 tells less, and withholds nothing', async () => {
    const provider = await naverSimulator();
    const authority = await createAuthority();
    provider.upload('a', await authority.issue());
    provider.upload('b', await authority.issue({ dnsNames: ['b.example.com'] }), { statusCode: '-5' });
    const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/);
    expect(await connect(provider.url, 'v2').list(call())).toEqual([
      {
        id: '65656',
        name: 'b',
        commonName: 'b.example.com',
        state: 'Revoked',
        revision: time,
        problem: { reason: 'CertificateRevoked', message: expect.stringContaining('revoked') },
      },
      { id: '65655', name: 'a', commonName: 'www.example.com', state: 'Normal', revision: time },
    ]);
    expect(provider.counters).toMatchObject({ requests: 1, lists: 1 });
  });

  test.each(versions)('nothing found is an empty list, in either form, with %s', async (version) => {
    const provider = await naverSimulator();
    const client = connect(provider.url, version);
    expect(await client.list(call())).toEqual([]);
    provider.zeroMatches = '2200';
    expect(await client.list(call())).toEqual([]);
    for (const status of [400, 404]) {
      provider.fault({ status, code: 2200, times: 1 });
      expect(await client.list(call())).toEqual([]);
    }
    expect(provider.counters.requests).toBe(4);
  });

  test('v1 lists thousands in one request', async () => {
    const provider = await naverSimulator();
    for (let i = 0; i < 5_000; i++) provider.upload(`certificate-${i}`, '');
    const entries = await connect(provider.url, 'v1').list(call());
    expect(entries.map(({ id }) => id)).toEqual(Array.from({ length: 5_000 }, (_, i) => String(65_654 + 5_000 - i)));
    expect(provider.counters.requests).toBe(1);
  });

  test.each([
    ['as it is asked to', Infinity, 4],
    ['as it likes', 30, 12],
  ])('v2 goes page by page, when the service makes them %s', async (_, pagesOf, pages) => {
    const provider = await naverSimulator();
    provider.pagesOf = pagesOf;
    for (let i = 0; i < 350; i++) provider.upload(`certificate-${i}`, '');
    let turns = 0;
    const entries = await connect(provider.url, 'v2').list({ ...call(), another: async () => void turns++ });
    expect(new Set(entries.map(({ id }) => id)).size).toBe(350);
    expect(provider.counters.lists).toBe(pages);
    expect(turns).toBe(pages - 1);
  });

  const page = (numbers: number[], counts: object = {}): Fault =>
    answering(
      {
        ...success,
        ...counts,
        sslCertificateList: numbers.map((certificateNo) => ({ certificateNo, certificateName: 'a' })),
      },
      { times: 1 },
    );
  const total = (totalCount: unknown): object => ({ totalCount });

  test.each<[string, Fault[], string[]]>([
    ['no counts', [page([2, 1]), page([])], ['2', '1']],
    ['null counts', [page([1], total(null)), page([], total(null))], ['1']],
    ['zero counts', [page([1], total(0))], ['1']],
    ['counts as text', [page([2], total('2')), page([1], total('2'))], ['2', '1']],
    ['a count under another name', [page([2], { totalRows: 2 }), page([1], { totalRows: 2 })], ['2', '1']],
    ['no counts, and a code instead of an empty page', [page([1]), { code: '2200', times: 1 }], ['1']],
    ['pages that repeat without counts', [page([2, 1]), page([2, 1])], ['2', '1']],
    ['pages that overlap', [page([3, 2], total(3)), page([2, 1], total(3))], ['3', '2', '1']],
    ['one number twice on a page', [page([1, 1], total(2))], ['1']],
    [
      'a total that changes between pages',
      [page([1], total(2)), page([2], total(3)), page([3, 2, 1], total(3))],
      ['3', '2', '1'],
    ],
    ['a total that is gone on the second page', [page([1], total(2)), page([2]), page([2, 1], total(2))], ['2', '1']],
    [
      'a row that moves to a page that was read',
      [page([1, 2], total(4)), page([4], total(4)), page([], total(4)), page([2, 3, 4, 5], total(4))],
      ['5', '4', '3', '2'],
    ],
  ])('v2 lives with %s', async (_, faults, ids) => {
    const provider = await naverSimulator();
    for (const fault of faults) provider.fault(fault);
    const entries = await connect(provider.url, 'v2').list(call());
    expect(entries.map(({ id }) => id)).toEqual(ids);
    expect(provider.counters.lists).toBe(faults.length);
  });

  const once = (...numbers: number[]): Fault[] => [page(numbers, total(2)), page([], total(2))];
  test.each<[string, Fault[]]>([
    ['fewer certificates than it says', [...once(1), ...once(1)]],
    ['pages that repeat', [page([1], total(2)), page([1], total(2)), page([1], total(2)), page([1], total(2))]],
    [
      'a total that keeps changing',
      [page([1], total(2)), page([2], total(3)), page([1], total(3)), page([2], total(4))],
    ],
  ])('v2 refuses %s', async (_, faults) => {
    const provider = await naverSimulator();
    for (const fault of faults) provider.fault(fault);
    await refusal(connect(provider.url, 'v2').list(call()), 'InvalidResponse');
    expect(provider.counters.lists).toBe(4);
  });

  test('v2 gives up on a list without end', async () => {
    const provider = await naverSimulator();
    for (let no = 1; no <= 301; no++) provider.fault(page([no], total(1_000)));
    const error = await refusal(connect(provider.url, 'v2').list(call()), 'InvalidResponse');
    expect(error.message).toContain('more than 300 pages');
  });

  test('v1 asks once more when there are fewer certificates than it says, and then refuses', async () => {
    const provider = await naverSimulator();
    const client = connect(provider.url, 'v1');
    provider.fault(page([1], { totalRows: 2 }));
    provider.fault(page([2, 1], { totalRows: 2 }));
    let turns = 0;
    expect(await client.list({ ...call(), another: async () => void turns++ })).toHaveLength(2);
    expect(turns).toBe(1);
    provider.fault({ ...page([1], { totalRows: 2 }), times: 2 });
    const error = await refusal(client.list(call()), 'InvalidResponse');
    expect(error.message).toContain('another number of certificates');
    expect(provider.counters.lists).toBe(4);
  });

  const rows = (...sslCertificateList: unknown[]): string => JSON.stringify({ ...success, sslCertificateList });
  describe.each(versions)('%s refuses', (version) => {
    test.each([
      ['a page', '<html>'],
      ['cut JSON', '{"returnCode":"0","sslCertificateList":['],
      ['text that is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
      ['an array', '[]'],
      ['an empty object', '{}'],
      ['nothing', ''],
      ['null', 'null'],
      ['a list without a code', '{"sslCertificateList":[]}'],
      ['a code of another kind', '{"returnCode":{},"sslCertificateList":[]}'],
      ['a list of another kind', '{"returnCode":"0","sslCertificateList":{}}'],
      ['a count of another kind', '{"returnCode":"0","totalRows":"many","totalCount":"many","sslCertificateList":[]}'],
      ['a row of another kind', rows('a')],
      ['a row without a number', rows({ certificateName: 'a' })],
      ['a row without a name', rows({ certificateNo: 1 })],
      ['a row with an endless name', rows({ certificateNo: 1, certificateName: 'x'.repeat(5_000) })],
      ['a number that is negative', rows({ certificateNo: -1, certificateName: 'a' })],
      ['a number that is none', rows({ certificateNo: 1.5, certificateName: 'a' })],
      ['a number that is a path', rows({ certificateNo: '1/../2', certificateName: 'a' })],
      ['a number that is a query', rows({ certificateNo: '1?x=', certificateName: 'a' })],
      ['a number that is empty', rows({ certificateNo: '', certificateName: 'a' })],
      ['10 MB', 'x'.repeat(10_000_000)],
    ])('%s', async (_, body) => {
      const provider = await naverSimulator();
      provider.fault({ body });
      const error = await refusal(connect(provider.url, version).list(call()), 'InvalidResponse');
      expect(error.message).toMatch(/cannot be understood|larger than/);
    });
  });

  test.each([65_655, '65655'])('the number %j is an id as text', async (certificateNo) => {
    expect(await listed({ certificateNo, ...dated })).toMatchObject({ id: '65655' });
  });

  test('what is null or empty is as good as absent', async () => {
    const fields = [
      'domainAddress',
      'commonName',
      'updateDate',
      'statusCode',
      'statusName',
      'certSerialNumber',
      'caInfo',
    ];
    for (const nothing of [null, '']) {
      const row = Object.fromEntries(fields.map((field) => [field, nothing]));
      expect(await listed({ ...row, ...dated })).toEqual({
        id: '1',
        name: 'a',
        revision: expect.stringMatching(/./),
        notBefore: '2026-07-08T09:00:00+09:00',
        notAfter: '2027-08-08T20:59:59+09:00',
        withheld: { message: expect.any(String) },
      });
      expect(await listed({ ...row, validStartDate: nothing, validEndDate: nothing }, 'v2')).toEqual({
        id: '1',
        name: 'a',
        revision: expect.stringMatching(/./),
      });
    }
  });

  test.each([
    ['2026-07-08 09:00:00', '2026-07-08T00:00:00.000Z'],
    ['2026-01-01 00:00:00', '2025-12-31T15:00:00.000Z'],
    ['2026-07-08T09:00:00', '2026-07-08T00:00:00.000Z'],
  ])('the date %s is one of Korea', async (validStartDate, expected) => {
    const entry = await listed({ ...dated, validStartDate });
    expect(new Date(entry?.notBefore ?? '').toISOString()).toBe(expected);
  });

  test.each(['', '-', '2026-07-08', '0000-00-00 00:00:00', '2026-13-01 00:00:00', 'yesterday', null, undefined])(
    'v1 cannot compare by the date %j',
    async (validEndDate) => {
      const entry = await listed({ ...dated, validEndDate });
      expect(entry).toMatchObject({
        problem: { reason: 'CertificateUnavailable', message: expect.stringContaining('until when') },
      });
      expect(entry).not.toHaveProperty('notAfter');
    },
  );

  test.each([
    ['0134f7bac243', '0134f7bac243'],
    ['0134F7BAC243', '0134F7BAC243'],
    ['01:34:f7:ba:c2:43', '01:34:f7:ba:c2:43'],
    ['0134f7bac243*****************b6824c05395', undefined],
    ['0x0134', undefined],
    ['secret', undefined],
    ['f'.repeat(300), undefined],
    ['', undefined],
  ])('the serial number %s is kept as %s', async (certSerialNumber, expected) => {
    expect((await listed({ ...dated, certSerialNumber }))?.withheld?.serialNumber).toBe(expected);
  });

  test.each<[string | number, ProviderReason | undefined, RegExp?]>([
    ['0', 'CertificateUnavailable', /still being issued/],
    ['1', undefined],
    ['2', undefined],
    ['3', undefined],
    ['-1', 'CertificateUnavailable', /status -1/],
    ['-2', 'CertificateExpired', /has expired/],
    ['-3', 'CertificateUnavailable', /status -3/],
    ['-4', 'CertificateUnavailable', /status -4/],
    ['-5', 'CertificateRevoked', /is revoked/],
    ['-6', 'CertificateUnavailable', /is deleted/],
    ['-7', 'CertificateRevoked', /about to be revoked/],
    ['-11', 'CertificateUnavailable', /status -11/],
    ['-12', 'CertificateUnavailable', /status -12/],
    ['-20', 'CertificateUnavailable', /status -20/],
    ['-99', 'CertificateUnavailable', /status -99/],
    ['4', undefined],
    ['99', undefined],
    ['NORMAL', undefined],
    ['-<script>', undefined],
    [-5, 'CertificateRevoked', /is revoked/],
    [0, 'CertificateUnavailable', /still being issued/],
    [1, undefined],
  ])('status %j is %s, and asks for nothing then', async (statusCode, reason, message) => {
    const provider = await naverSimulator();
    const row = { certificateNo: 65_655, certificateName: 'a', ...dated, statusCode };
    provider.upload('a', '');
    for (const version of versions) {
      const client = connect(provider.url, version);
      provider.fault(answering({ ...success, sslCertificateList: [row] }, { match: 'list', times: 1 }));
      // The second page of v2, which is asked for without a total.
      if (version === 'v2') provider.fault({ match: 'list', code: '2200', times: 1 });
      const [entry] = await client.list(call());
      expect(entry?.problem?.reason).toBe(reason);
      if (entry === undefined || reason === undefined || message === undefined) continue;
      expect(entry.problem?.message).toMatch(message);
      const error = await refusal(client.download(entry, call()), reason);
      expect(error).toMatchObject({ concernsCertificate: true, retryable: false });
    }
    expect(provider.counters.downloads).toBe(0);
  });

  test('a renewal keeps the id and changes the revision', async () => {
    const provider = await naverSimulator();
    const authority = await createAuthority();
    const no = provider.upload('www', await authority.issue());
    for (const version of versions) {
      const client = connect(provider.url, version);
      const [before] = await client.list(call());
      expect(await client.list(call())).toEqual([before]);
      provider.renew(no, await authority.issue());
      const [after] = await client.list(call());
      expect(after?.id).toBe(before?.id);
      expect(after?.revision).not.toBe(before?.revision);
    }
  });

  test.each([
    ['another end', { validEndDate: '2028-08-08 20:59:59' }],
    ['another serial number', { certSerialNumber: '02' }],
    ['a later change', { updateDate: '2026-07-08 17:07:03' }],
  ])('v1 has another revision with %s alone', async (_, change) => {
    // Issued later than it was changed last: so says the guide's own example.
    const row = { ...dated, certSerialNumber: '01', updateDate: '2026-07-08 17:07:02' };
    const [before, after] = [await listed(row), await listed({ ...row, ...change })];
    expect(after?.revision).not.toBe(before?.revision);
  });
});

describe('download', () => {
  const gate: Omit<GateInput, 'parts'> = {
    dnsNames: ['www.example.com'],
    allowOlder: false,
    allowIncompleteChain: false,
    caCertificate: 'Include',
    now: Date.now(),
  };

  test('of v1 is refused without a request', async () => {
    const provider = await naverSimulator();
    provider.upload('www', await (await createAuthority()).issue());
    const client = connect(provider.url, 'v1');
    const [entry = entryOf('')] = await client.list(call());
    const error = await refusal(client.download(entry, call()), 'CertificateUnavailable');
    expect(error.message).toContain('set apiVersion v2, or mode Observe');
    expect(provider.counters).toMatchObject({ requests: 1, downloads: 0 });
  });

  test('of v2 gives the parts of the chain, which the gate takes with a key that the user supplies', async () => {
    const provider = await naverSimulator();
    const root = await createAuthority();
    const issued = await (await root.intermediate()).issue();
    provider.upload('www', issued);
    const client = connect(provider.url, 'v2');
    const [entry = entryOf('')] = await client.list(call());
    const parts = await client.download(entry, call());
    const windows = (text: string): string => text.replaceAll('\n', '\r\n');
    expect(parts.map((part) => Buffer.from(part).toString())).toEqual(
      [issued.certificate, issued.chain, issued.root].map(windows),
    );
    const judged = (o: Partial<GateInput>): Verdict => judge({ ...gate, parts, ...o });
    const verdict = judged({ privateKey: Buffer.from(issued.privateKey) });
    expect(verdict).toMatchObject({
      accepted: true,
      findings: [],
      pair: { certificates: issued.certificate + issued.chain, ca: issued.root },
    });
    if (!verdict.accepted) throw new Error('unreachable');
    expect(Buffer.from(verdict.pair.privateKey).toString()).toBe(issued.privateKey);
    expect(judged({})).toMatchObject({ accepted: false, reason: 'PrivateKeyMissing' });
    const another = await root.issue();
    expect(judged({ privateKey: Buffer.from(another.privateKey) })).toMatchObject({ reason: 'KeyMismatch' });
    expect(provider.counters).toMatchObject({ requests: 2, downloadsOf: { www: 1 } });
  });

  test.each([{}, { certificate: null, subCaCertificate: null, rootCaCertificate: null }, { certificate: '' }])(
    'of %j holds nothing, and the gate says so',
    async (fields) => {
      const provider = await naverSimulator();
      provider.fault(answering({ ...success, ...fields }));
      const parts = await connect(provider.url, 'v2').download(entryOf('1'), call());
      expect(judge({ ...gate, parts })).toMatchObject({ accepted: false, reason: 'CertificateUnavailable' });
    },
  );

  test('a certificate that is gone meanwhile is not found', async () => {
    const provider = await naverSimulator();
    const no = provider.upload('www', await (await createAuthority()).issue());
    const client = connect(provider.url, 'v2');
    await client.download(entryOf(String(no)), call());
    provider.remove(no);
    const error = await refusal(client.download(entryOf(String(no)), call()), 'CertificateNotFound');
    expect(error).toMatchObject({ code: '2200', retryable: false });
    for (const status of [400, 404, 500]) {
      provider.fault({ status, code: 2200, times: 1 });
      await refusal(client.download(entryOf(String(no)), call()), 'CertificateNotFound');
    }
  });

  test.each(['1000', '1002', '1004', '1006', '2101', '2201', '2202', '26034', '26040', '99999', '1', 1002, 26034])(
    'what the service refuses with code %j concerns this certificate alone, but as a list it cannot be understood',
    async (code) => {
      const provider = await naverSimulator();
      provider.fault(answering({ returnCode: code, returnMessage: 'No.' }));
      const client = connect(provider.url, 'v2');
      const error = await refusal(client.download(entryOf('1'), call()), 'CertificateUnavailable');
      expect(error).toMatchObject({ code: String(code), concernsCertificate: true });
      expect(error.message).toContain(`(code ${code}, request `);
      for (const version of versions) {
        const unlisted = await refusal(connect(provider.url, version).list(call()), 'InvalidResponse');
        expect(unlisted.code).toBe(String(code));
      }
    },
  );

  test('success may be told as a number', async () => {
    const provider = await naverSimulator();
    provider.fault(answering({ returnCode: 0, certificate: 'x', sslCertificateList: [] }));
    expect(await connect(provider.url, 'v2').list(call())).toEqual([]);
    const [part] = await connect(provider.url, 'v2').download(entryOf('1'), call());
    expect(Buffer.from(part ?? []).toString()).toBe('x');
  });

  test.each([
    ['a page', '<html>'],
    ['PEM without a code', JSON.stringify({ certificate: 'x' })],
    ['a field of another kind', JSON.stringify({ ...success, certificate: ['x'] })],
    ['2 MB', JSON.stringify({ ...success, certificate: 'x'.repeat(2_000_000) })],
  ])('%s is refused', async (_, body) => {
    const provider = await naverSimulator();
    provider.fault({ body });
    const error = await refusal(connect(provider.url, 'v2').download(entryOf('1'), call()), 'InvalidResponse');
    expect(error.message).toMatch(/cannot be understood|larger than/);
  });
});

describe('faults', () => {
  const gateway = (status: number, errorCode: string | number, more: object = {}): Fault =>
    answering({ error: { errorCode, message: 'No.', ...more } }, { status });
  const [forbidden, denied] = ['AuthenticationFailed', 'PermissionDenied'] as const;
  const [unavailable, invalid, limited] = ['ProviderUnavailable', 'InvalidResponse', 'RateLimited'] as const;

  /** Every row of providers.md 2.7, as the list (of either version) meets it and as a download does. */
  const cases: [string, Fault, ProviderReason, ProviderReason, string?][] = [
    ['2. a parameter that is missing', { status: 400, code: '2000' }, invalid, invalid, '2000'],
    ['2. a parameter that is wrong', { status: 400, code: 2100 }, invalid, invalid, '2100'],

    ['3. 400/100', gateway(400, '100'), invalid, invalid, '100'],
    ['3. 401/200', gateway(401, '200'), forbidden, forbidden, '200'],
    ['3. 401/210', gateway(401, '210'), forbidden, denied, '210'],
    ['3. 404/300', gateway(404, '300'), invalid, invalid, '300'],
    ['3. 413/430', gateway(413, '430'), invalid, invalid, '430'],
    ['3. 429/400', gateway(429, '400'), limited, limited, '400'],
    ['3. 429/410', gateway(429, '410'), limited, limited, '410'],
    ['3. 429/420', gateway(429, '420'), limited, limited, '420'],
    ['3. 503/500', gateway(503, '500'), unavailable, unavailable, '500'],
    ['3. 504/510', gateway(504, '510'), unavailable, unavailable, '510'],
    ['3. 500/900', gateway(500, '900'), unavailable, unavailable, '900'],
    ['3. a code as a number', gateway(401, 210), forbidden, denied, '210'],
    ['3. with details', gateway(401, 200, { details: 'Invalid key.' }), forbidden, forbidden, '200'],
    ['3. an unknown code', gateway(503, 777), unavailable, unavailable, '777'],
    ['3. a code that is none', gateway(401, '<b>x</b>'), forbidden, forbidden],
    ['3. no code', answering({ error: {} }, { status: 503 }), unavailable, unavailable],
    ['3. a status in place of the code', gateway(400, 400), invalid, invalid, '400'],
    ['3. another, which is that of a quota', gateway(403, '400'), forbidden, denied, '400'],
    ['3. 400/100 hidden in 200', gateway(200, '100'), invalid, invalid, '100'],
    ['3. 401/200 hidden in 200', gateway(200, '200'), forbidden, forbidden, '200'],
    ['3. 401/210 hidden in 200', gateway(200, 210), forbidden, denied, '210'],
    ['3. 404/300 hidden in 200', gateway(200, '300'), invalid, invalid, '300'],
    ['3. 413/430 hidden in 200', gateway(200, '430'), invalid, invalid, '430'],
    ['3. 429/410 hidden in 200', gateway(200, '410'), limited, limited, '410'],
    ['3. 429/420 hidden in 200', gateway(200, '420'), limited, limited, '420'],
    ['3. 503/500 hidden in 200', gateway(200, '500'), unavailable, unavailable, '500'],
    ['3. 504/510 hidden in 200', gateway(200, '510'), unavailable, unavailable, '510'],
    ['3. 500/900 hidden in 200', gateway(200, '900'), unavailable, unavailable, '900'],
    ['3. an unknown code hidden in 200', gateway(200, 777), invalid, invalid, '777'],

    ['4. 403 and nothing else', { status: 403, body: '' }, forbidden, denied],

    ['5. errorCode', answering({ errorCode: '200' }, { status: 401 }), forbidden, forbidden, '200'],
    ['5. errorCode 210', answering({ errorCode: 210 }, { status: 401 }), forbidden, denied, '210'],
    ['5. errorCode hidden in 200', answering({ errorCode: '420' }), limited, limited, '420'],
    ['5. code and msg', answering({ code: '1300', msg: 'No.' }, { status: 503 }), unavailable, unavailable, '1300'],
    ['5. code and msg hidden in 200', answering({ code: 401, msg: 'No.' }), invalid, invalid, '401'],
    [
      '5. status',
      answering({ status: { code: 'E17', message: 'No.' } }, { status: 500 }),
      unavailable,
      unavailable,
      'E17',
    ],
    ['5. status hidden in 200', answering({ status: { code: 'E17', message: 'No.' } }), invalid, invalid, 'E17'],
    [
      '5. Spring',
      answering(
        { timestamp: '2026-07-08T00:00:00.000+00:00', status: 404, error: 'Not Found', path: '/api' },
        { status: 404 },
      ),
      invalid,
      invalid,
    ],
    ['5. Spring, hidden in 200', answering({ timestamp: 1, status: 500, error: 'x', path: '/' }), invalid, invalid],
    ['a page', { status: 502, body: '<html>' }, unavailable, unavailable],
    ['408', { status: 408, body: '' }, unavailable, unavailable],
    ['401 and nothing else', { status: 401, body: '' }, forbidden, forbidden],
    ['429 and nothing else', { status: 429, body: '' }, limited, limited],
    ['206', { status: 206 }, invalid, invalid],
    ['a redirect', { redirect: 'http://127.0.0.1:1/' }, invalid, invalid],
    ['a reset', { reset: true }, unavailable, unavailable],
    ['a cut', { cut: true }, unavailable, unavailable],
  ];

  test.each(cases)('%s', async (_, fault, list, download, code) => {
    const provider = await naverSimulator();
    const no = provider.upload('www', await (await createAuthority()).issue());
    provider.fault(fault);
    const errors = [
      await refusal(connect(provider.url, 'v1').list(call()), list),
      await refusal(connect(provider.url, 'v2').list(call()), list),
      await refusal(connect(provider.url, 'v2').download(entryOf(String(no)), call()), download),
    ];
    for (const error of errors) {
      expect(error.code).toBe(code);
      expect(error.concernsCertificate).toBe(false);
      expect(error.message).not.toContain('status 200');
      if (fault.status !== 403) expect(error.message).not.toContain('sub account');
    }
    provider.clearFaults();
    for (const version of versions) expect(await connect(provider.url, version).list(call())).toHaveLength(1);
  });

  test.each([
    [100, 400],
    [200, 401],
    [300, 404],
    [400, 429],
    [410, 429],
    [420, 429],
    [430, 413],
    [500, 503],
    [510, 504],
    [900, 500],
  ])('code %d hidden in 200 is told as the status %d that it goes with', async (code, status) => {
    const provider = await naverSimulator();
    provider.fault({ code });
    const error: unknown = await connect(provider.url, 'v1')
      .list(call())
      .catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('message', expect.stringContaining(`status ${status}`));
  });

  test('of the simulator itself read alike', async () => {
    const provider = await naverSimulator();
    const client = connect(provider.url, 'v1');
    const faults: [Fault, ProviderReason, string | undefined][] = [
      [{ status: 400 }, invalid, '100'],
      [{ status: 401 }, forbidden, '200'],
      [{ status: 401, code: 210 }, forbidden, '210'],
      [{ status: 429 }, limited, '420'],
      [{ status: 500 }, unavailable, '900'],
      [{ status: 502 }, unavailable, undefined],
      [{ code: 26_034 }, invalid, '26034'],
    ];
    for (const [fault, reason, code] of faults) {
      provider.fault({ ...fault, times: 1 });
      expect((await refusal(client.list(call()), reason)).code).toBe(code);
    }
  });

  test.each<[string, Fault, number | undefined]>([
    ['a quota that is used up', { status: 429, code: '400' }, 600_000],
    ['as a number', { status: 429, code: 400 }, 600_000],
    ['hidden in 200', { code: '400' }, 600_000],
    ['in the other envelope', answering({ errorCode: '400' }, { status: 429 }), 600_000],
    ['whose end is known', { status: 429, code: '400', retryAfter: 1_200 }, 1_200_000],
    ['a throttle', { status: 429, code: '410' }, undefined],
    ['a throttle whose end is known', { status: 429, code: '410', retryAfter: 7 }, 7_000],
    ['a rate', { status: 429, code: '420' }, undefined],
    ['a rate whose end is known', { status: 429, code: 420, retryAfter: 3 }, 3_000],
    ['an outage whose end is known', { status: 503, retryAfter: 30 }, 30_000],
    ['a wrong request of the same code', { status: 400, code: '400' }, undefined],
  ])('the pause after %s', async (_, fault, retryAfterMs) => {
    const provider = await naverSimulator();
    provider.fault(fault);
    for (const ask of [
      () => connect(provider.url, 'v1').list(call()),
      () => connect(provider.url, 'v2').download(entryOf('1'), call()),
    ]) {
      const error: unknown = await ask().catch((thrown: unknown) => thrown);
      expect(error).toHaveProperty('retryAfterMs', retryAfterMs);
    }
  });

  test('an empty 403 is told as what it most likely is, with v2 only', async () => {
    const provider = await naverSimulator();
    provider.mainAccount = false;
    const hint = /the keys of a sub account: it needs those of the main account/;
    const client = connect(provider.url, 'v2');
    expect((await refusal(client.list(call()), forbidden)).message).toMatch(hint);
    expect((await refusal(client.download(entryOf('1'), call()), denied)).message).toMatch(hint);
    provider.fault({ status: 403, body: '' });
    expect((await refusal(connect(provider.url, 'v1').list(call()), forbidden)).message).not.toMatch(/sub account/);
    provider.clearFaults();
    provider.mainAccount = true;
    provider.fault({ status: 403, body: '<html>' });
    expect((await refusal(client.list(call()), forbidden)).message).not.toMatch(/sub account/);
  });

  test('a key without the permission is not told that the key is wrong', async () => {
    const provider = await naverSimulator();
    provider.fault({ status: 401, code: '210' });
    const error = await refusal(connect(provider.url, 'v1').list(call()), forbidden);
    expect(error.message).toMatch(/may not|permission/);
    expect(error.message).not.toMatch(/status 403|does not accept/);
  });

  test.each([
    [400_000, /clock of this machine is \d+ s behind/],
    [-400_000, /clock of this machine is \d+ s ahead of/],
  ])('a clock that is %d ms off is named', async (offset, message) => {
    const provider = await naverSimulator();
    provider.clockOffsetMs = offset;
    for (const ask of [
      () => connect(provider.url, 'v1').list(call()),
      () => connect(provider.url, 'v2').download(entryOf('1'), call()),
    ]) {
      expect((await refusal(ask(), forbidden)).message).toMatch(message);
    }
    expect(provider.counters.refused).toBe(2);
  });

  test.each(['accessKey', 'secretKey'])('a wrong %s is refused, and the clock is not blamed', async (key) => {
    const provider = await naverSimulator();
    const credentials = { ...canaries, [key]: 'another' };
    const client = connect(provider.url, 'v2', credentials);
    for (const ask of [() => client.list(call()), () => client.download(entryOf('1'), call())]) {
      const error = await refusal(ask(), forbidden);
      expect(error.code).toBe('200');
      expect(error.message).not.toContain('clock');
    }
    expect(provider.counters).toMatchObject({ refused: 2, lists: 0, downloads: 0 });
  });

  test('the id of the request is kept', async () => {
    const provider = await naverSimulator();
    provider.fault({ status: 500, headers: { 'x-ncp-trace-id': 'abc-1' } });
    const error = await refusal(connect(provider.url, 'v1').list(call()), unavailable);
    expect(error.requestId).toBe('abc-1');
    expect(error.message).toContain('(code 900, request abc-1)');
  });
});

test.each(['1/2', '../../v1/certificates', '1?x=1', '1#', '1%2f..', '1;x', ' 1'])(
  'an id like %j stays one segment of the path, which no certificate has',
  async (id) => {
    const provider = await naverSimulator();
    provider.upload('name', '');
    const error = await refusal(connect(provider.url, 'v2').download(entryOf(id), call()), 'InvalidResponse');
    expect(error).toMatchObject({ code: '2100' });
    expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
  },
);
