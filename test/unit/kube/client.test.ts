import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { conflictingManagers, isConflict, isExpired, isNotFound } from '../../../src/kube/errors.ts';
import type { KubeError } from '../../../src/kube/errors.ts';
import { leases, secrets } from '../../../src/kube/objects.ts';
import type { KubeObject, Resource, Secret } from '../../../src/kube/objects.ts';
import { ManualClock } from '../../support/clock.ts';
import { clientOf, collect, connect, forever, sendJson, startServer, statusBody, writeKubeconfig } from './support.ts';
import { eventually } from '../../support/eventually.ts';

const widgets: Resource = { group: 'example.io', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const web = { namespace: 'default', name: 'web' };
const metadata = { ...web, uid: 'u1', resourceVersion: '7' };
const signal = forever;
const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };

function conflict(manager: string, field: string): object {
  return { reason: 'FieldManagerConflict', message: `conflict with "${manager}" using v1`, field };
}

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: 'KubeError' });
  return error as KubeError;
}

describe('requests', () => {
  it('get an object', async () => {
    const secret = { kind: 'Secret', apiVersion: 'v1', metadata, type: 'Opaque', data: { a: 'YQ==' } };
    await using server = await startServer((_, response) => sendJson(response, 200, secret));
    expect(await clientOf(server).get<Secret>(secrets, web, { signal })).toEqual(secret);
    const [seen] = server.requests;
    expect(seen).toMatchObject({ method: 'GET', path: '/api/v1/namespaces/default/secrets/web', body: '' });
    expect(seen?.headers).toMatchObject({ accept: 'application/json', 'user-agent': 'provider-certificates' });
  });

  it('get metadata alone, named after the kind it belongs to', async () => {
    await using server = await startServer((_, response) => sendJson(response, 200, partial));
    const object = await clientOf(server).get(secrets, web, { signal, metadataOnly: true });
    expect(object).toEqual({ kind: 'Secret', apiVersion: 'v1', metadata });
    expect(server.requests[0]?.headers.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  });

  it('refuse a whole object where metadata was asked for', async () => {
    const secret = { kind: 'Secret', apiVersion: 'v1', metadata, data: { 'tls.key': 'c2VjcmV0' } };
    await using server = await startServer((_, response) => sendJson(response, 200, secret));
    const error = await failure(clientOf(server).get(secrets, web, { signal, metadataOnly: true }));
    expect(error).toMatchObject({
      reason: 'InvalidResponse',
      message: 'get secrets default/web: the answer is not the object that was asked for',
    });
  });

  it('list page by page and name the kind of the items', async () => {
    await using server = await startServer(({ query }, response) => {
      const second = query.get('continue') === 'next page';
      const items = [{ metadata: { ...metadata, name: second ? 'b' : 'a' } }];
      const list = { resourceVersion: '42', ...(second ? { continue: '' } : { continue: 'next page' }) };
      sendJson(response, 200, { kind: 'SecretList', apiVersion: 'v1', metadata: list, items });
    });
    const pages = await collect(
      clientOf(server).pages(secrets, { namespace: 'default', labelSelector: 'a=b,c', limit: 1, signal }),
    );
    expect(
      pages.map(({ resourceVersion, items }) => [resourceVersion, items.map((item) => item.metadata.name)]),
    ).toEqual([
      ['42', ['a']],
      ['42', ['b']],
    ]);
    expect(pages[0]?.items[0]).toMatchObject({ kind: 'Secret', apiVersion: 'v1' });
    expect(server.requests.map(({ query }) => Object.fromEntries(query))).toEqual([
      { labelSelector: 'a=b,c', limit: '1' },
      { labelSelector: 'a=b,c', limit: '1', continue: 'next page' },
    ]);
  });

  it('list fewer at a time when they are too large together', async () => {
    const names = Array.from({ length: 120 }, (_, nth) => String(nth));
    const annotations = { large: 'x'.repeat(1 << 20) };
    await using server = await startServer(({ query }, response) => {
      const from = Number(query.get('continue') ?? 0);
      const to = Math.min(from + Number(query.get('limit')), names.length);
      const items = names.slice(from, to).map((name) => ({ metadata: { ...metadata, name, annotations } }));
      const list = { resourceVersion: '42', ...(to < names.length && { continue: String(to) }) };
      sendJson(response, 200, { metadata: list, items });
    });
    const pages = await collect(clientOf(server).pages(secrets, { signal }));
    expect(pages.flatMap(({ items }) => items.map((item) => item.metadata.name))).toEqual(names);
    const asked = server.requests.map(({ query }) => [query.get('limit'), query.get('continue')].join(' from '));
    expect(asked).toEqual(['500 from ', '50 from ', '50 from 50', '50 from 100']);
  });

  it('list one at a time at the least', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200);
      const write = (): void => {
        if (!response.destroyed) response.write(' '.repeat(1 << 20), () => setImmediate(write));
      };
      write();
    });
    const error = await failure(collect(clientOf(server).pages(secrets, { limit: 20, signal })));
    expect(error).toMatchObject({ reason: 'AnswerTooLarge', message: 'list secrets: the answer is too large' });
    expect(server.requests.map(({ query }) => query.get('limit'))).toEqual(['20', '2', '1']);
  });

  it('list metadata alone, across namespaces', async () => {
    const list = { kind: 'PartialObjectMetadataList', metadata: { resourceVersion: '42' }, items: [partial] };
    await using server = await startServer((_, response) => sendJson(response, 200, list));
    const [page] = await collect(clientOf(server).pages(secrets, { metadataOnly: true, signal }));
    expect(page?.items).toEqual([{ kind: 'Secret', apiVersion: 'v1', metadata }]);
    expect(server.requests[0]).toMatchObject({ path: '/api/v1/secrets' });
    expect(server.requests[0]?.headers.accept).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
  });

  it('create, replace, apply, patch and delete', async () => {
    const widget = { kind: 'Widget', apiVersion: 'example.io/v1', metadata };
    await using server = await startServer((_, response) => sendJson(response, 200, widget));
    const client = clientOf(server);
    const manifest = { apiVersion: 'example.io/v1', kind: 'Widget', metadata: web, spec: { size: 'größer' } };
    expect(await client.create<KubeObject>(widgets, manifest, { signal, dryRun: true })).toEqual(widget);
    await client.replace(widgets, manifest, { signal });
    await client.apply(widgets, manifest, { signal, fieldManager: 'me', force: true });
    await client.mergePatch(widgets, web, { status: { ok: true } }, { signal, subresource: 'status' });
    await client.delete(widgets, web, { signal });
    const collection = '/apis/example.io/v1/namespaces/default/widgets';
    const sent = server.requests.map(({ method, path, query, headers, body }) => [
      method,
      path,
      query.toString(),
      headers['content-type'],
      body && JSON.parse(body),
    ]);
    expect(sent).toEqual([
      ['POST', collection, 'dryRun=All', 'application/json', manifest],
      ['PUT', `${collection}/web`, '', 'application/json', manifest],
      ['PATCH', `${collection}/web`, 'fieldManager=me&force=true', 'application/apply-patch+yaml', manifest],
      ['PATCH', `${collection}/web/status`, '', 'application/merge-patch+json', { status: { ok: true } }],
      ['DELETE', `${collection}/web`, '', undefined, ''],
    ]);
  });

  it('go below the path of the server URL', async () => {
    await using server = await startServer((_, response) => sendJson(response, 200, partial));
    const { client } = connect(writeKubeconfig({ server: `${server.url}/k8s/clusters/c-1/` }));
    await client.get(secrets, web, { signal, metadataOnly: true });
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c-1/api/v1/namespaces/default/secrets/web');
  });

  it('share few connections', async () => {
    await using server = await startServer((_, response) => setTimeout(() => sendJson(response, 200, partial), 5));
    const client = clientOf(server);
    const calls = Array.from({ length: 200 }, () => client.get(secrets, web, { signal, metadataOnly: true }));
    await Promise.all(calls);
    expect(new Set(server.requests.map(({ port }) => port)).size).toBeLessThanOrEqual(32);
  });

  it('for a lease are not held up by others, however many and slow', async () => {
    await using server = await startServer(({ path }, response) => {
      if (path.includes('/leases/')) sendJson(response, 200, { kind: 'Lease', metadata });
    });
    const client = clientOf(server);
    const others = new AbortController();
    const waiting = Array.from({ length: 64 }, () => client.get(secrets, web, { signal: others.signal }));
    await eventually(() => expect(server.requests).toHaveLength(32));
    await client.replace(
      leases,
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata },
      { signal: AbortSignal.timeout(10_000) },
    );
    others.abort();
    await Promise.allSettled(waiting);
  });

  it('are not held up by watches, however many', async () => {
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) response.writeHead(200).flushHeaders();
      else sendJson(response, 200, partial);
    });
    const client = clientOf(server);
    const stop = new AbortController();
    const watches = Array.from({ length: 100 }, () =>
      collect(client.watch(secrets, { resourceVersion: '1', timeoutSeconds: 300, signal: stop.signal })),
    );
    await eventually(() => expect(server.watches()).toHaveLength(100));
    await client.get(secrets, web, { signal, metadataOnly: true });
    stop.abort();
    const ends = await Promise.allSettled(watches);
    expect(ends.every((end) => end.status === 'rejected' && end.reason === stop.signal.reason)).toBe(true);
  });
});

describe('failures', () => {
  it('carry what the server says', async () => {
    const body = statusBody(404, 'NotFound', 'secrets "web" not found');
    await using server = await startServer((_, response) => sendJson(response, 404, body));
    const error = await failure(clientOf(server).get(secrets, web, { signal }));
    expect(error).toMatchObject({
      status: 404,
      reason: 'NotFound',
      retryable: false,
      retryAfterMs: undefined,
      causes: [],
    });
    expect(error.message).toBe('get secrets default/web: HTTP 404 NotFound: secrets "web" not found');
    expect(isNotFound(error)).toBe(true);
  });

  it('name the managers of an apply conflict', async () => {
    const causes = [
      conflict('kubectl', '.data.tls.crt'),
      conflict('helm', '.type'),
      conflict('kubectl', '.data.tls.key'),
    ];
    const body = statusBody(409, 'Conflict', 'Apply failed with 3 conflicts', { causes });
    await using server = await startServer((_, response) => sendJson(response, 409, body));
    const manifest = { apiVersion: 'v1', kind: 'Secret', metadata: web };
    const error = await failure(
      clientOf(server).apply(secrets, manifest, { fieldManager: 'me', force: false, signal }),
    );
    expect(isConflict(error)).toBe(true);
    expect(error.retryable).toBe(false);
    expect(error.causes.map(({ field }) => field)).toEqual(['.data.tls.crt', '.type', '.data.tls.key']);
    expect(conflictingManagers(error)).toEqual(['kubectl', 'helm']);
    expect(conflictingManagers(new Error('other'))).toEqual([]);
  });

  it.each([
    [429, { 'retry-after': '7' }, undefined, 'TooManyRequests', true, 7_000],
    [429, { 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' }, undefined, 'TooManyRequests', true, 10_000],
    [503, { 'retry-after': 'soon' }, undefined, 'ServiceUnavailable', true, undefined],
    [429, { 'retry-after': '86400' }, undefined, 'TooManyRequests', true, 300_000],
    [503, { 'retry-after': 'Fri, 02 Jan 2026 00:00:00 GMT' }, undefined, 'ServiceUnavailable', true, 300_000],
    [500, {}, statusBody(500, 'InternalError', 'x', { retryAfterSeconds: 3 }), 'InternalError', true, 3_000],
    [500, {}, statusBody(500, 'InternalError', 'x', { retryAfterSeconds: 86_400 }), 'InternalError', true, 300_000],
    [401, {}, undefined, 'Unauthorized', true, undefined],
    [403, {}, statusBody(403, 'Forbidden', 'no'), 'Forbidden', false, undefined],
    [410, {}, statusBody(410, 'Expired', 'too old'), 'Expired', false, undefined],
    [302, { location: 'http://elsewhere.example' }, undefined, 'InvalidResponse', false, undefined],
  ])('HTTP %i with %j', async (status, headers, body, reason, retryable, retryAfterMs) => {
    await using server = await startServer((_, response) => sendJson(response, status, body ?? 'a page', headers));
    const client = clientOf(server, { clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    const error = await failure(client.get(secrets, web, { signal }));
    expect(error).toMatchObject({ status, reason, retryable, retryAfterMs });
    expect(isExpired(error)).toBe(status === 410);
  });

  it('do not take the 404 of something else for "the object is gone"', async () => {
    await using server = await startServer((_, response) => response.writeHead(404).end('404 page not found\n'));
    const error = await failure(clientOf(server).get(secrets, web, { signal }));
    expect(error).toMatchObject({ status: 404, reason: 'InvalidResponse' });
    expect(isNotFound(error)).toBe(false);
  });

  it('hold no body, no header and nothing that looks like a key, and are bounded', async () => {
    const key = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4';
    const body = statusBody(422, 'Invalid', `bad value ${key}\n${'and so on '.repeat(500)}`, {
      causes: Array.from({ length: 40 }, () => ({ message: 'm '.repeat(500), field: key })),
    });
    await using server = await startServer((_, response) => sendJson(response, 422, body, { 'x-internal': 'header' }));
    const { client } = connect(writeKubeconfig({ server: server.url }, { token: 'bearer-token' }));
    const error = await failure(client.get(secrets, web, { signal }));
    const everything = JSON.stringify([error.message, error.stack, error.cause, { ...error }]);
    expect(everything).not.toMatch(/MIIEvQ|bearer-token|x-internal/);
    expect(error.causes).toHaveLength(20);
    expect(error.message).toContain('HTTP 422 Invalid: bad value … and so on');
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).not.toContain('\n');
    expect(everything.length).toBeLessThan(8_000);
  });

  it('do not read endless refusals', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(500);
      const write = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(write));
      };
      write();
    });
    expect(await failure(clientOf(server).get(secrets, web, { signal }))).toMatchObject({ status: 500 });
  });

  it('come when the answer is too large', async () => {
    await using server = await startServer((_, response) => {
      response.writeHead(200);
      const write = (): void => {
        if (!response.destroyed) response.write(' '.repeat(1 << 20), () => setImmediate(write));
      };
      write();
    });
    const error = await failure(clientOf(server).get(secrets, web, { signal }));
    expect(error).toMatchObject({
      reason: 'AnswerTooLarge',
      message: 'get secrets default/web: the answer is too large',
    });
  });

  it.each([
    ['no JSON', '<html>', 'get secrets default/web: the answer is not a JSON object'],
    ['not an object', '[]', 'get secrets default/web: the answer is not the object that was asked for'],
    ['null', 'null', 'get secrets default/web: the answer is not a JSON object'],
    ['another kind', '{"kind":"Pod","metadata":{"resourceVersion":"1"}}', undefined],
    ['no metadata', '{"kind":"Secret"}', undefined],
  ])('come when the answer is %s', async (_, answer, message = expect.stringContaining('not the object')) => {
    await using server = await startServer((_, response) => response.end(answer));
    expect(await failure(clientOf(server).get(secrets, web, { signal }))).toMatchObject({
      reason: 'InvalidResponse',
      message,
    });
  });

  it('come when the list is none', async () => {
    await using server = await startServer((_, response) =>
      sendJson(response, 200, { kind: 'SecretList', metadata: {} }),
    );
    const pages = collect(clientOf(server).pages(secrets, { signal }));
    expect(await failure(pages)).toMatchObject({
      reason: 'InvalidResponse',
      message: 'list secrets: the answer is not a list',
    });
  });

  it('come when nobody listens, and when the connection breaks', async () => {
    const server = await startServer((_, response) => response.destroy());
    const client = clientOf(server);
    expect(await failure(client.get(secrets, web, { signal }))).toMatchObject({
      reason: 'NetworkError',
      retryable: true,
    });
    await server[Symbol.asyncDispose]();
    const error = await failure(client.get(secrets, web, { signal }));
    expect(error).toMatchObject({ reason: 'NetworkError', retryable: true, status: undefined });
    expect(error.message).toBe('get secrets default/web: the API server cannot be reached (ECONNREFUSED)');
  });

  it.each([
    ['never begins', (): void => {}],
    ['never ends', (_: unknown, response: { write: (text: string) => void }): void => response.write('{')],
  ])('come after 30 s when the answer %s', async (_, answer) => {
    const clock = new ManualClock();
    await using server = await startServer(answer);
    const result = failure(clientOf(server, { clock }).get(secrets, web, { signal }));
    await eventually(() => expect(server.requests).toHaveLength(1));
    await clock.advance(29_999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(await result).toMatchObject({
      reason: 'Timeout',
      retryable: true,
      message: 'get secrets default/web: no complete answer within 30 s',
    });
    expect(clock.pending).toBe(0);
  });

  it('are the reason of the signal when the caller aborts', async () => {
    const clock = new ManualClock();
    await using server = await startServer(() => {});
    const stop = new AbortController();
    const call = clientOf(server, { clock }).get(secrets, web, { signal: stop.signal });
    await eventually(() => expect(server.requests).toHaveLength(1));
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
    await expect(clientOf(server).get(secrets, web, { signal: stop.signal })).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(1);
  });

  it('and successes leave nothing behind on a signal that lives on', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) response.end(`${JSON.stringify({ type: 'ADDED', object: partial })}\n`);
      else sendJson(response, server.requests.length === 1 ? 200 : 500, partial);
    });
    const client = clientOf(server, { clock });
    const options = { signal, metadataOnly: true };
    await client.get(secrets, web, options);
    await failure(client.get(secrets, web, options));
    await collect(client.watch(secrets, { ...options, resourceVersion: '1', timeoutSeconds: 300 }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
