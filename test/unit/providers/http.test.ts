import { lookup as systemLookup } from 'node:dns';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAuthority } from '../../../sandbox/pki/index.ts';
import { type NhnSimulator, startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import {
  type HttpAnswer,
  type HttpCall,
  HttpClient,
  pathSegment,
  queryOf,
  retryAfter,
} from '../../../src/providers/http.ts';
import { call, canaries, connect, entryOf, httpClient, refusal, simulator } from './support.ts';
import { ManualClock, settle } from '../../support/clock.ts';
import { eventually } from '../../support/eventually.ts';

/** A server that says exactly these bytes to whoever connects and asks. */
async function says(...pieces: (string | Buffer)[]): Promise<string> {
  const server: Server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function get(url: string, o: { http?: HttpClient; maxBytes?: number; signal?: AbortSignal } = {}): Promise<HttpAnswer> {
  const { http = httpClient(), maxBytes = 1024, signal = new AbortController().signal } = o;
  return http.request({ endpoint: new URL(url).origin, path: '/', headers: {}, operation: 'list', maxBytes, signal });
}

describe('an answer', () => {
  test('comes with its status and the whole body', async () => {
    const answer = await get(await says('HTTP/1.1 418 I\r\nContent-Length: 6\r\n\r\nab', 'cdef'));
    expect(answer.status).toBe(418);
    expect(answer.body.toString()).toBe('abcdef');
  });

  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n', ''],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n', '\r\n0\r\n\r\n'],
    ['until the end', 'HTTP/1.0 200 OK\r\n\r\n', ''],
  ])('may be as long as the limit, %s', async (_, head, tail) => {
    expect((await get(await says(head, 'x'.repeat(1024), tail))).body).toHaveLength(1024);
  });

  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n', ''],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n', '\r\n0\r\n\r\n'],
    ['until the end', 'HTTP/1.0 200 OK\r\n\r\n', ''],
  ])('may not be longer, %s', async (_, head, tail) => {
    const error = await refusal(get(await says(head, 'x'.repeat(1025), tail)), 'InvalidResponse');
    expect(error.message).toContain('larger than 1 KiB');
  });

  test('of a great many tiny chunks is put together', async () => {
    const chunks = Array.from({ length: 50_000 }, (_, i) => `1\r\n${i % 10}\r\n`).join('');
    const answer = await get(await says(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`), {
      maxBytes: 50_000,
    });
    expect(answer.body.toString()).toBe('0123456789'.repeat(5_000));
  });

  test.each([
    ['shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdef'],
    ['cut in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabc'],
    ['cut between two chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n'],
    ['of two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    ['cut in the headers', 'HTTP/1.1 200 OK\r\nContent-'],
    ['nothing', ''],
  ])('that is %s counts as none', async (_, bytes) => {
    const error = await refusal(get(await says(bytes)), 'ProviderUnavailable');
    expect(error.message).toContain('broke off before the answer was complete');
  });

  test.each([
    ['another protocol', `SSH-2.0-${canaries.secretAccessKey}\r\n`],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'X-A: 1234567890\r\n'.repeat(10_000)}\r\n`],
  ])('in %s is refused', async (_, bytes) => {
    expect((await refusal(get(await says(bytes)), 'InvalidResponse')).message).toBe('The answer is not valid HTTP.');
  });
});

test('every request is told of, with its status or the reason why there is none', async () => {
  const calls: HttpCall[] = [];
  const http = new HttpClient({
    clock: systemClock,
    endpoints: new Endpoints(['127.0.0.1']),
    onCall: (call) => calls.push(call),
  });
  onTestFinished(() => http.close());
  await get(await says('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'), { http });
  await get(await says('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort'), { http }).catch(() => {});
  expect(calls).toMatchObject([
    { operation: 'list', code: '403' },
    { operation: 'list', code: 'ProviderUnavailable' },
  ]);
});

describe('time', () => {
  test.each<[string, object]>([
    ['no headers', { stall: 'headers' }],
    ['half a body', { stall: 'body' }],
    ['a drip', { dripMs: 60 }],
  ])('runs out with %s', async (_, fault) => {
    const provider = await simulator();
    provider.fault(fault);
    provider.upload('name', 'x'.repeat(100));
    const client = connect(provider.url, { http: httpClient({ timeouts: { totalMs: 150 } }) });
    expect((await refusal(client.download(entryOf('name'), call()), 'ProviderUnavailable')).message).toMatch(/in time/);
    // The connection is gone with it.
    await eventually(() => expect(provider.counters.inFlight).toBe(0));
  });

  test('for the headers alone is shorter', async () => {
    const provider = await simulator();
    provider.fault({ stall: 'headers' });
    const client = connect(provider.url, { http: httpClient({ timeouts: { headersMs: 100 } }) });
    expect((await refusal(client.list(call()), 'ProviderUnavailable')).message).toBe(
      'The provider did not answer in time.',
    );
  });

  test('an abort ends it with the reason of the signal', async () => {
    const provider = await simulator();
    provider.fault({ stall: 'body' });
    const abort = new AbortController();
    const listing = connect(provider.url).list(call(abort.signal));
    await eventually(() => expect(provider.counters.lists).toBe(1));
    abort.abort(new Error('enough'));
    await expect(listing).rejects.toThrow('enough');
    await eventually(() => expect(provider.counters.inFlight).toBe(0));
  });
});

test.each(['an abort', 'the limit for all of it'])('%s ends it also while a connection is being made', async (how) => {
  const clock = new ManualClock();
  const http = new HttpClient({ clock, endpoints: new Endpoints(['127.0.0.1']) });
  onTestFinished(() => http.close());
  const connections: Socket[] = [];
  // It accepts connections and says nothing, as one that is frozen.
  const server = createServer((socket) => void connections.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  const abort = new AbortController();
  const told: string[] = [];
  get(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { http, signal: abort.signal }).catch((error) =>
    told.push(error.message),
  );
  await eventually(() => expect(connections).toHaveLength(1));
  if (how === 'an abort') abort.abort(new Error('enough'));
  else await clock.advance(60_000);
  await settle();
  expect(told).toEqual([how === 'an abort' ? 'enough' : 'The provider did not answer completely in time.']);
  expect(clock.pending).toBe(0);
});

describe('connections', () => {
  test('are used again', async () => {
    const provider = await simulator();
    const client = connect(provider.url);
    for (let i = 0; i < 20; i++) await client.list(call());
    expect(provider.counters.requests).toBe(20);
    expect(provider.counters.connections).toBeLessThan(5);
  });

  test('that are refused or cannot be made are said so by their code', async () => {
    const url = await says();
    const closed = url.replace(/:\d+/, ':1');
    expect((await refusal(get(closed), 'ProviderUnavailable')).message).toContain('ECONNREFUSED');
    const http = httpClient({ allow: ['*'] });
    expect((await refusal(get('https://nowhere.invalid/', { http }), 'ProviderUnavailable')).message).toMatch(
      /not resolved/,
    );
  });

  test('redirects are not followed', async () => {
    const other = await simulator();
    const provider = await simulator();
    for (const status of [301, 302, 303, 307, 308]) {
      provider.fault({ redirect: `${other.url}/x`, status, body: '', times: 1 });
      expect((await refusal(connect(provider.url).list(call()), 'InvalidResponse')).message).toContain(
        'redirects are not followed',
      );
    }
    expect(other.counters).toMatchObject({ connections: 0 });
  });

  test('over TLS are verified, with the extra authority too', async () => {
    const authority = await createAuthority({ keyType: 'p256' });
    const issued = await authority.issue({ dnsNames: ['localhost'], keyType: 'p256' });
    const provider: NhnSimulator = await startNhnSimulator({
      ...canaries,
      tls: { cert: issued.certificate, key: issued.privateKey },
    });
    onTestFinished(() => provider[Symbol.asyncDispose]());
    const url = provider.url.replace('127.0.0.1', 'localhost');
    const strict = await refusal(connect(url).list(call()), 'ProviderUnavailable');
    expect(strict.message).toMatch(/TLS connection .* \([A-Z_]+\)/);
    const http = httpClient({ ca: authority.certificate });
    // The simulator knows itself by its address only and answers 400, but it does so over a connection that was made.
    await refusal(connect(url, { http }).list(call()), 'InvalidResponse');
    const wrongName = await refusal(
      connect(provider.url, { http: httpClient({ ca: authority.certificate }) }).list(call()),
      'ProviderUnavailable',
    );
    expect(wrongName.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(provider.counters.requests).toBe(1);
  });

  test('plain text where TLS is expected', async () => {
    const url = await says('HTTP/1.1 400 Bad Request\r\n\r\n');
    const error = await refusal(get(url.replace('http:', 'https:')), 'ProviderUnavailable');
    expect(error.message).toMatch(/TLS connection .* failed/);
  });
});

vi.mock('node:dns', { spy: true });

test('a name that resolves to a link-local address, one among others even, is not contacted', async () => {
  const provider = await simulator();
  const url = provider.url.replace('127.0.0.1', 'localhost');
  vi.mocked(systemLookup).mockImplementation(((
    _name: string,
    _options: object,
    callback: (error: null, addresses: object[]) => void,
  ) =>
    callback(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::ffff:169.254.169.254', family: 6 },
    ])) as unknown as typeof systemLookup);
  onTestFinished(() => void vi.mocked(systemLookup).mockReset());
  await refusal(connect(url).list(call()), 'EndpointNotAllowed');
  expect(provider.counters.connections).toBe(0);
});

test.each([
  ['0', 1_000],
  ['7', 7_000],
  ['3600', 3_600_000],
  ['99999999999', 3_600_000],
  ['Wed, 21 Oct 2015 07:28:30 GMT', 30_000],
  ['Wed, 21 Oct 2015 07:27:00 GMT', 1_000],
  ['Fri, 21 Oct 2115 07:28:00 GMT', 3_600_000],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['soon GMT', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s ms', (value, ms) => {
  expect(retryAfter(value, Date.parse('Wed, 21 Oct 2015 07:28:00 GMT'))).toBe(ms);
});

test('a date in Retry-After is read by the clock of the server', async () => {
  const head =
    'HTTP/1.1 429 Slow\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:09 GMT\r\n';
  expect((await get(await says(`${head}Content-Length: 0\r\n\r\n`))).retryAfterMs).toBe(9_000);
});

test('a path is sent as it was built, or not at all', async () => {
  const provider = await simulator();
  const http = httpClient();
  const signal = new AbortController().signal;
  const ask = (path: string): Promise<HttpAnswer> =>
    http.request({ endpoint: provider.url, path, headers: {}, operation: 'list', maxBytes: 1024, signal });
  for (const path of [
    '',
    'x',
    '/a/../b',
    '/a/%2e%2E/b',
    '/a/./b',
    '/.',
    '/a b',
    '/a\nb',
    '/a\\b',
    '/ä',
    '/a?b c',
    '/a#b',
    '@evil.example/',
    ':1/',
  ]) {
    await refusal(ask(path), 'InvalidResponse');
  }
  expect(provider.counters.connections).toBe(0);
  for (const path of ['/', '//a', '/a%2fb', '/%252e', '/a?b=%20&c', "/-_.*~!'()"])
    expect((await ask(path)).status).toBe(404);
});

test.each(['', '.', '..', 'a\u0000b', 'a\nb', '\u0085', '\ud800'])('%j cannot be a segment of a path', (value) => {
  expect(() => pathSegment(value)).toThrow('does not fit');
});

test.each([
  [{}, ''],
  [{ a: undefined }, ''],
  [{ a: '1', b: undefined, c: 'x y' }, '?a=1&c=x%20y'],
  [{ a: "it's #1 (50%) & more/?=+*~!" }, '?a=it%27s%20%231%20(50%25)%20%26%20more%2F%3F%3D%2B*~!'],
  [{ a: '인증서' }, '?a=%EC%9D%B8%EC%A6%9D%EC%84%9C'],
])('the query of %j is sent as it was built', async (parameters, query) => {
  expect(queryOf(parameters)).toBe(query);
  const provider = await simulator();
  const signal = new AbortController().signal;
  const path = `/x${query}`;
  const asked = { endpoint: provider.url, path, headers: {}, operation: 'list', maxBytes: 1024, signal } as const;
  expect((await httpClient().request(asked)).status).toBe(404);
});

test.each(['', 'a\u0000b', 'a\nb', '\u0085', '\ud800'])('%j cannot be in a query', (value) => {
  expect(() => queryOf({ name: value })).toThrow('does not fit');
});

describe('a body that may hold a private key', () => {
  /** A server that tells what it was sent, before it answers in this way. */
  async function listens(answer: (socket: Socket) => void): Promise<{ url: string; received: () => string }> {
    let received = '';
    const server: Server = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        received += data.toString();
        if (received.includes('secret')) answer(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received: () => received };
  }

  const post = (
    endpoint: string,
    body: Buffer,
    o: { path?: string; signal?: AbortSignal } = {},
  ): Promise<HttpAnswer> => {
    const { path = '/', signal = new AbortController().signal } = o;
    return httpClient({ timeouts: { totalMs: 300 } }).request({
      endpoint,
      path,
      method: 'POST',
      headers: {},
      body,
      operation: 'create',
      maxBytes: 1024,
      signal,
    });
  };

  test('is sent as it is, and zeroed when the answer is there', async () => {
    const server = await listens((socket) => socket.end('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n'));
    const body = Buffer.from('the secret');
    expect((await post(server.url, body)).status).toBe(201);
    expect(server.received()).toMatch(/^POST \/ HTTP\/1\.1\r\n.*content-length: 10\r\n\r\nthe secret$/s);
    expect(body).toEqual(Buffer.alloc(10));
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['the connection breaks off', (socket) => socket.destroy(), 'broke off'],
    ['no answer comes', () => {}, 'in time'],
    ['the answer is not HTTP', (socket) => socket.end('SSH-2.0\r\n'), 'not valid HTTP'],
  ])('is zeroed when %s', async (_, answer, message) => {
    const server = await listens(answer);
    const body = Buffer.from('the secret');
    await expect(post(server.url, body)).rejects.toThrow(message);
    expect(body).toEqual(Buffer.alloc(10));
  });

  test('is sent once, even when a connection that was used before breaks off', async () => {
    let posts = 0;
    const server = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (!data.toString().startsWith('POST')) return;
        posts++;
        if (posts === 1) socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
        else socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const http = httpClient();
    const asked = {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      path: '/',
      method: 'POST',
      headers: {},
      operation: 'create',
      maxBytes: 1024,
      signal: new AbortController().signal,
    } as const;
    await http.request({ ...asked, body: Buffer.from('one') });
    await expect(http.request({ ...asked, body: Buffer.from('two') })).rejects.toThrow('broke off');
    expect(posts).toBe(2);
  });

  test('is zeroed when nobody waits any more, when nobody listens, and when it is not sent at all', async () => {
    const server = await listens(() => abort.abort(new Error('enough')));
    const abort = new AbortController();
    const bodies = [0, 1, 2, 3].map(() => Buffer.from('the secret'));
    const [aborted, refused, forbidden, wrong] = bodies as [Buffer, Buffer, Buffer, Buffer];
    await expect(post(server.url, aborted, { signal: abort.signal })).rejects.toThrow('enough');
    await expect(post('http://127.0.0.1:1', refused)).rejects.toThrow('ECONNREFUSED');
    await expect(post('https://elsewhere.example', forbidden)).rejects.toThrow('not allowed');
    await expect(post(server.url, wrong, { path: '/a/../b' })).rejects.toThrow('does not fit');
    for (const body of bodies) expect(body).toEqual(Buffer.alloc(10));
  });
});

test('a DELETE has no body and says nothing of one', async () => {
  let received = '';
  const server: Server = createServer((socket: Socket) => {
    socket.once('data', (data) => {
      received = data.toString();
      socket.end('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signal = new AbortController().signal;
  const asked = {
    endpoint,
    path: '/x',
    method: 'DELETE',
    headers: {},
    operation: 'delete',
    maxBytes: 9,
    signal,
  } as const;
  expect(await httpClient().request(asked)).toMatchObject({ status: 204, body: Buffer.alloc(0) });
  expect(received).toMatch(/^DELETE \/x HTTP\/1\.1\r\n/);
  expect(received).not.toMatch(/content-length|transfer-encoding/i);
});
