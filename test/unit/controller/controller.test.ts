import { Writable } from 'node:stream';

import * as fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';

import { Controller, type ControllerOptions } from '../../../src/controller/controller.ts';
import { WorkQueue } from '../../../src/controller/queue.ts';
import { sleep } from '../../../src/clock.ts';
import { ManualClock, settle } from '../../support/clock.ts';

interface Line {
  level: number;
  msg: string;
  object: string;
  reconcileID: string;
  [field: string]: unknown;
}

interface World {
  clock: ManualClock;
  queue: WorkQueue;
  lines: Line[];
  results: string[];
  /** Stops the controller. */
  stop: () => void;
  running: Promise<void>;
  controller: Controller;
}

function run(
  reconcile: ControllerOptions['reconcile'],
  o: Partial<ControllerOptions> & { clock?: ManualClock } = {},
): World {
  const clock = o.clock ?? new ManualClock();
  const queue = new WorkQueue({ clock, random: () => 0 });
  const lines: Line[] = [];
  const results: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const abort = new AbortController();
  const controller = new Controller({
    name: 'test',
    queue,
    concurrency: 2,
    reconcile,
    logger: pino({ level: 'debug' }, stream),
    onResult: ({ key, outcome }) => results.push(`${key} ${outcome}`),
    ...o,
    clock,
  });
  return { clock, queue, lines, results, stop: () => abort.abort(), running: controller.run(abort.signal), controller };
}

class ExpectedError extends Error {
  readonly reason = 'ProviderUnavailable';
  readonly retryAfterMs: number | undefined;
  readonly response = { headers: 'secret-header' };

  constructor(retryAfterMs?: number) {
    super('It does not answer');
    this.retryAfterMs = retryAfterMs;
  }
}

describe('Controller', () => {
  test('works on as many keys as it has workers, and on each key once', async () => {
    const active = new Set<string>();
    let most = 0;
    const { clock, queue, results, controller } = run(async (key, { signal }) => {
      expect(active).not.toContain(key);
      active.add(key);
      most = Math.max(most, active.size);
      await sleep(clock, 100, signal);
      active.delete(key);
    });
    for (const key of ['a', 'b', 'c', 'a']) queue.add(key);
    await settle();
    queue.add('a');
    expect(controller.idle).toBe(0);
    await clock.advance(1_000);
    expect(most).toBe(2);
    expect(results.sort()).toEqual(['a success', 'a success', 'b success', 'c success']);
    expect(controller.idle).toBe(2);
  });

  test('who waits for others keeps no worker, and its time stands still', async () => {
    const events: string[] = [];
    const { clock, queue, results, controller } = run(
      async (key, { signal, apart }) => {
        await sleep(clock, 400, signal);
        if (key.startsWith('slow')) await apart(() => sleep(clock, 3_600_000, signal));
        events.push(key);
        await sleep(clock, 400, signal);
      },
      { deadlineMs: 1_000, concurrency: 1 },
    );
    for (const key of ['slow-1', 'slow-2', 'slow-3', 'quick']) queue.add(key);
    await clock.advance(10_000);
    expect(results).toEqual(['quick success']);
    expect(controller.idle).toBe(1);
    await clock.advance(3_600_000);
    expect(events).toEqual(['quick', 'slow-1', 'slow-2', 'slow-3']);
    expect(results).toEqual(['quick success', 'slow-1 success', 'slow-2 success', 'slow-3 success']);
    expect(controller.idle).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('those that come back do not make room for more at once than there are workers', async () => {
    let [active, most] = [0, 0];
    const work = async (signal: AbortSignal): Promise<void> => {
      most = Math.max(most, ++active);
      await sleep(clock, 1_000, signal);
      active--;
    };
    const { clock, queue, results } = run(async (key, { signal, apart }) => {
      if (key.startsWith('apart')) await apart(() => sleep(clock, 500, signal));
      await work(signal);
    });
    for (const key of ['apart-1', 'apart-2', 'apart-3', 'a', 'b', 'c', 'd']) queue.add(key);
    await clock.advance(60_000);
    expect(results).toHaveLength(7);
    expect(most).toBe(5); // two that had begun, three that came back
  });

  test('what is thrown while it waits is thrown where it waits', async () => {
    const { clock, queue, results } = run((_key, { apart }) => apart(() => Promise.reject(new ExpectedError())));
    queue.add('a');
    await clock.advance(0);
    expect(results).toEqual(['a error']);
  });

  test('when stopped, those that wait for others are aborted like all others', async () => {
    const { clock, queue, results, running, stop } = run((_key, { signal, apart }) =>
      apart(() => sleep(clock, 3_600_000, signal)),
    );
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    stop();
    await clock.advance(10_000);
    await running;
    expect(results).toEqual(['a aborted', 'b aborted', 'c aborted']);
    expect(clock.pending).toBe(0);
  });

  test('comes back when the result says so, and only then', async () => {
    const { clock, queue, results } = run(async (key) => (key === 'again' ? { requeueAfterMs: 5_000 } : undefined));
    queue.add('again');
    queue.add('once');
    await clock.advance(4_999);
    expect(results).toEqual(['again success', 'once success']);
    await clock.advance(1);
    expect(results).toEqual(['again success', 'once success', 'again success']);
  });

  test('a defect is logged once, with its stack, and backs off its key alone', async () => {
    const { clock, queue, lines, results } = run(async (key) => {
      if (key === 'bad') throw Object.assign(new TypeError('undefined is not a function'), { body: 'secret-body' });
    });
    queue.add('bad');
    queue.add('good');
    await settle();
    expect(results).toEqual(['bad panic', 'good success']);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 50, controller: 'test', object: 'bad', retryInMs: 1_000 });
    expect(lines[0]!['stack']).toMatch(/^TypeError: undefined is not a function\n.*controller\.test\.ts/s);
    expect(JSON.stringify(lines)).not.toContain('secret');

    await clock.advance(1_000); // second failure
    expect(results.filter((result) => result.startsWith('bad'))).toHaveLength(2);
    await clock.advance(1_999);
    expect(results.filter((result) => result.startsWith('bad'))).toHaveLength(2);
    await clock.advance(1);
    expect(results.filter((result) => result.startsWith('bad'))).toHaveLength(3);
    expect(new Set(lines.map((line) => line.reconcileID)).size).toBe(3);
  });

  test('all lines of one reconcile share an id and name their object, and no other has that id', async () => {
    const { clock, queue, lines } = run(async (_key, { signal, logger }) => {
      logger.debug('begins');
      await sleep(clock, 100, signal);
      logger.child({ step: 2 }).debug('goes on');
      throw new ExpectedError();
    });
    for (const key of ['a', 'b']) queue.add(key);
    await clock.advance(1_200);
    const byId = Map.groupBy(lines, ({ reconcileID }) => reconcileID);
    const told = [...byId.values()].map((its) => its.map(({ object, msg }) => `${object} ${msg}`));
    const all = (key: string): string[] => [
      `${key} begins`,
      `${key} goes on`,
      `${key} The reconcile failed; it is tried again`,
    ];
    // Side by side, and each of them twice.
    expect(told).toEqual([all('a'), all('b'), all('a'), all('b')]);
    expect(lines.map(({ msg }) => msg).slice(0, 2)).toEqual(['begins', 'begins']);
    for (const id of byId.keys()) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    [
      () => {
        throw 'a string';
      },
    ],
    [() => Promise.reject(new Error('a promise'))],
    [() => Promise.reject(undefined)],
  ])('whatever is thrown, it goes on (%#)', async (fail) => {
    const { clock, queue, results } = run(fail as ControllerOptions['reconcile']);
    queue.add('a');
    await clock.advance(1_000);
    expect(results).toEqual(['a panic', 'a panic']);
  });

  test('an error that is part of life is logged with its reason, without a stack and what hangs on it', async () => {
    const { clock, queue, lines, results } = run(() => Promise.reject(new ExpectedError()));
    queue.add('a');
    await clock.advance(500);
    expect(results).toEqual(['a error']);
    expect(lines).toMatchObject([{ level: 40, reason: 'ProviderUnavailable', error: 'It does not answer' }]);
    expect(JSON.stringify(lines)).not.toMatch(/stack|secret/);
  });

  test('an error that asks for a longer pause gets it', async () => {
    const { clock, queue, results, lines } = run(() => Promise.reject(new ExpectedError(30_000)));
    queue.add('a');
    await clock.advance(29_999);
    expect(results).toEqual(['a error']);
    expect(lines[0]).toMatchObject({ retryInMs: 30_000 });
    await clock.advance(1);
    expect(results).toEqual(['a error', 'a error']);
  });

  test('success forgets the back-off', async () => {
    let failing = true;
    const { clock, queue, lines } = run(async () => {
      if (failing) throw new ExpectedError();
    });
    queue.add('a');
    await clock.advance(3_000);
    failing = false;
    await clock.advance(4_000);
    failing = true;
    queue.add('a');
    await settle();
    expect(lines.map((line) => line['retryInMs'])).toEqual([1_000, 2_000, 4_000, 1_000]);
  });

  test('aborts a reconcile at its deadline and tries it again', async () => {
    const { clock, queue, lines, results } = run((_key, { signal }) => sleep(clock, 1e9, signal), {
      deadlineMs: 60_000,
    });
    queue.add('a');
    await clock.advance(59_999);
    expect(results).toEqual([]);
    await clock.advance(1);
    expect(results).toEqual(['a timeout']);
    expect(lines).toMatchObject([{ level: 40, object: 'a', retryInMs: 1_000 }]);
    await clock.advance(1_000);
    await clock.advance(60_000);
    expect(results).toEqual(['a timeout', 'a timeout']);
  });

  test('when stopped it begins nothing new and lets end what runs', async () => {
    const { clock, queue, results, running, stop } = run((_key, { signal }) => sleep(clock, 5_000, signal));
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    stop();
    await clock.advance(5_000);
    await running;
    expect(results).toEqual(['a success', 'b success']);
    expect(queue.depth).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('when stopped it aborts what takes longer than the grace period, quietly, and waits for it', async () => {
    let cleaned = false;
    const { clock, queue, lines, results, running, stop } = run(async (_key, { signal }) => {
      try {
        await sleep(clock, 60_000, signal);
      } finally {
        await sleep(clock, 1_000, new AbortController().signal);
        cleaned = true;
      }
    });
    queue.add('a');
    await settle();
    stop();
    await clock.advance(10_999);
    expect(results).toEqual([]);
    await clock.advance(1);
    await running;
    expect(cleaned).toBe(true);
    expect(results).toEqual(['a aborted']);
    expect(lines).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('every change is seen by a reconcile that began after it, and no key runs twice at once', async () => {
    const changes = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), afterMs: fc.nat(300) }), {
      maxLength: 40,
    });
    const run_ = fc.record({
      changes,
      workMs: fc.array(fc.nat(500), { minLength: 1 }),
      failures: fc.array(fc.boolean(), { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(run_, async ({ changes, workMs, failures }) => {
        const wanted = new Map<string, number>();
        const seen = new Map<string, number>();
        const active = new Set<string>();
        let begun = 0;
        const { clock, queue, running, stop } = run(async (key, { signal }) => {
          expect(active).not.toContain(key);
          active.add(key);
          const turn = begun++;
          const version = wanted.get(key)!;
          await sleep(clock, workMs[turn % workMs.length]!, signal);
          active.delete(key);
          if (turn < 50 && failures[turn % failures.length]) throw new Error('by chance');
          seen.set(key, version);
        });
        for (const { key, afterMs } of changes) {
          wanted.set(key, (wanted.get(key) ?? 0) + 1);
          queue.add(key);
          await clock.advance(afterMs);
        }
        await clock.advance(86_400_000);
        expect(seen).toEqual(wanted);
        stop();
        await running;
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
