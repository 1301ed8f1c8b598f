import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as dial } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAuthority, type Issued } from '../../../sandbox/pki/index.ts';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import { type Form, forms } from '../../../sandbox/providers/scp/forms.ts';
import { type ScpFiles, type ScpSimulator, startScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import { judge } from '../../../src/certificate/gate.ts';
import type { Verdict } from '../../../src/certificate/verdict.ts';
import { systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import { HttpClient } from '../../../src/providers/http.ts';
import type { ProviderClient } from '../../../src/providers/provider.ts';
import { call, canaries, connectTo, entryOf, refusal, scpSimulator } from './support.ts';

const files: ScpFiles = { body: 'B', chain: 'C', key: 'K' };
const absentId = '0fdd87aab8cb46f59b7c1f81ed03fb3e';

function client(provider: ScpSimulator, o: Parameters<typeof connectTo>[1] = {}): ProviderClient {
  return connectTo({ scp: { endpoint: provider.url } }, o);
}

async function filled(count: number, knobs: object = {}): Promise<ScpSimulator> {
  const provider = Object.assign(await scpSimulator(), knobs);
  for (let i = 0; i < count; i++) provider.upload(`name-${i}`, files);
  return provider;
}

describe('list', () => {
  test('gives every certificate, the one made last first, with dates in UTC', async () => {
    const provider = await scpSimulator();
    const dates = { notBefore: new Date('2026-01-02T03:04:05Z'), notAfter: new Date('2999-06-07T08:09:10Z') };
    const first = provider.upload('first', files, { ...dates, cn: 'www.example.com' });
    const second = provider.upload('second', files, { ...dates, state: 'ERROR' });
    const [notBefore, notAfter] = ['2026-01-02T03:04:05Z', '2999-06-07T08:09:10Z'];
    const dated = { revision: `${notBefore}/${notAfter}`, notBefore, notAfter };
    expect(await client(provider).list(call())).toEqual([
      { id: second, name: 'second', commonName: 'second', state: 'ERROR', usable: false, ...dated },
      { id: first, name: 'first', commonName: 'www.example.com', state: 'VALID', ...dated },
    ]);
    expect(provider.counters).toMatchObject({ requests: 1, lists: 1 });
  });

  test('an empty account is an empty list', async () => {
    const provider = await scpSimulator();
    expect(await client(provider).list(call())).toEqual([]);
    expect(provider.counters.requests).toBe(1);
  });

  test.each(['v1.2', 'v1.1', 'v1.0'] as const)('asks for API %s', async (apiVersion) => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    const connected = connectTo({ scp: { endpoint: provider.url, apiVersion } });
    provider.versions = [apiVersion.slice(1)];
    expect(await connected.list(call())).toHaveLength(1);
    expect(await connected.download(entryOf(id), call())).toHaveLength(3);
    provider.versions = ['1.2', '1.1', '1.0'].filter((version) => version !== apiVersion.slice(1));
    await refusal(connected.list(call()), 'InvalidResponse');
  });

  test.each<[string, number, object, number]>([
    ['a few', 19, {}, 1],
    ['hundreds', 200, {}, 1],
    ['as many as a page has by default, which may not be all', 20, {}, 2],
    ['more than fit on a page', 1_001, {}, 2],
    ['hundreds, counted by page', 200, { counts: 'page' }, 1],
    ['more than fit on a page, counted by page', 1_001, { counts: 'page' }, 2],
    ['pages that all are the first', 50, { ignoresPage: true }, 1],
    ['pages that all are the first, and may be full', 20, { ignoresPage: true }, 2],
    ['pages that all are the first, counted by page', 20, { ignoresPage: true, counts: 'page' }, 2],
    ['pages of the default size', 45, { ignoresSize: true }, 3],
    ['pages of the default size, counted by page', 45, { ignoresSize: true, counts: 'page' }, 3],
    ['full pages of the default size', 40, { ignoresSize: true }, 2],
    ['full pages of the default size, counted by page', 40, { ignoresSize: true, counts: 'page' }, 3],
  ])('is complete with %s', async (_, count, knobs, requests) => {
    const provider = await filled(count, knobs);
    let turns = 0;
    const entries = await client(provider).list({ ...call(), another: async () => void turns++ });
    expect(entries.map(({ name }) => name)).toEqual(Array.from({ length: count }, (_, i) => `name-${count - 1 - i}`));
    expect(provider.counters.lists).toBe(requests);
    expect(turns).toBe(requests - 1);
  });

  const page = (names: string[], told: object = {}): Fault => ({
    match: 'list',
    times: 1,
    body: JSON.stringify({ certificates: names.map((name) => ({ id: name, name })), page: 0, size: 1_000, ...told }),
  });
  const twenty = Array.from({ length: 20 }, (_, i) => `c${i}`);

  test.each<[string, Fault[], string[]]>([
    ['no count and no size', [page(['a', 'b'], { size: undefined })], ['a', 'b']],
    ['a count and a size of null', [page(['a'], { count: null, size: null })], ['a']],
    ['numbers as texts', [page(['a'], { count: '2', size: '1' }), page(['b'], { count: '2', size: '1' })], ['a', 'b']],
    ['a count and a size that are none', [page(['a'], { count: 'many', size: {} })], ['a']],
    ['a count below what is there', [page(['a', 'b'], { count: 0 })], ['a', 'b']],
    [
      'pages that it says are smaller than asked for',
      [page(['a', 'b'], { count: 2, size: 2 }), page(['c'], { count: 1, size: 2 })],
      ['a', 'b', 'c'],
    ],
    ['one certificate twice', [page(['a', 'a'], { count: 2 })], ['a']],
    ['pages that overlap', [page(['a', 'b'], { count: 3 }), page(['b', 'c'], { count: 3 })], ['a', 'b', 'c']],
    [
      'a total that changes between pages',
      [
        page(['a'], { count: 2 }),
        page(['b'], { count: 3 }),
        page([], { count: 3 }),
        page(['a', 'b', 'c'], { count: 3 }),
      ],
      ['a', 'b', 'c'],
    ],
    [
      'a row that moves to a page that was read',
      [page(['a', 'b'], { count: 4 }), page(['d'], { count: 4 }), page([], { count: 4 }), page(['b', 'c', 'd', 'e'])],
      ['b', 'c', 'd', 'e'],
    ],
    [
      'a total that shows only on a later page',
      [
        page(twenty, { count: 20 }),
        page(['b'], { count: 22 }),
        page([], { count: 22 }),
        page([...twenty, 'a', 'b'], { count: 22 }),
      ],
      [...twenty, 'a', 'b'],
    ],
    [
      'a count that is no total, when two lists show the same',
      [page(['a', 'b'], { count: 9 }), page([], { count: 9 }), page(['a', 'b'], { count: 9 }), page([], { count: 9 })],
      ['a', 'b'],
    ],
  ])('lives with %s', async (_, faults, names) => {
    const provider = await scpSimulator();
    for (const fault of faults) provider.fault(fault);
    let turns = 0;
    const entries = await client(provider).list({ ...call(), another: async () => void turns++ });
    expect(entries.map(({ id }) => id)).toEqual(names);
    expect(provider.counters.lists).toBe(faults.length);
    expect(turns).toBe(faults.length - 1);
  });

  test.each<[string, Fault[]]>([
    [
      'a total that keeps changing',
      [
        page(['a'], { count: 2 }),
        page(['b'], { count: 3 }),
        page([]),
        page(['a', 'c'], { count: 3 }),
        page(['b'], { count: 4 }),
        page([]),
      ],
    ],
    [
      'fewer certificates than it says, and not the same twice',
      [page(['a'], { count: 2 }), page([], { count: 2 }), page(['b'], { count: 2 }), page([], { count: 2 })],
    ],
    ['none although it says that there are some', [page([], { count: 2 }), page([], { count: 2 })]],
    [
      'the first page for every other',
      [page(['a'], { count: 2 }), page(['a'], { count: 2 }), page(['a'], { count: 2 }), page(['a'], { count: 2 })],
    ],
  ])('refuses %s', async (_, faults) => {
    const provider = await scpSimulator();
    for (const fault of faults) provider.fault(fault);
    await refusal(client(provider).list(call()), 'InvalidResponse');
    expect(provider.counters.lists).toBe(faults.length);
  });

  test('never takes the first twenty for all when pages and sizes go unheard', async () => {
    const provider = await filled(45, { ignoresPage: true, ignoresSize: true });
    await refusal(client(provider).list(call()), 'InvalidResponse');
  });

  test('fails as a whole when one page does', async () => {
    const provider = await scpSimulator();
    provider.fault(page(twenty, { count: 45 }));
    provider.fault({ status: 503 });
    await refusal(client(provider).list(call()), 'ProviderUnavailable');
    expect(provider.counters.lists).toBe(2);
  });

  test('does not go on for ever', async () => {
    const provider = await scpSimulator();
    for (let i = 0; i < 200; i++) provider.fault(page([`c${i}`], { count: 1_000 }));
    expect((await refusal(client(provider).list(call()), 'InvalidResponse')).message).toContain('more than 100 pages');
    expect(provider.counters.lists).toBe(100);
  });

  test.each([
    ['not JSON', '<html>'],
    ['cut JSON', '{"certificates":['],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['an array', '[]'],
    ['an object without certificates', '{"count":0}'],
    ['an error with status 200', '{"errors":[{"code":"x","status":500}]}'],
    ['certificates of null', '{"certificates":null,"count":0}'],
    ['a row without an id', '{"certificates":[{"name":"a"}]}'],
    ['a row without a name', '{"certificates":[{"id":"a"}]}'],
    ['a row with an endless name', JSON.stringify({ certificates: [{ id: 'a', name: 'x'.repeat(5_000) }] })],
    ['nothing', ''],
    ['10 MB', 'x'.repeat(10_000_000)],
  ])('refuses %s', async (_, body) => {
    const provider = await scpSimulator();
    provider.fault({ body });
    expect((await refusal(client(provider).list(call()), 'InvalidResponse')).message).toMatch(
      /cannot be understood|larger than/,
    );
  });

  test.each([
    ['2026-02-07T18:07:59', '2026-02-07T18:07:59Z'],
    ['2026-02-07 18:07:59', '2026-02-07T18:07:59Z'],
    ['2026-02-07T18:07:59.123456', '2026-02-07T18:07:59.123456Z'],
    ['2026-02-07T18:07:59Z', '2026-02-07T18:07:59Z'],
    ['2026-02-07T18:07:59+09:00', '2026-02-07T18:07:59+09:00'],
    ['2026-02-37T18:07:59', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('takes %j for %j', async (written, meant) => {
    const provider = await scpSimulator();
    const row = { id: 'a', name: 'a', cn: null, state: null, not_before_dt: written, not_after_dt: written };
    provider.fault({ body: JSON.stringify({ certificates: [row] }) });
    expect(await client(provider).list(call())).toEqual([
      {
        id: 'a',
        name: 'a',
        revision: `${meant ?? '-'}/${meant ?? '-'}`,
        ...(meant && { notBefore: meant, notAfter: meant }),
      },
    ]);
  });

  test.each([
    ['VALID', undefined],
    ['Active', undefined],
    ['Editing', undefined],
    ['something new', undefined],
    ['EXPIRED', false],
    ['Creating', false],
    ['Terminating', false],
    ['ERROR', false],
  ])('of a certificate in state %s the use is %s', async (state, usable) => {
    const provider = await scpSimulator();
    provider.upload('name', files, { state });
    const [entry] = await client(provider).list(call());
    expect([entry?.state, entry?.usable, entry?.problem]).toEqual([state, usable, undefined]);
  });
});

describe('the signature', () => {
  test('has the time of each attempt', async () => {
    const provider = await filled(45, { ignoresSize: true });
    let ahead = 0;
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    const connected = client(provider, { clock });
    // The time of the first page would not do for the second one, nor that of a failed list for the next.
    const another = async (): Promise<void> => void (provider.clockOffsetMs = ahead += 600_000);
    expect(await connected.list({ ...call(), another })).toHaveLength(45);
    provider.fault({ status: 503, times: 1 });
    await refusal(connected.list({ ...call(), another }), 'ProviderUnavailable');
    await another();
    expect(await connected.list({ ...call(), another })).toHaveLength(45);
    expect(provider.counters.refused).toBe(0);
  });

  test.each(['a/b', '*.x', "it's (new)!", 'a?b#c&d', '100%', '%2e%2e', '인증서', 'a|b^c', '-_.~'])(
    'is good for an id of %j',
    async (id) => {
      const provider = await scpSimulator();
      await refusal(client(provider).download(entryOf(id), call()), 'CertificateNotFound');
      expect(provider.counters).toMatchObject({ refused: 0, downloads: 1 });
    },
  );

  test.each([
    ['a slash at the end', (url: string) => `${url}/`],
    ['capitals', (url: string) => url.replace('http://127.0.0.1', 'HTTP://LOCALHOST')],
    ['a short address', (url: string) => url.replace('127.0.0.1', '127.1')],
  ])('is that of what is sent, for an endpoint with %s', async (_, spelt) => {
    const provider = await filled(1);
    const endpoint = spelt(provider.url);
    expect(await connectTo({ scp: { endpoint } }).list(call())).toHaveLength(1);
  });

  test('is that of what is sent, for an endpoint with the usual port', async () => {
    const authority = await createAuthority();
    const issued = await authority.issue({ dnsNames: ['localhost'] });
    const provider = await startScpSimulator({
      ...canaries,
      tls: { cert: issued.certificate, key: issued.privateKey },
    });
    onTestFinished(() => provider[Symbol.asyncDispose]());
    const http = new HttpClient({
      clock: systemClock,
      endpoints: new Endpoints(['localhost']),
      ca: authority.certificate,
      proxy: { url: await tunnelTo(provider.url), except: '' },
    });
    onTestFinished(() => http.close());
    expect(await connectTo({ scp: { endpoint: 'https://localhost:443' } }, { http }).list(call())).toEqual([]);
    expect(provider.counters).toMatchObject({ lists: 1, refused: 0 });
  });

  test.each([
    ['accessKey', 'another'],
    ['secretKey', 'another'],
  ])('with a wrong %s is not accepted', async (key, value) => {
    const provider = await scpSimulator();
    const connected = client(provider, { credentials: { ...canaries, [key]: value } });
    await refusal(connected.list(call()), 'AuthenticationFailed');
    await refusal(connected.download(entryOf(absentId), call()), 'AuthenticationFailed');
    expect(provider.counters).toMatchObject({ refused: 2, lists: 0, downloads: 0 });
  });

  test.each([
    [-600_000, /The clock of this machine is \d+ s ahead of the provider's: correct it/],
    [600_000, /The clock of this machine is \d+ s behind the provider's: correct it/],
  ])('of a provider whose clock is %i ms ahead is not accepted, and why is said', async (offset, why) => {
    const provider = await scpSimulator();
    provider.clockOffsetMs = offset;
    const error = await refusal(client(provider).list(call()), 'AuthenticationFailed');
    expect(error.message).toMatch(why);
    expect(error).toMatchObject({ code: 'HmacValidFail', requestId: expect.stringMatching(/^req-/) });
  });

  test('that is refused without a word may be so for the clock, too', async () => {
    const provider = await scpSimulator();
    provider.clockOffsetMs = 200_000;
    provider.fault({ status: 401, body: '' });
    const { message } = await refusal(client(provider).list(call()), 'AuthenticationFailed');
    expect(message).toMatch(/The clock of this machine is \d+ s behind/);
  });

  test('that is wrong at the right time has nothing to do with the clock', async () => {
    const provider = await scpSimulator();
    const connected = client(provider, { credentials: { ...canaries, secretKey: 'another' } });
    const { message } = await refusal(connected.list(call()), 'AuthenticationFailed');
    expect(message).toContain('accessKey or secretKey is wrong');
    expect(message).not.toContain('this machine');
  });
});

describe('faults', () => {
  const gone = { code: 'scp-security.certificate.not-found', status: 404 };
  const hmac = 'accessKey or secretKey is wrong';
  const disabled = 'may not be enabled for this account or region';
  const rejected = 'Gateway rejected the request: the catalog has no such target.';

  /** Every row of providers.md 1.6, and answers of no known shape: reasons for the list and a download, code, words. */
  const rows: [string, Fault, ProviderReason, ProviderReason, (string | undefined)?, string?][] = [
    ['404 of the service', gone, 'InvalidResponse', 'CertificateNotFound', gone.code],
    ['404 of the gateway', { status: 404 }, 'InvalidResponse', 'InvalidResponse', undefined, 'not signed'],
    ['404 without a body', { status: 404, body: '' }, 'InvalidResponse', 'InvalidResponse'],
    [
      '404 as a page',
      { status: 404, body: '<html>certificate not found</html>' },
      'InvalidResponse',
      'InvalidResponse',
    ],
    ['404 with errors of null', { status: 404, body: '{"errors":null}' }, 'InvalidResponse', 'InvalidResponse'],
    ['404 with no errors in it', { status: 404, body: '{"errors":[]}' }, 'InvalidResponse', 'CertificateNotFound'],
    ['404 with a bare error', { status: 404, body: '{"errors":[{}]}' }, 'InvalidResponse', 'CertificateNotFound'],
    [
      '404 with errors of numbers and nulls',
      { status: 404, body: '{"errors":[{"code":404,"title":null,"detail":null,"request_id":null}]}' },
      'InvalidResponse',
      'CertificateNotFound',
      '404',
    ],
    ['401 of the service', { status: 401 }, 'AuthenticationFailed', 'AuthenticationFailed', 'HmacValidFail', hmac],
    [
      '401 as text',
      { status: 401, body: 'HmacValidFail' },
      'AuthenticationFailed',
      'AuthenticationFailed',
      undefined,
      hmac,
    ],
    [
      '401 as a page',
      { status: 401, body: '<p>HmacValidFail</p>' },
      'AuthenticationFailed',
      'AuthenticationFailed',
      undefined,
      hmac,
    ],
    [
      '401 of a rejection',
      { status: 401, body: rejected },
      'AuthenticationFailed',
      'AuthenticationFailed',
      undefined,
      disabled,
    ],
    [
      '401 of a rejection in JSON',
      { status: 401, body: JSON.stringify({ errors: [{ code: 'Unauthorized', detail: [rejected] }] }) },
      'AuthenticationFailed',
      'AuthenticationFailed',
      'Unauthorized',
      disabled,
    ],
    [
      '401 without a body',
      { status: 401, body: '' },
      'AuthenticationFailed',
      'AuthenticationFailed',
      undefined,
      'does not accept the credentials',
    ],
    ['403', { status: 403 }, 'AuthenticationFailed', 'PermissionDenied', 'Forbidden'],
    ['403 without a body', { status: 403, body: '' }, 'AuthenticationFailed', 'PermissionDenied'],
    ['400', { status: 400 }, 'InvalidResponse', 'InvalidResponse', 'ValidationError'],
    [
      '400 of the old kind',
      { status: 400, body: '[{"loc":["query","size"],"msg":"not a valid integer","type_":"type_error"}]' },
      'InvalidResponse',
      'InvalidResponse',
    ],
    ['405', { status: 405 }, 'InvalidResponse', 'InvalidResponse'],
    ['429', { status: 429 }, 'RateLimited', 'RateLimited', 'TooManyRequests'],
    ['429 as text', { status: 429, body: 'slow down' }, 'RateLimited', 'RateLimited'],
    [
      '500 of the service',
      { status: 500, code: 'scp-security.certificate.create-failed' },
      'ProviderUnavailable',
      'ProviderUnavailable',
      'scp-security.certificate.create-failed',
    ],
    ['502 as a page', { status: 502, body: '<html>Bad Gateway</html>' }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['503 of the proxy', { status: 503 }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['504 without a body', { status: 504, body: '' }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['a redirect', { redirect: 'http://127.0.0.1:1/', body: '' }, 'InvalidResponse', 'InvalidResponse'],
    ['201', { status: 201, body: '{"certificates":[]}' }, 'InvalidResponse', 'InvalidResponse'],
    ['an error with status 200', { code: 'x' }, 'InvalidResponse', 'InvalidResponse'],
    ['a page', { body: '<!doctype html><title>Maintenance</title>' }, 'InvalidResponse', 'InvalidResponse'],
    ['an empty object', { body: '{}' }, 'InvalidResponse', 'InvalidResponse'],
    ['a code that is no code', { status: 500, code: '<b>x</b>' }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['a reset', { reset: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['a cut', { cut: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['compression', { headers: { 'content-encoding': 'gzip' } }, 'InvalidResponse', 'InvalidResponse'],
  ];

  test.each(rows)('%s', async (_, fault, listed, downloaded, code, words = '') => {
    const provider = await filled(1);
    const connected = client(provider);
    const [entry] = await connected.list(call());
    for (provider.listsDetails of [false, true]) {
      provider.fault(fault);
      const errors = [
        await refusal(connected.list(call()), listed),
        await refusal(connected.download(entry ?? entryOf(''), call()), downloaded),
      ];
      for (const error of errors) {
        expect(error.code).toBe(code);
        expect(error.concernsCertificate).toBe(error.reason === 'CertificateNotFound');
        expect(error.message).toContain(words);
      }
      provider.clearFaults();
      expect(await connected.list(call())).toHaveLength(1);
    }
  });

  test.each<[string, Fault, string | undefined]>([
    ['of the service', { body: '{"errors":[{"request_id":"req-1"}],"requestId":"other"}' }, 'req-1'],
    ['of the gateway', { body: '{"status":500,"requestId":"abc-2"}' }, 'abc-2'],
    ['of a header', { body: 'upstream', headers: { 'x-request-id': 'abc-3' } }, 'abc-3'],
    ['that is none', { body: '{"requestId":"a b<script>"}' }, undefined],
  ])('name the request by the id %s', async (_, fault, requestId) => {
    const provider = await scpSimulator();
    provider.fault({ status: 500, ...fault });
    const error = await refusal(client(provider).list(call()), 'ProviderUnavailable');
    expect(error.requestId).toBe(requestId);
    expect(error.message).toContain(requestId ?? 'status 500.');
  });

  test('keep Retry-After', async () => {
    const provider = await scpSimulator();
    provider.fault({ status: 429, retryAfter: 7 });
    expect(await refusal(client(provider).list(call()), 'RateLimited')).toMatchObject({
      retryAfterMs: 7_000,
      retryable: true,
    });
  });

  test('repeat nothing of what was sent or received', async () => {
    const provider = await scpSimulator();
    const said = Object.values(canaries).join(' ');
    for (const status of [200, 400, 401, 403, 404, 429, 500]) {
      for (const body of [said, JSON.stringify({ errors: [{ code: said, request_id: said, detail: [said] }] })]) {
        provider.fault({ status, body, times: 1 });
        const error: unknown = await client(provider)
          .list(call())
          .catch((thrown: unknown) => thrown);
        await refusal(Promise.reject(error), (error as { reason: ProviderReason }).reason);
      }
    }
    const certificate = { id: absentId, cert_body: [said], private_key: canaries.secretKey };
    provider.fault({ status: 200, body: JSON.stringify({ certificate }), times: 1 });
    await refusal(client(provider).download(entryOf(absentId), call()), 'InvalidResponse');
  });
});

describe('download', () => {
  test('gives body, chain and key, in this order', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files, { form: forms.raw });
    const parts = await client(provider).download(entryOf(id), call());
    expect(parts.map(String)).toEqual(['B', 'C', 'K']);
    expect(provider.counters).toMatchObject({ requests: 1, downloadsOf: { name: 1 } });
  });

  test('a certificate that was removed is gone, its name with another id is not taken for it', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    await client(provider).download(entryOf(id), call());
    provider.remove(id);
    provider.upload('name', files);
    const error = await refusal(client(provider).download(entryOf(id), call()), 'CertificateNotFound');
    expect(error).toMatchObject({ code: 'scp-security.certificate.not-found', retryable: false });
  });

  test.each([
    ['another id', { id: 'another', cert_body: 'x' }, /another certificate/],
    ['an id that is no text', { id: 7, cert_body: 'x' }, /cannot be understood/],
    ['a body that is no text', { cert_body: { pem: 'x' } }, /cannot be understood/],
    ['a key that is no text', { cert_body: 'x', private_key: 7 }, /cannot be understood/],
    ['no certificate', null, /cannot be understood/],
    ['a list', [], /cannot be understood/],
  ])('with %s is refused', async (_, certificate, message) => {
    const provider = await scpSimulator();
    provider.fault({ match: 'download', status: 200, body: JSON.stringify({ certificate }) });
    const error = await refusal(client(provider).download(entryOf(absentId), call()), 'InvalidResponse');
    expect(error.message).toMatch(message);
  });

  test('with more around it, and other types than documented, is taken', async () => {
    const provider = await scpSimulator();
    const certificate = { id: absentId, cert_body: 'B', is_in_use: 'is in use', days_until_expiration: 830, more: [1] };
    provider.fault({ match: 'download', status: 200, body: JSON.stringify({ certificate, more: null }) });
    const parts = await client(provider).download(entryOf(absentId), call());
    expect(parts.map(String)).toEqual(['B', '', '']);
  });

  test('that is too large is refused', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', { ...files, body: 'x'.repeat(800_000) });
    const error = await refusal(client(provider).download(entryOf(id), call()), 'InvalidResponse');
    expect(error.message).toContain('larger than 1024 KiB');
  });
});

/** Gate cases 31 and 32, from the wire to the verdict. */
describe('the gate', () => {
  const issue = async (): Promise<Issued> => (await (await createAuthority()).intermediate()).issue();

  async function verdict(
    files: ScpFiles | Issued,
    form?: Parameters<ScpSimulator['upload']>[2],
    key?: string,
  ): Promise<Verdict> {
    const provider = await scpSimulator();
    const id = provider.upload('name', files, form);
    const parts = await client(provider).download(entryOf(id), call());
    return judge({
      parts,
      ...(key !== undefined && { privateKey: Buffer.from(key) }),
      dnsNames: ['www.example.com'],
      allowOlder: false,
      allowIncompleteChain: false,
      caCertificate: 'Include',
      now: Date.now(),
    });
  }

  function accepted(issued: Issued, ca?: string): object {
    const pair = { certificates: issued.certificate + issued.chain, privateKey: Buffer.from(issued.privateKey) };
    return { accepted: true, pair: { ...pair, ...(ca === undefined ? {} : { ca }) }, findings: [] };
  }

  const more: Record<string, Form> = {
    literalCrLf: (pem) => pem.replaceAll('\n', String.raw`\r\n`),
    crLf: (pem) => pem.replaceAll('\n', '\r\n'),
    withoutEnd: (pem) => pem.trimEnd(),
    der: (pem) => pem.replaceAll(/-----.*-----|\n/g, ''),
    urlSafeDer: (pem) => Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64').toString('base64url'),
  };
  const { none, blank, nullText, masked, ...present } = forms;
  const absent = { none, blank, nullText, masked };

  test.each(Object.entries({ ...present, ...more }))('accepts fields in the form %s', async (_, form) => {
    const issued = await issue();
    expect(await verdict(issued, { form })).toMatchObject(accepted(issued));
  });

  test.each(Object.entries(absent))('takes the form %s for no value', async (_, form) => {
    const issued = await issue();
    expect(await verdict(issued, { form })).toMatchObject({ reason: 'CertificateUnavailable' });
    expect(await verdict(issued, { form: { body: form, chain: form } })).toMatchObject({
      reason: 'CertificateUnavailable',
    });
    expect(await verdict(issued, { form: { key: form } })).toMatchObject({ reason: 'PrivateKeyMissing' });
    expect(await verdict(issued, { form: { key: form } }, issued.privateKey)).toMatchObject(accepted(issued));
    const { certificate, chain, privateKey } = issued;
    const inBody = { body: certificate + chain, chain: 'x', key: privateKey };
    expect(await verdict(inBody, { form: { chain: form } })).toMatchObject(accepted(issued));
  });

  test('accepts chains as they come', async () => {
    const issued = await issue();
    const { certificate, chain, root, privateKey: key } = issued;
    for (const [files, ca] of [
      [{ body: certificate, chain: chain + root, key }, root],
      [{ body: certificate, chain: root + chain, key }, root],
      [{ body: certificate, chain: certificate + chain, key }],
      [{ body: certificate + chain, key }],
    ] as const) {
      const result = await verdict(files);
      expect(result).toMatchObject(accepted(issued, ca));
      expect(result.accepted && result.pair.ca).toBe(ca);
    }
  });

  test('accepts a leaf of the root with a chain of null', async () => {
    const issued = await (await createAuthority()).issue();
    expect(await verdict(issued)).toMatchObject({ accepted: true, pair: { certificates: issued.certificate } });
  });
});

/** A proxy that connects whoever asks for whatever to one place. */
async function tunnelTo(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const proxy = createServer().on('connect', (_, client) => {
    const server = dial(Number(port), hostname);
    client.on('error', () => server.destroy()).write('HTTP/1.1 200 OK\r\n\r\n');
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void proxy.close());
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
