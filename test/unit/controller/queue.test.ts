import assert from 'node:assert/strict';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type Priority, WorkQueue } from '../../../src/controller/queue.ts';
import { ManualClock, settle } from '../../support/clock.ts';

const forever = new AbortController().signal;
const longestRandom = (): number => 0; // the jitter only shortens

function setUp(): { clock: ManualClock; queue: WorkQueue } {
  const clock = new ManualClock();
  return { clock, queue: new WorkQueue({ clock, random: longestRandom }) };
}

/** The keys that are due, in the order in which they are handed out. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) {
    const key = (await queue.take(forever))!;
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('WorkQueue', () => {
  test('hands a key out once, however often it was added', async () => {
    const { queue } = setUp();
    for (const key of ['a', 'b', 'a', 'a', 'b']) queue.add(key);
    expect(queue.depth).toBe(2);
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  test('runs a key again that was added while it ran, and not at the same time', async () => {
    const { queue } = setUp();
    queue.add('a');
    expect(await queue.take(forever)).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('a schedule replaces the one before, also by a later one', async () => {
    const { clock, queue } = setUp();
    queue.schedule('a', 1_000);
    queue.schedule('a', 5_000);
    await clock.advance(4_999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
    await clock.advance(60_000);
    expect(queue.depth).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('what is added is not delayed by a schedule, and the schedule is gone with it', async () => {
    const { clock, queue } = setUp();
    queue.schedule('a', 1_000);
    queue.add('a');
    queue.schedule('a', 1_000);
    expect(await takeAll(queue)).toEqual(['a']);
    await clock.advance(1_000);
    expect(queue.depth).toBe(0);
  });

  test('an addition and a schedule during a run: it runs again at once', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.take(forever);
    queue.add('a');
    queue.schedule('a', 1_000);
    queue.done('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('backs off per key, doubling up to the longest pause, until it is forgotten', () => {
    const { queue } = setUp();
    const pauses = Array.from({ length: 12 }, () => queue.retry('a'));
    expect(pauses.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(pauses.at(-1)).toBe(600_000);
    expect(queue.retry('b')).toBe(1_000);
    queue.forget('a');
    expect(queue.retry('a')).toBe(1_000);
  });

  test('jitter takes away up to half of a pause', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(20), (chance, failures) => {
        const queue = new WorkQueue({ clock: new ManualClock(), random: () => chance });
        for (let i = 0; i < failures; i++) queue.retry('a');
        const longest = Math.min(1_000 * 2 ** failures, 600_000);
        const pause = queue.retry('a');
        expect(pause).toBeGreaterThanOrEqual(longest / 2);
        expect(pause).toBeLessThanOrEqual(longest);
      }),
    );
  });

  test('an object that is gone is forgotten, but never an addition', async () => {
    const { clock, queue } = setUp();
    queue.retry('a');
    queue.remove('a');
    await clock.advance(600_000);
    expect(queue.depth).toBe(0);
    expect(clock.pending).toBe(0);
    expect(queue.retry('a')).toBe(1_000);

    queue.add('b');
    await queue.take(forever);
    queue.add('b');
    queue.schedule('b', 1_000);
    queue.remove('b');
    queue.done('b');
    queue.remove('b');
    expect(await takeAll(queue)).toEqual(['b']);
  });

  test('urgent keys go first; adding a key again can only make it more urgent', async () => {
    const { queue } = setUp();
    queue.add('low', 'low');
    queue.add('normal');
    queue.add('raised', 'low');
    queue.add('high', 'high');
    queue.add('raised', 'high');
    queue.add('raised', 'low');
    expect(await takeAll(queue)).toEqual(['high', 'raised', 'normal', 'low']);
  });

  test('a flood of urgent keys does not starve the others', async () => {
    const { clock, queue } = setUp();
    queue.add('normal');
    queue.add('low', 'low');
    const taken: string[] = [];
    for (let second = 0; second < 400; second++) {
      queue.add(`a${second}`, 'high');
      queue.add(`b${second}`, 'high'); // two come, one goes
      const key = (await queue.take(forever))!;
      queue.done(key);
      taken.push(key);
      await clock.advance(1_000);
    }
    // Those that became due up to a minute (or five) after it go before it.
    expect(taken.indexOf('normal')).toBe(122);
    queue.add('last', 'high');
    const rest = await takeAll(queue);
    expect(rest.indexOf('low')).toBeGreaterThan(-1);
    expect(rest.indexOf('low')).toBeLessThan(rest.indexOf('last'));
  });

  test('says how long the key has been due that waits longest', async () => {
    const { clock, queue } = setUp();
    expect(queue.oldestDueMs()).toBe(0);
    queue.schedule('later', 3_000);
    queue.add('now', 'low');
    await clock.advance(2_000);
    expect(queue.oldestDueMs()).toBe(2_000);
    await queue.take(forever);
    expect(queue.oldestDueMs()).toBe(0);
    await clock.advance(2_000);
    expect(queue.oldestDueMs()).toBe(1_000);
  });

  test('an aborted take gets nothing and takes nothing away', async () => {
    const { queue } = setUp();
    const abort = new AbortController();
    const taken = queue.take(abort.signal);
    abort.abort();
    expect(await taken).toBeUndefined();
    queue.add('a');
    expect(await queue.take(abort.signal)).toBeUndefined();
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('pauses longer than a timer can hold do not end early', async () => {
    const { clock, queue } = setUp();
    const days = 86_400_000;
    queue.schedule('a', 60 * days);
    await clock.advance(60 * days - 1);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
  });

  test('does whatever a plain list would do', async () => {
    const operations = fc.array(operation, { minLength: 1, maxLength: 60 });
    await fc.assert(fc.asyncProperty(operations, behaves), { numRuns: 400 });
  });
});

type Operation =
  | { do: 'add'; key: string; priority: Priority }
  | { do: 'schedule'; key: string; delayMs: number }
  | { do: 'retry'; key: string }
  | { do: 'forget'; key: string }
  | { do: 'remove'; key: string }
  | { do: 'take' }
  | { do: 'done'; which: number }
  | { do: 'advance'; ms: number };

const key = fc.constantFrom('a', 'b', 'c', 'd');
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add'), key, priority: fc.constantFrom('high', 'normal', 'low') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('schedule'), key, delayMs: fc.integer({ min: -1, max: 400_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('retry', 'forget', 'remove'), key }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('take') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('done'), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat(400_000) }) },
) as fc.Arbitrary<Operation>;

/** When a key must run (again), and who said so. */
interface Wish {
  at: number;
  added: boolean;
  priority: Priority;
}

const patience: Record<Priority, number> = { high: 0, normal: 60_000, low: 300_000 };

/** What is known about the keys, kept without any cleverness. */
class Model {
  readonly wishes = new Map<string, Wish>();
  readonly running = new Map<string, Wish | undefined>();

  add(key: string, now: number, priority: Priority): void {
    const old = this.#wish(key);
    const kept = old && (old.added || (!this.running.has(key) && old.at <= now)) ? old : { at: now, priority };
    const higher = patience[kept.priority] < patience[priority] ? kept.priority : priority;
    this.#set(key, { at: kept.at, added: true, priority: higher });
  }

  schedule(key: string, now: number, delayMs: number): void {
    const old = this.#wish(key);
    const due = old && (old.added || (!this.running.has(key) && old.at <= now));
    if (!due) this.#set(key, { at: now + delayMs, added: false, priority: 'normal' });
  }

  remove(key: string, now: number): void {
    const old = this.#wish(key);
    if (!old || old.added || (!this.running.has(key) && old.at <= now)) return;
    if (this.running.has(key)) this.running.set(key, undefined);
    else this.wishes.delete(key);
  }

  taken(key: string, now: number): void {
    assert.ok(!this.running.has(key), `${key} runs already`);
    const wish = this.wishes.get(key);
    assert.ok(wish, `nobody wished for ${key}`);
    assert.ok(wish.at <= now, `${key} came early`);
    for (const other of this.wishes.values()) {
      if (other.at > now) continue;
      assert.ok(wish.at + patience[wish.priority] <= other.at + patience[other.priority], `${key} jumped the queue`);
    }
    this.wishes.delete(key);
    this.running.set(key, undefined);
  }

  done(key: string): void {
    const wish = this.running.get(key);
    this.running.delete(key);
    if (wish) this.wishes.set(key, wish);
  }

  #wish(key: string): Wish | undefined {
    return this.running.has(key) ? this.running.get(key) : this.wishes.get(key);
  }

  #set(key: string, wish: Wish): void {
    (this.running.has(key) ? this.running : this.wishes).set(key, wish);
  }
}

async function behaves(operations: Operation[]): Promise<void> {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const model = new Model();
  const stop = new AbortController();
  let takers = 0;
  let wrong: unknown;
  const take = async (): Promise<void> => {
    takers++;
    const key = await queue.take(stop.signal);
    takers--;
    try {
      if (key !== undefined) model.taken(key, clock.elapsed());
    } catch (error) {
      wrong ??= error;
    }
  };
  const step = async (operation: Operation): Promise<void> => {
    const now = clock.elapsed();
    if (operation.do === 'add') {
      queue.add(operation.key, operation.priority);
      model.add(operation.key, now, operation.priority);
    } else if (operation.do === 'schedule') {
      queue.schedule(operation.key, operation.delayMs);
      if (operation.delayMs > 0) model.schedule(operation.key, now, operation.delayMs);
      else model.add(operation.key, now, 'normal');
    } else if (operation.do === 'retry') {
      model.schedule(operation.key, now, queue.retry(operation.key));
    } else if (operation.do === 'forget') {
      queue.forget(operation.key);
    } else if (operation.do === 'remove') {
      queue.remove(operation.key);
      model.remove(operation.key, now);
    } else if (operation.do === 'take') {
      void take();
    } else if (operation.do === 'done') {
      const key = [...model.running.keys()].at(operation.which % model.running.size);
      if (key === undefined) return;
      model.done(key);
      queue.done(key);
    } else {
      await clock.advance(operation.ms);
    }
    await settle(1);
    if (wrong) throw wrong;
    const due = [...model.wishes.values()].filter((wish) => wish.at <= clock.elapsed());
    assert.equal(queue.depth, due.length);
    assert.equal(queue.oldestDueMs(), Math.max(0, ...due.map((wish) => clock.elapsed() - wish.at)));
    assert.ok(due.length === 0 || takers === 0, 'keys are due and workers wait');
  };
  for (const operation of operations) await step(operation);

  // In the end every wish comes true, and nothing is left behind.
  while (model.running.size > 0 || model.wishes.size > 0) {
    await step({ do: 'done', which: 0 });
    if (takers === 0) await step({ do: 'take' });
    await step({ do: 'advance', ms: 600_000 });
  }
  await clock.advance(600_000);
  assert.equal(clock.pending, 0);
  stop.abort();
  await settle(1);
  assert.equal(takers, 0);
}
