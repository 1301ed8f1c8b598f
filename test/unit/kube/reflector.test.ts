import { rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { secrets } from '../../../src/kube/objects.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { Reflector } from '../../../src/kube/reflector.ts';
import { Store } from '../../../src/kube/store.ts';
import { ManualClock, settle } from '../../support/clock.ts';
import {
  connect,
  recordingLogger,
  sendJson,
  startServer,
  statusBody,
  temporaryDirectory,
  writeKubeconfig,
} from './support.ts';
import type { FakeServer } from './support.ts';

type Options = Partial<ConstructorParameters<typeof Reflector<KubeObject>>[0]> & {
  onEvent?: () => void;
  kubeconfig?: string;
};

function secret(name: string, resourceVersion: number, labels = {}): KubeObject {
  const metadata = { namespace: 'default', name, uid: name, resourceVersion: String(resourceVersion), labels };
  return { apiVersion: 'v1', kind: 'Secret', metadata };
}

function partial(object: KubeObject): KubeObject {
  return { ...object, kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
}

function sendList(response: ServerResponse, resourceVersion: number, items: KubeObject[], next = ''): void {
  const metadata = { resourceVersion: String(resourceVersion), continue: next };
  sendJson(response, 200, { kind: 'SecretList', apiVersion: 'v1', metadata, items });
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

const bookmark = (resourceVersion: number): string => line('BOOKMARK', secret('', resourceVersion));

/** A server with the list [a@5] at version 10 whose watches the test plays: by default they are open and silent. */
async function startWorld(watch: (response: ServerResponse, nth: number) => void = () => {}): Promise<FakeServer> {
  const server: FakeServer = await startServer((seen, response) => {
    if (!seen.query.has('watch')) return sendList(response, 10, [secret('a', 5)]);
    response.writeHead(200).flushHeaders();
    watch(response, server.watches().length);
  });
  return server;
}

interface Running extends AsyncDisposable {
  reflector: Reflector<KubeObject>;
  store: Store<KubeObject>;
  clock: ManualClock;
  /** `added a@5`, `bookmark 7`, in order. */
  told: string[];
  complaints: () => string[];
  /** Waits until something went wrong, and for the pause that follows: not a moment shorter than announced. */
  pause: () => Promise<number>;
  stop: () => Promise<void>;
}

/** Says what it was told by the reflector, bookmarks included, which no subscriber sees. */
class ObservedStore extends Store<KubeObject> {
  readonly told: string[] = [];

  override bookmark(namespace: string | undefined, resourceVersion: string): void {
    super.bookmark(namespace, resourceVersion);
    this.told.push(`bookmark ${resourceVersion}`);
  }
}

function run(
  server: FakeServer,
  { onEvent, kubeconfig = writeKubeconfig({ server: server.url }), ...options }: Options = {},
): Running {
  const clock = new ManualClock();
  const { logger, lines } = recordingLogger();
  const { client, connection } = connect(kubeconfig, { clock, logger });
  const store = new ObservedStore({ logger });
  if (onEvent) store.subscribe(onEvent);
  const { told } = store;
  store.subscribe(({ type, object }) =>
    told.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`),
  );
  const reflector = new Reflector({ client, resource: secrets, store, logger, clock, random: () => 0, ...options });
  const abort = new AbortController();
  const running = reflector.run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  let pauses = 0;
  const pause = async (): Promise<number> => {
    const nth = pauses++;
    const delayMs = await vi.waitFor(() => {
      const found = lines.filter((line) => 'delayMs' in line)[nth]?.delayMs;
      expect(found).toBeTypeOf('number');
      return found as number;
    }, waiting);
    const requests = server.requests.length;
    await clock.advance(delayMs - 1);
    expect(server.requests).toHaveLength(requests);
    await clock.advance(1);
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(requests), waiting);
    return delayMs;
  };
  return {
    reflector,
    store,
    clock,
    told,
    complaints: () =>
      lines.filter(({ level }) => level >= 40).map(({ msg, err }) => `${msg}: ${(err as Error).message}`),
    pause,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await connection.close();
    },
  };
}

/** Waits for something that comes over a socket. */
const waiting = { interval: 5, timeout: 30_000 };

async function watches(server: FakeServer, count: number): Promise<void> {
  await vi.waitFor(() => expect(server.watches()).toHaveLength(count), waiting);
}

async function tells(world: Running, ...told: string[]): Promise<void> {
  await vi.waitFor(() => expect(world.told).toEqual(told), waiting);
}

const brokeOff = 'list or watch broke off, trying again';

describe('a healthy reflector', () => {
  it('lists, is synced, and watches from there', async () => {
    await using server = await startWorld((response) => {
      response.write(
        line('ADDED', secret('b', 11)) + line('MODIFIED', secret('a', 12)) + line('DELETED', secret('b', 13)),
      );
    });
    await using world = run(server, { namespace: 'default', labelSelector: 'x=y', fieldSelector: 'type=z' });
    expect(world.reflector.hasSynced).toBe(false);
    await world.reflector.synced;
    expect(world.reflector.hasSynced).toBe(true);
    await tells(world, 'added a@5', 'added b@11', 'updated a@12', 'deleted b@13');
    expect(Array.from(world.store.values(), ({ metadata }) => metadata.name)).toEqual(['a']);
    const [list] = server.calls();
    const [watch] = server.watches();
    expect(list?.path).toBe('/api/v1/namespaces/default/secrets');
    expect(Object.fromEntries(list?.query ?? [])).toEqual({
      limit: '500',
      labelSelector: 'x=y',
      fieldSelector: 'type=z',
    });
    expect(Object.fromEntries(watch?.query ?? [])).toEqual({
      labelSelector: 'x=y',
      fieldSelector: 'type=z',
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '10',
      timeoutSeconds: '300',
    });
    expect(world.complaints()).toEqual([]);
  });

  it('asks for metadata alone', async () => {
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) response.write(line('MODIFIED', partial(secret('a', 11))));
      else sendJson(response, 200, { metadata: { resourceVersion: '10' }, items: [partial(secret('a', 5))] });
    });
    await using world = run(server, { metadataOnly: true });
    await tells(world, 'added a@5', 'updated a@11');
    expect(world.store.get('default/a')).toMatchObject({ kind: 'Secret', apiVersion: 'v1' });
    expect(server.requests.map(({ headers }) => headers.accept)).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  it('watches a quiet resource for as long as bookmarks come, and goes on from the last one', async () => {
    const open: ServerResponse[] = [];
    await using server = await startWorld((response) => open.push(response));
    await using world = run(server, { random: () => 0.999 });
    await watches(server, 1);
    expect(server.watches()[0]?.query.get('timeoutSeconds')).toBe('599');
    const told = ['added a@5'];
    for (let version = 11; version <= 20; version++) {
      open[0]?.write(bookmark(version));
      told.push(`bookmark ${version}`);
      await tells(world, ...told);
      await world.clock.advance(60_000);
    }
    expect(server.watches()).toHaveLength(1);
    open[0]?.end();
    await watches(server, 2);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('20');
    expect(world.reflector.restarts).toBe(0);
    expect(server.calls()).toHaveLength(1);
    expect(world.complaints()).toEqual([]);
  });

  it('reads events that arrive in pieces, in the middle of a character', async () => {
    const text = Buffer.from(line('ADDED', secret('b', 11, { owner: '인증서😀' })) + line('ADDED', secret('c', 12)));
    await using server = await startWorld(async (response) => {
      for (const byte of text) {
        response.write(Buffer.from([byte]));
        await settle(1);
      }
    });
    await using world = run(server);
    await tells(world, 'added a@5', 'added b@11', 'added c@12');
    expect(world.store.get('default/b')?.metadata.labels).toEqual({ owner: '인증서😀' });
  });

  it('keeps what decode makes of objects, and survives objects that it cannot decode', async () => {
    await using server = await startWorld((response) => {
      response.write(line('ADDED', secret('bad', 11)) + line('ADDED', secret('good', 12)));
    });
    await using world = run(server, {
      decode(raw) {
        if (raw.metadata.name === 'bad') throw new Error('unreadable');
        return { ...raw, metadata: { ...raw.metadata, labels: { decoded: 'yes' } } };
      },
    });
    await tells(world, 'added a@5', 'added good@12');
    expect(world.store.get('default/a')?.metadata.labels).toEqual({ decoded: 'yes' });
    expect(world.complaints()).toEqual(['an object cannot be decoded and is left out: unreadable']);
  });

  it('gathers all pages before it shows any', async () => {
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) response.writeHead(200).flushHeaders();
      else if (query.has('continue')) sendList(response, 10, [secret('b', 6)]);
      else sendList(response, 10, [secret('a', 5)], 'more');
    });
    let sizeAtFirstEvent: number | undefined;
    await using world = run(server, { onEvent: () => (sizeAtFirstEvent ??= world.store.size) });
    await world.reflector.synced;
    expect(world.told).toEqual(['added a@5', 'added b@6']);
    expect(sizeAtFirstEvent).toBe(2);
    expect(server.calls()).toHaveLength(2);
  });
});

describe('a reflector survives', () => {
  it('a list that fails: it lists again', async () => {
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) response.writeHead(200).flushHeaders();
      else if (server.calls().length > 1) sendList(response, 10, [secret('a', 5)]);
      else sendJson(response, 500, statusBody(500, 'InternalError', 'etcd is away'));
    });
    await using world = run(server);
    expect(await world.pause()).toBe(800);
    await tells(world, 'added a@5');
    expect(world.reflector.restarts).toBe(1);
    expect(world.complaints()).toEqual([`${brokeOff}: list secrets: HTTP 500 InternalError: etcd is away`]);
  });

  it.each([
    ['a watch that answers 500', 500, {}, 800],
    ['a watch that answers 429 with Retry-After: it waits', 429, { 'retry-after': '17' }, 17_000],
    ['a Retry-After of a day: it waits 5 min', 503, { 'retry-after': '86400' }, 300_000],
    ['a watch that is forbidden for a while', 403, {}, 800],
  ])('%s', async (_, status, headers, delayMs) => {
    await using server = await startServer(({ query }, response) => {
      if (!query.has('watch')) sendList(response, 10, [secret('a', 5)]);
      else if (server.watches().length === 1) sendJson(response, status, {}, headers);
      else response.write(line('ADDED', secret('b', 11)));
    });
    await using world = run(server);
    expect(await world.pause()).toBe(delayMs);
    await tells(world, 'added a@5', 'added b@11');
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('10');
    expect(server.calls()).toHaveLength(1);
  });

  it.each([
    ['as the answer', (response: ServerResponse) => sendJson(response, 410, statusBody(410, 'Expired', 'too old'))],
    [
      'in the stream',
      (response: ServerResponse) => response.write(line('ERROR', statusBody(410, 'Expired', 'too old'))),
    ],
  ])('410 %s: it lists again and tells the difference', async (_, gone) => {
    await using server = await startServer(({ query }, response) => {
      if (query.has('watch')) return server.watches().length === 1 && gone(response);
      return server.calls().length === 1
        ? sendList(response, 10, [secret('a', 5), secret('b', 6), secret('c', 7)])
        : sendList(response, 20, [secret('a', 5), secret('b', 15), secret('d', 16)]);
    });
    await using world = run(server);
    expect(await world.pause()).toBe(800);
    await watches(server, 2);
    expect(world.told).toEqual(['added a@5', 'added b@6', 'added c@7', 'deleted c@7', 'updated b@15', 'added d@16']);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('20');
  });

  it('410 after an outage: the server is back, and is not waited for any longer', async () => {
    await using server = await startServer(({ query }, response) => {
      if (!query.has('watch')) return sendList(response, 10, [secret('a', 5)]);
      const nth = server.watches().length;
      if (nth <= 3) return sendJson(response, 500, statusBody(500, 'InternalError', 'etcd is away'));
      return nth <= 5 && sendJson(response, 410, statusBody(410, 'Expired', 'too old'));
    });
    await using world = run(server);
    const pauses: number[] = [];
    for (let nth = 1; nth <= 5; nth++) pauses.push(await world.pause());
    expect(pauses).toEqual([800, 1_600, 3_200, 800, 1_600]);
  });

  it('an error in the stream that stays open: it watches on from where it was', async () => {
    await using server = await startWorld((response, nth) => {
      if (nth > 1) return;
      response.write(line('ADDED', secret('b', 11)) + line('ERROR', statusBody(500, 'InternalError', 'decode failed')));
    });
    await using world = run(server);
    expect(await world.pause()).toBe(800);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('11');
    expect(server.calls()).toHaveLength(1);
  });

  it('a connection that is reset in the middle of an event', async () => {
    const open: ServerResponse[] = [];
    await using server = await startWorld((response) => {
      open.push(response);
      response.write(line('ADDED', secret('b', 11)) + line('ADDED', secret('c', 12)).slice(0, 20));
    });
    await using world = run(server);
    await tells(world, 'added a@5', 'added b@11');
    open[0]?.socket?.resetAndDestroy();
    expect(await world.pause()).toBe(800);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('11');
    expect(server.calls()).toHaveLength(1);
  });

  it('watches that end at once: it backs off to half a minute', async () => {
    await using server = await startWorld((response) => response.end(bookmark(11)));
    await using world = run(server);
    const pauses: number[] = [];
    for (let nth = 1; nth <= 7; nth++) pauses.push(await world.pause());
    expect(pauses).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
    expect(server.calls()).toHaveLength(1);
  });

  it('faults far apart: the back-off begins anew after two healthy minutes', async () => {
    const open: ServerResponse[] = [];
    await using server = await startWorld((response, nth) => {
      open.push(response);
      response.write(bookmark(10 + nth));
    });
    await using world = run(server, { random: () => 0.5 });
    await tells(world, 'added a@5', 'bookmark 11');
    open[0]?.destroy();
    expect(await world.pause()).toBe(1_200);
    await tells(world, 'added a@5', 'bookmark 11', 'bookmark 12');
    open[1]?.destroy();
    expect(await world.pause()).toBe(2_400);
    await tells(world, 'added a@5', 'bookmark 11', 'bookmark 12', 'bookmark 13');
    await world.clock.advance(60_001);
    open[2]?.write(bookmark(14));
    await tells(world, 'added a@5', 'bookmark 11', 'bookmark 12', 'bookmark 13', 'bookmark 14');
    await world.clock.advance(60_000);
    open[2]?.destroy();
    expect(await world.pause()).toBe(1_200);
  });

  it('a server that falls silent: it gives up 3 min after the last sign of life', async () => {
    const closed: number[] = [];
    await using server = await startWorld((response, nth) => {
      response.write(bookmark(10 + nth));
      response.on('close', () => closed.push(nth));
    });
    await using world = run(server);
    await tells(world, 'added a@5', 'bookmark 11');
    await world.clock.advance(179_999);
    expect(world.complaints()).toEqual([]);
    await world.clock.advance(1);
    await world.pause();
    expect(world.complaints()).toEqual([`${brokeOff}: watch secrets: silent for 180 s`]);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('11');
    await vi.waitFor(() => expect(closed).toEqual([1]), waiting);
  });

  it('a watch that never answers: it gives up after 30 s', async () => {
    await using server = await startServer(({ query }, response) => {
      if (!query.has('watch')) sendList(response, 10, []);
    });
    await using world = run(server);
    await watches(server, 1);
    await world.clock.advance(30_000);
    await world.pause();
    expect(world.complaints()).toEqual([`${brokeOff}: watch secrets: no complete answer within 30 s`]);
  });

  it('handlers that throw, on the list and on events', async () => {
    await using server = await startWorld((response) => response.write(line('ADDED', secret('b', 11))));
    await using world = run(server, {
      onEvent() {
        throw new Error('broken');
      },
    });
    await tells(world, 'added a@5', 'added b@11');
    expect(world.complaints()).toEqual(['an event handler failed: broken', 'an event handler failed: broken']);
    expect(world.reflector.restarts).toBe(0);
  });

  it('a token file that is not there yet: it starts when the file appears', async () => {
    await using server = await startWorld();
    const directory = temporaryDirectory();
    const kubeconfig = writeKubeconfig({ server: server.url }, { tokenFile: 'token' }, directory);
    await using world = run(server, { kubeconfig });
    await vi.waitFor(() => expect(world.complaints()).toHaveLength(1), waiting);
    expect(world.complaints()[0]).toContain('the credentials for the API server cannot be read: ENOENT');
    expect(server.requests).toEqual([]);
    writeFileSync(join(directory, 'token'), 'first\n');
    await world.pause();
    await watches(server, 1);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer first']);
  });

  it('a token file that goes away: it reconnects with the last one', async () => {
    const open: ServerResponse[] = [];
    await using server = await startWorld((response) => open.push(response));
    const directory = temporaryDirectory();
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'first');
    await using world = run(server, { kubeconfig: writeKubeconfig({ server: server.url }, { tokenFile }) });
    await watches(server, 1);
    rmSync(tokenFile);
    await world.clock.advance(10_000);
    open[0]?.end();
    await watches(server, 2);
    expect(server.watches()[1]?.headers.authorization).toBe('Bearer first');
    writeFileSync(tokenFile, 'second');
    await world.clock.advance(10_000);
    open[1]?.end();
    await watches(server, 3);
    expect(server.watches()[2]?.headers.authorization).toBe('Bearer second');
  });

  it('an event that is too large', async () => {
    await using server = await startWorld((response, nth) => {
      if (nth === 1) response.write(line('ADDED', secret('b', 11)) + 'x'.repeat(9 * 1024 * 1024));
    });
    await using world = run(server);
    await world.pause();
    expect(world.complaints()).toEqual([`${brokeOff}: watch secrets: an event is too large`]);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe('11');
  });

  it.each([
    ['no JSON', 'nonsense\n', 'the answer is not a JSON object'],
    ['of an unknown type', line('SURPRISE', {}), 'an event of an unknown type came'],
    ['without an object', line('ADDED', null), 'the answer is not the object that was asked for'],
  ])('an event that is %s', async (_, text, complaint) => {
    await using server = await startWorld((response, nth) => nth === 1 && response.write(text));
    await using world = run(server);
    await world.pause();
    expect(world.complaints()).toEqual([`${brokeOff}: watch secrets: ${complaint}`]);
  });

  it('a continue token that expires between pages: it lists from the start', async () => {
    await using server = await startServer(({ query }, response) => {
      const nth = server.calls().length;
      if (query.has('watch')) response.writeHead(200).flushHeaders();
      else if (!query.has('continue')) sendList(response, 10 * nth, [secret('a', 5)], 'more');
      else if (nth === 2) sendJson(response, 410, statusBody(410, 'Expired', 'token is too old'));
      else sendList(response, 30, [secret('b', 6)]);
    });
    await using world = run(server);
    await world.pause();
    await watches(server, 1);
    expect(server.calls().map(({ query }) => query.get('continue'))).toEqual([null, 'more', null, 'more']);
    expect(world.told).toEqual(['added a@5', 'added b@6']);
    expect(server.watches()[0]?.query.get('resourceVersion')).toBe('30');
  });
});

describe('a reflector that is stopped', () => {
  it('while listing opens no watch', async () => {
    const asked: ServerResponse[] = [];
    await using server = await startServer((_, response) => asked.push(response));
    await using world = run(server);
    await vi.waitFor(() => expect(asked).toHaveLength(1), waiting);
    const stopped = world.stop();
    for (const response of asked) sendList(response, 10, [secret('a', 5)]);
    await stopped;
    await settle(50);
    expect(server.watches()).toEqual([]);
    expect(world.told).toEqual([]);
    expect(world.complaints()).toEqual([]);
  });

  it('while watching is silent, closes the watch and leaves no timer', async () => {
    const closed: number[] = [];
    await using server = await startWorld((response, nth) => {
      response.write(bookmark(11));
      response.on('close', () => closed.push(nth));
    });
    await using world = run(server);
    await tells(world, 'added a@5', 'bookmark 11');
    await world.stop();
    await vi.waitFor(() => expect(closed).toEqual([1]), waiting);
    expect(world.complaints()).toEqual([]);
    expect(world.clock.pending).toBe(0);
    expect(world.reflector.restarts).toBe(0);
  });

  it('while it pauses ends at once', async () => {
    await using server = await startServer((_, response) => sendJson(response, 500, {}));
    await using world = run(server);
    await vi.waitFor(() => expect(world.complaints()).toHaveLength(1), waiting);
    await world.stop();
    expect(world.clock.pending).toBe(0);
  });
});
