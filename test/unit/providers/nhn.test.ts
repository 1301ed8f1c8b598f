import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import { call, canaries, connect, entryOf, refusal, simulator } from './support.ts';

const file = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('list', () => {
  test('gives every certificate, expired ones too, in one request', async () => {
    const provider = await simulator();
    provider.upload('www.example.com', file, { created: '2026-01-02', expires: '2999-03-04' });
    provider.upload('expired', file, { created: '2020-01-02', expires: '2021-03-04' });
    provider.register('without-a-file');
    expect(await connect(provider.url).list(call())).toEqual([
      {
        id: 'www.example.com',
        name: 'www.example.com',
        revision: '2026-01-02/2999-03-04',
        day: '2026-01-02',
        notAfter: '2999-03-04',
      },
      { id: 'expired', name: 'expired', revision: '2020-01-02/2021-03-04', day: '2020-01-02', notAfter: '2021-03-04' },
      { id: 'without-a-file', name: 'without-a-file', revision: '-/-' },
    ]);
    expect(provider.counters).toMatchObject({ requests: 1, lists: 1 });
  });

  test('an empty account is an empty list', async () => {
    const provider = await simulator();
    expect(await connect(provider.url).list(call())).toEqual([]);
    expect(provider.counters.requests).toBe(1);
  });

  test('thousands of certificates fit', async () => {
    const provider = await simulator();
    for (let i = 0; i < 10_000; i++) provider.upload(`certificate-${i}.some-long-name.example.com`, file);
    expect(await connect(provider.url).list(call())).toHaveLength(10_000);
  });

  test('goes on by pages when all=true is not obeyed', async () => {
    const provider = await simulator();
    provider.pagesOf = 10;
    for (let i = 0; i < 35; i++) provider.upload(`c${i}`, file);
    let turns = 0;
    const entries = await connect(provider.url).list({ ...call(), another: async () => void turns++ });
    expect(entries.map(({ id }) => id)).toEqual(Array.from({ length: 35 }, (_, i) => `c${i}`));
    expect(provider.counters.lists).toBe(4);
    expect(turns).toBe(3);
  });

  const success = { resultCode: 0, resultMessage: 'success', isSuccessful: true };
  const page = (names: string[], counts: object = {}): Fault => ({
    match: 'list',
    times: 1,
    body: JSON.stringify({
      header: success,
      body: { ...counts, data: names.map((certificateName) => ({ certificateName })) },
    }),
  });

  test.each<[string, Fault[], string[]]>([
    ['no counts', [page(['a', 'b'])], ['a', 'b']],
    ['null counts', [page(['a'], { totalCount: null, totalPage: null })], ['a']],
    ['zero counts', [page(['a'], { totalCount: 0, totalPage: 0 })], ['a']],
    [
      'counts as text',
      [page(['a'], { totalCount: '2', totalPage: '2' }), page(['b'], { totalCount: '2' })],
      ['a', 'b'],
    ],
    ['only a number of pages', [page(['a'], { totalPage: 2 }), page(['b'], { totalPage: 2 })], ['a', 'b']],
    ['pages that repeat', [page(['a', 'b'], { totalPage: 3 }), page(['a', 'b'], { totalPage: 3 })], ['a', 'b']],
    ['pages that overlap', [page(['a', 'b'], { totalCount: 3 }), page(['b', 'c'], { totalCount: 3 })], ['a', 'b', 'c']],
    ['one name twice', [page(['a', 'a'], { totalCount: 2 })], ['a']],
    [
      'a total that changes between pages',
      [page(['a'], { totalCount: 2 }), page(['b'], { totalCount: 3 }), page(['a', 'b', 'c'], { totalCount: 3 })],
      ['a', 'b', 'c'],
    ],
    [
      'a row that moves to a page that was read',
      [
        page(['a', 'b'], { totalCount: 4 }),
        page(['d'], { totalCount: 4 }),
        page([], { totalCount: 4 }),
        page(['b', 'c', 'd', 'e'], { totalCount: 4 }),
      ],
      ['b', 'c', 'd', 'e'],
    ],
  ])('lives with %s', async (_, faults, names) => {
    const provider = await simulator();
    for (const fault of faults) provider.fault(fault);
    const entries = await connect(provider.url).list(call());
    expect(entries.map(({ id }) => id)).toEqual(names);
    expect(provider.counters.lists).toBe(faults.length);
  });

  test('of two rows with one name the later counts, in whatever order they come', async () => {
    const provider = await simulator();
    const rows = [
      { certificateName: 'a', fileCreationDate: '2026-01-02' },
      { certificateName: 'a', fileCreationDate: '2026-03-04' },
    ];
    for (const data of [rows, rows.toReversed()]) {
      provider.fault({ match: 'list', times: 1, body: JSON.stringify({ header: success, body: { data } }) });
      expect(await connect(provider.url).list(call())).toMatchObject([{ revision: '2026-03-04/-' }]);
    }
  });

  test.each<[string, Fault[]]>([
    [
      'fewer certificates than it says',
      [
        page(['a'], { totalCount: 2 }),
        page([], { totalCount: 2 }),
        page(['a'], { totalCount: 2 }),
        page([], { totalCount: 2 }),
      ],
    ],
    [
      'a total that keeps changing',
      [
        page(['a'], { totalCount: 2 }),
        page(['b'], { totalCount: 3 }),
        page(['a'], { totalCount: 3 }),
        page(['b'], { totalCount: 4 }),
      ],
    ],
  ])('refuses %s', async (_, faults) => {
    const provider = await simulator();
    for (const fault of faults) provider.fault(fault);
    await refusal(connect(provider.url).list(call()), 'InvalidResponse');
    expect(provider.counters.lists).toBe(4);
  });

  test.each([
    ['not JSON', '<html>'],
    ['cut JSON', '{"header":{"isSuccessful":true},"body":{"data":['],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['an array', '[]'],
    ['no header', '{"body":{"data":[]}}'],
    ['no body', JSON.stringify({ header: success, body: null })],
    ['a body without data', JSON.stringify({ header: success, body: {} })],
    ['a row without a name', JSON.stringify({ header: success, body: { data: [{ fileCreationDate: '2026-01-02' }] } })],
    [
      'a row with an endless name',
      JSON.stringify({ header: success, body: { data: [{ certificateName: 'x'.repeat(5_000) }] } }),
    ],
    ['nothing', ''],
    ['10 MB', 'x'.repeat(10_000_000)],
  ])('refuses %s', async (_, body) => {
    const provider = await simulator();
    provider.fault({ body });
    expect((await refusal(connect(provider.url).list(call()), 'InvalidResponse')).message).toMatch(
      /cannot be understood|larger than/,
    );
  });

  test('names that no URL can carry are marked, not hidden', async () => {
    const provider = await simulator();
    for (const name of ['..', '.', 'a\nb', 'good']) provider.upload(name, file);
    const entries = await connect(provider.url).list(call());
    expect(entries.map(({ name, problem }) => [name, problem?.reason])).toEqual([
      ['..', 'CertificateUnavailable'],
      ['.', 'CertificateUnavailable'],
      ['a\nb', 'CertificateUnavailable'],
      ['good', undefined],
    ]);
    const [marked] = entries;
    if (!marked) throw new Error('unreachable');
    await refusal(connect(provider.url).download(marked, call()), 'CertificateUnavailable');
    expect(provider.counters.downloads).toBe(0);
  });
});

describe('download', () => {
  test.each([
    'www.example.com',
    '*.example.com',
    '인증서 운영',
    'a/b',
    '100%',
    '%2e%2e',
    '...',
    "it's (new)!",
    'a?b#c&d',
    'e\u0301',
    '-_.*~',
  ])('asks for %j by its name, encoded', async (name) => {
    const provider = await simulator();
    provider.upload(name, file);
    const [part, ...rest] = await connect(provider.url).download(entryOf(name), call());
    expect(Buffer.from(part ?? []).toString()).toBe(file);
    expect(rest).toEqual([]);
    expect(provider.counters.downloadsOf).toEqual({ [name]: 1 });
  });

  test.each([
    ['nothing', ''],
    ['white space', ' \r\n'],
    ['garbage', Buffer.from([0, 1, 2, 0xff])],
    ['text that begins like JSON', '{ comment }\n-----BEGIN CERTIFICATE-----'],
    ['text that begins like a page', '<comment>\n-----BEGIN CERTIFICATE-----'],
    ['512 KiB', '-----BEGIN CERTIFICATE-----\n'.repeat(20_000).slice(0, 512 * 1024)],
  ])('hands on %s as it is', async (_, content) => {
    const provider = await simulator();
    provider.upload('name', content);
    const [part] = await connect(provider.url).download(entryOf('name'), call());
    expect(Buffer.compare(Buffer.from(part ?? []), Buffer.from(content))).toBe(0);
  });

  test('the states of a certificate', async () => {
    const provider = await simulator();
    const client = connect(provider.url);
    expect(await refusal(client.download(entryOf('name'), call()), 'CertificateNotFound')).toMatchObject({
      code: '52000',
      retryable: false,
    });
    provider.register('name');
    expect(await refusal(client.download(entryOf('name'), call()), 'CertificateUnavailable')).toMatchObject({
      code: '52001',
    });
    provider.upload('name', file);
    await client.download(entryOf('name'), call());
    provider.addFile('name', file);
    expect(await refusal(client.download(entryOf('name'), call()), 'CertificateUnavailable')).toMatchObject({
      code: '52002',
    });
    provider.upload('name', file, { expires: '2020-01-01' });
    expect(await refusal(client.download(entryOf('name'), call()), 'CertificateExpired')).toMatchObject({
      code: '52005',
    });
    provider.remove('name');
    await refusal(client.download(entryOf('name'), call()), 'CertificateNotFound');
  });

  test.each<[number, ProviderReason]>([
    [52000, 'CertificateNotFound'],
    [52001, 'CertificateUnavailable'],
    [52002, 'CertificateUnavailable'],
    [52003, 'CertificateUnavailable'],
    [52004, 'MalformedBundle'],
    [52005, 'CertificateExpired'],
    [52006, 'MalformedBundle'],
    [52007, 'CertificateUnavailable'],
    [52008, 'CertificateUnavailable'],
    [52009, 'CertificateUnavailable'],
  ])('code %d is %s, with whatever status and type', async (code, reason) => {
    const provider = await simulator();
    const client = connect(provider.url);
    for (const status of [200, 400, 404, 500]) {
      provider.fault({
        match: 'download',
        times: 1,
        code,
        status,
        headers: { 'content-type': 'application/octet-stream' },
      });
      const error = await refusal(client.download(entryOf('name'), call()), reason);
      expect(error).toMatchObject({ code: String(code), concernsCertificate: true });
      expect(error.message).toContain(`(code ${code})`);
    }
    // About a list, such a code makes no sense.
    provider.fault({ match: 'list', code });
    await refusal(client.list(call()), 'InvalidResponse');
  });
});

describe('faults', () => {
  test.each<[string, Fault, ProviderReason, ProviderReason, string?]>([
    ['401', { status: 401 }, 'AuthenticationFailed', 'AuthenticationFailed', '4011001'],
    [
      '401 of the other kind',
      { code: 4012003, status: 401 },
      'AuthenticationFailed',
      'AuthenticationFailed',
      '4012003',
    ],
    ['401 without a body', { status: 401, body: '' }, 'AuthenticationFailed', 'AuthenticationFailed'],
    ['401 hidden in 200', { code: 4011002 }, 'AuthenticationFailed', 'AuthenticationFailed', '4011002'],
    ['403', { status: 403 }, 'AuthenticationFailed', 'PermissionDenied', '4031007'],
    ['403 without a body', { status: 403, body: '' }, 'AuthenticationFailed', 'PermissionDenied'],
    ['404 of the gateway', { status: 404 }, 'InvalidResponse', 'InvalidResponse', '4041007'],
    ['404 as a page', { status: 404, body: '<html>' }, 'InvalidResponse', 'InvalidResponse'],
    ['413', { status: 413 }, 'InvalidResponse', 'InvalidResponse', '4131000'],
    ['429', { status: 429 }, 'RateLimited', 'RateLimited', '4291000'],
    ['429 hidden in 200', { code: 4291000 }, 'RateLimited', 'RateLimited', '4291000'],
    ['408', { status: 408, body: '' }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['500', { status: 500 }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['502', { status: 502 }, 'ProviderUnavailable', 'ProviderUnavailable', '5020001'],
    ['502 of the other kind', { status: 502, code: 5021001 }, 'ProviderUnavailable', 'ProviderUnavailable', '5021001'],
    ['503', { status: 503 }, 'ProviderUnavailable', 'ProviderUnavailable', '5030001'],
    ['504', { status: 504 }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['an unknown code', { code: 53000 }, 'InvalidResponse', 'InvalidResponse', '53000'],
    ['an unknown code with a status', { code: 99, status: 503 }, 'ProviderUnavailable', 'ProviderUnavailable', '99'],
    ['a redirect', { redirect: 'http://127.0.0.1:1/' }, 'InvalidResponse', 'InvalidResponse'],
    ['a redirect for good', { redirect: '/', status: 301 }, 'InvalidResponse', 'InvalidResponse', '-'],
    ['206', { status: 206, body: '' }, 'InvalidResponse', 'InvalidResponse'],
    ['a page', { body: '\ufeff <!doctype html><title>Maintenance</title>' }, 'InvalidResponse', 'InvalidResponse'],
    ['JSON of another kind', { body: '{"error":{"errorCode":"200"}}' }, 'InvalidResponse', 'InvalidResponse'],
    [
      'JSON that says success',
      { body: '{"header":{"isSuccessful":true,"resultCode":0},"body":null}' },
      'InvalidResponse',
      'InvalidResponse',
    ],
    [
      'JSON that says failure as text',
      { body: '{"header":{"isSuccessful":"false","resultCode":"5030001"}}' },
      'ProviderUnavailable',
      'ProviderUnavailable',
      '5030001',
    ],
    [
      'a code that is no code',
      { body: '{"header":{"isSuccessful":false,"resultCode":"<b>x</b>"}}' },
      'InvalidResponse',
      'InvalidResponse',
    ],
    ['a reset', { reset: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['a cut', { cut: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['compression', { headers: { 'content-encoding': 'gzip' } }, 'InvalidResponse', 'InvalidResponse'],
  ])('%s', async (_, fault, listed, downloaded, code) => {
    const provider = await simulator();
    const client = connect(provider.url);
    provider.upload('name', file);
    provider.fault(fault);
    const errors = [
      await refusal(client.list(call()), listed),
      await refusal(client.download(entryOf('name'), call()), downloaded),
    ];
    for (const error of errors) {
      expect(error.code).toBe(code === '-' ? undefined : code);
      expect(error.concernsCertificate).toBe(false);
    }
    provider.clearFaults();
    expect(await client.list(call())).toHaveLength(1);
  });

  test.each([
    ['appKey', 'another'],
    ['accessKeyId', 'another'],
    ['secretAccessKey', 'another'],
  ])('a wrong %s', async (key, value) => {
    const provider = await simulator();
    const client = connect(provider.url, { credentials: { ...canaries, [key]: value } });
    await refusal(client.list(call()), 'AuthenticationFailed');
    await refusal(client.download(entryOf('name'), call()), 'AuthenticationFailed');
    expect(provider.counters).toMatchObject({ refused: 2, lists: 0, downloads: 0 });
  });

  test('Retry-After and the id of the request are kept', async () => {
    const provider = await simulator();
    provider.fault({ status: 429, retryAfter: 7, headers: { 'x-request-id': 'abc-1' } });
    const error = await refusal(connect(provider.url).list(call()), 'RateLimited');
    expect(error).toMatchObject({ retryAfterMs: 7_000, requestId: 'abc-1', retryable: true });
    expect(error.message).toContain('(code 4291000, request abc-1)');
  });

  test('an id of a request that is none is dropped', async () => {
    const provider = await simulator();
    provider.fault({ status: 500, headers: { 'x-request-id': 'a b<script>' } });
    expect(await refusal(connect(provider.url).list(call()), 'ProviderUnavailable')).toMatchObject({
      requestId: undefined,
    });
  });
});
