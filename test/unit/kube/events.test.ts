import type { ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { EventRecorder } from '../../../src/kube/events.ts';
import type { Happening, Regarding } from '../../../src/kube/events.ts';
import { ManualClock, settle } from '../../support/clock.ts';
import { connect, recordingLogger, sendJson, startServer, statusBody, writeKubeconfig } from './support.ts';
import type { FakeServer, Seen } from './support.ts';
import { eventually } from '../../support/eventually.ts';

const web: Regarding = { apiVersion: 'example.io/v1', kind: 'Widget', namespace: 'default', name: 'web', uid: 'u1' };
const rotated: Happening = { type: 'Normal', reason: 'Rotated', message: 'a new one' };
const start = Date.UTC(2026, 0, 1);

interface World extends AsyncDisposable {
  recorder: EventRecorder;
  clock: ManualClock;
  run: () => void;
  stop: () => Promise<void>;
  warnings: () => unknown[];
  /** Waits until the server has seen that many requests and returns `POST reason ×count: message` of all. */
  sent: (count: number) => Promise<string[]>;
}

function startRecorder(server: FakeServer): World {
  const clock = new ManualClock(start);
  const { logger, lines } = recordingLogger();
  const { client, connection } = connect(writeKubeconfig({ server: server.url }), { clock, logger });
  const recorder = new EventRecorder({ client, clock, logger, component: 'tester', instance: 'pod-1' });
  const abort = new AbortController();
  let running = Promise.resolve();
  return {
    recorder,
    clock,
    run: () => void (running = recorder.run(abort.signal)),
    async stop() {
      abort.abort();
      await running;
    },
    warnings: () => lines.filter(({ level }) => level >= 40).map(({ msg, reason }) => `${msg}: ${reason}`),
    async sent(count) {
      await vi.waitFor(() => expect(server.requests.length).toBeGreaterThanOrEqual(count), {
        interval: 5,
        timeout: 30_000,
      });
      return server.requests.map(({ method, body }) => {
        const { reason = '', count, message } = JSON.parse(body) as Record<string, string>;
        return `${method} ${reason} ×${count}: ${message}`;
      });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await clock.advance(5_000);
      await running;
      await connection.close();
    },
  };
}

/** Does what a server does with events: keeps their names. */
function answerEvent({ method, path, body }: Seen, response: ServerResponse): void {
  const { metadata } = JSON.parse(body);
  const name = method === 'POST' ? metadata.name : path.split('/').at(-1);
  sendJson(response, 200, { kind: 'Event', metadata: { ...metadata, name, uid: name, resourceVersion: '1' } });
}

describe('an event', () => {
  it('is written as kubectl expects it', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    const [seen] = server.requests;
    expect(seen).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/default/events' });
    const { metadata, ...event } = JSON.parse(seen?.body ?? '');
    expect(metadata).toEqual({ name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'default' });
    expect(event).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: web,
      type: 'Normal',
      reason: 'Rotated',
      message: 'a new one',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'tester', host: 'pod-1' },
      reportingComponent: 'tester',
      reportingInstance: 'pod-1',
    });
  });

  it('that happens again is counted on the one that is there', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    await world.clock.advance(60_000);
    world.recorder.record(web, rotated);
    await world.sent(2);
    const [created, patched] = server.requests;
    const { name } = JSON.parse(created?.body ?? '').metadata;
    expect(patched).toMatchObject({ method: 'PATCH', path: `/api/v1/namespaces/default/events/${name}` });
    expect(patched?.headers['content-type']).toBe('application/merge-patch+json');
    expect(JSON.parse(patched?.body ?? '')).toEqual({
      count: 2,
      lastTimestamp: '2026-01-01T00:01:00Z',
      message: 'a new one',
    });
  });

  it('is written anew when the server has forgotten the first one', async () => {
    await using server = await startServer((seen, response) => {
      if (seen.method === 'PATCH') sendJson(response, 404, statusBody(404, 'NotFound', 'events "x" not found'));
      else answerEvent(seen, response);
    });
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    world.recorder.record(web, rotated);
    expect(await world.sent(3)).toEqual([
      'POST Rotated ×1: a new one',
      'PATCH  ×2: a new one',
      'POST Rotated ×2: a new one',
    ]);
  });

  it('about a cluster-scoped object goes to the namespace default', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    world.recorder.record({ ...web, namespace: undefined }, rotated);
    await world.sent(1);
    expect(server.requests[0]?.path).toBe('/api/v1/namespaces/default/events');
    expect(JSON.parse(server.requests[0]?.body ?? '').involvedObject).not.toHaveProperty('namespace');
  });

  it('has a valid name and a message of at most 1,024 characters, whatever it is about', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    const name = `${'a'.repeat(235)}.${'b'.repeat(17)}`;
    world.recorder.record({ ...web, name }, { ...rotated, message: `${'é'.repeat(1_022)}😀 and more` });
    await world.sent(1);
    const { metadata, message } = JSON.parse(server.requests[0]?.body ?? '');
    expect(metadata.name).toMatch(/^a{235}\.[0-9a-f]{16}$/);
    expect(message).toBe(`${'é'.repeat(1_022)}…`);
  });

  it('shows what would break its line or turn it around, whoever put it there', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, { ...rotated, message: 'no longer covers a\n\u001b[2Jb\u202ec' });
    expect(await world.sent(1)).toEqual(['POST Rotated ×1: no longer covers a\\u{a}\\u{1b}[2Jb\\u{202e}c']);
  });
});

describe('many events', () => {
  it('that are the same and wait are sent as one', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    for (let nth = 0; nth < 5; nth++) world.recorder.record(web, rotated);
    world.recorder.record({ ...web, uid: 'u2' }, rotated);
    world.run();
    expect(await world.sent(2)).toEqual(['POST Rotated ×5: a new one', 'POST Rotated ×1: a new one']);
  });

  it('that differ in the message alone become one after ten', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    for (let nth = 1; nth <= 13; nth++) {
      world.recorder.record(web, { ...rotated, message: `number ${nth}` });
      await world.sent(nth);
    }
    const sent = await world.sent(13);
    expect(sent.slice(8)).toEqual([
      'POST Rotated ×1: number 9',
      'POST Rotated ×1: number 10',
      'POST Rotated ×1: (combined from similar events) number 11',
      'PATCH  ×2: (combined from similar events) number 12',
      'PATCH  ×3: (combined from similar events) number 13',
    ]);
    await world.clock.advance(600_001);
    world.recorder.record(web, { ...rotated, message: 'after a silence' });
    expect((await world.sent(14))[13]).toBe('POST Rotated ×1: after a silence');
  });

  it('about one object have a budget of 25, and then of one per five minutes; others are not touched', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    for (let nth = 0; nth < 30; nth++) world.recorder.record(web, rotated);
    world.recorder.record({ ...web, uid: 'u2' }, rotated);
    world.run();
    expect(await world.sent(2)).toEqual(['POST Rotated ×25: a new one', 'POST Rotated ×1: a new one']);
    await world.clock.advance(299_999);
    world.recorder.record(web, rotated);
    await world.clock.advance(1);
    world.recorder.record(web, rotated);
    world.recorder.record(web, rotated);
    await world.sent(3);
    await settle(30);
    expect((await world.sent(3)).slice(2)).toEqual(['PATCH  ×26: a new one']);
  });

  it('are not held back because the clock was set back', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    world.clock.set(start - 86_400_000);
    world.recorder.record(web, { ...rotated, message: 'yesterday' });
    expect((await world.sent(2))[1]).toBe('POST Rotated ×1: yesterday');
    expect(JSON.parse(server.requests[1]?.body ?? '')).toMatchObject({ firstTimestamp: '2025-12-31T00:00:00Z' });
  });

  it('do not pile up without limit while the server is away', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    for (let nth = 0; nth < 5_000; nth++) world.recorder.record({ ...web, uid: String(nth) }, rotated);
    world.run();
    const running = world.stop();
    await running;
    expect(server.requests).toHaveLength(4_096);
  });
});

describe('trouble', () => {
  it('that passes is waited out', async () => {
    await using server = await startServer((seen, response) => {
      if (server.requests.length < 3) sendJson(response, 503, {}, { 'retry-after': '15' });
      else answerEvent(seen, response);
    });
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    for (let nth = 1; nth <= 2; nth++) {
      await world.sent(nth);
      await eventually(() => expect(world.clock.nextIn).toBe(15_000));
      await world.clock.advance(15_000);
    }
    await world.sent(3);
    expect(world.warnings()).toEqual([]);
  });

  it('that does not pass is given up in the end', async () => {
    await using server = await startServer((_, response) => sendJson(response, 500, {}));
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    for (let nth = 1; nth < 12; nth++) {
      await world.sent(nth);
      await eventually(() => expect(world.clock.nextIn).toBe(10_000));
      await world.clock.advance(10_000);
    }
    await eventually(() => expect(world.warnings()).toEqual(['an event could not be recorded: Rotated']));
    expect(server.requests).toHaveLength(12);
  });

  it('with an answer that got lost makes no second event', async () => {
    await using server = await startServer((seen, response) => {
      if (server.requests.length === 1) response.destroy();
      else if (seen.method === 'POST')
        sendJson(response, 409, statusBody(409, 'AlreadyExists', 'events "x" already exists'));
      else answerEvent(seen, response);
    });
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    await eventually(() => expect(world.clock.nextIn).toBe(10_000));
    await world.clock.advance(10_000);
    await world.sent(2);
    world.recorder.record(web, rotated);
    expect(await world.sent(3)).toEqual([
      'POST Rotated ×1: a new one',
      'POST Rotated ×1: a new one',
      'PATCH  ×2: a new one',
    ]);
    const names = server.requests.map(({ path, body }) => JSON.parse(body).metadata?.name ?? path.split('/').at(-1));
    expect(new Set(names).size).toBe(1);
    expect(world.warnings()).toEqual([]);
  });

  it('that is a refusal drops the event and goes on', async () => {
    await using server = await startServer((seen, response) => {
      if (server.requests.length > 1) answerEvent(seen, response);
      else sendJson(response, 403, statusBody(403, 'Forbidden', 'the namespace is being terminated'));
    });
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    world.recorder.record({ ...web, uid: 'u2' }, { ...rotated, reason: 'Synced' });
    expect(await world.sent(2)).toEqual(['POST Rotated ×1: a new one', 'POST Synced ×1: a new one']);
    expect(world.warnings()).toEqual(['an event could not be recorded: Rotated']);
  });
});

describe('at the stop', () => {
  it('what is waiting is sent', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    for (let nth = 0; nth < 20; nth++) world.recorder.record({ ...web, uid: String(nth) }, rotated);
    await world.stop();
    expect(server.requests).toHaveLength(20);
    expect(world.clock.pending).toBe(0);
  });

  it('nothing is waited for longer than 1.5 s', async () => {
    await using server = await startServer(() => {});
    await using world = startRecorder(server);
    world.run();
    world.recorder.record(web, rotated);
    await world.sent(1);
    let ended = false;
    const stopped = world.stop().then(() => (ended = true));
    await world.clock.advance(1_499);
    expect(ended).toBe(false);
    await world.clock.advance(1);
    await stopped;
    expect(world.clock.pending).toBe(0);
  });

  it('an idle recorder ends at once', async () => {
    await using server = await startServer(answerEvent);
    await using world = startRecorder(server);
    world.run();
    await world.stop();
    expect(world.clock.pending).toBe(0);
  });
});
