import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccountUnavailable, ProviderError } from '../../../src/providers/errors.ts';
import { type Limits, type Priority, Throttle } from '../../../src/providers/throttle.ts';
import { ManualClock, settle } from '../../support/clock.ts';

const forever = new AbortController().signal;
const busy = new ProviderError({ reason: 'RateLimited', message: 'Too many requests.' });

function create(limits: Limits): { throttle: Throttle; clock: ManualClock } {
  const clock = new ManualClock();
  return { throttle: new Throttle(clock, limits), clock };
}

describe('turns', () => {
  test('come by priority, and in order within one', async () => {
    const { throttle } = create({ inFlight: 1 });
    const order: string[] = [];
    const run = async (name: string, priority: Priority): Promise<void> => {
      const leave = await throttle.enter(priority, forever);
      order.push(name);
      leave('neutral');
    };
    const first = await throttle.enter('refresh', forever);
    const all = [
      run('refresh 1', 'refresh'),
      run('urgent 1', 'urgent'),
      run('refresh 2', 'refresh'),
      run('urgent 2', 'urgent'),
      run('list', 'list'),
    ];
    first('success');
    await Promise.all(all);
    expect(order).toEqual(['list', 'urgent 1', 'urgent 2', 'refresh 1', 'refresh 2']);
    expect(throttle.inFlight).toBe(0);
  });

  test('a refresh that waited for a minute takes every second one', async () => {
    const { throttle, clock } = create({ inFlight: 1 });
    const order: string[] = [];
    const run = async (name: string, priority: Priority): Promise<void> => {
      const leave = await throttle.enter(priority, forever);
      order.push(name);
      leave('neutral');
    };
    const first = await throttle.enter('urgent', forever);
    const old = ['r1', 'r2', 'r3'].map((name) => run(name, 'refresh'));
    await clock.advance(60_000);
    const late = ['u1', 'u2', 'u3', 'u4'].map((name) => run(name, 'urgent'));
    const young = run('r4', 'refresh');
    first('success');
    await Promise.all([...old, ...late, young]);
    expect(order).toEqual(['r1', 'u1', 'r2', 'u2', 'r3', 'u3', 'u4', 'r4']);
  });

  test('are given up with the signal, and then cost nothing', async () => {
    const { throttle } = create({ inFlight: 1 });
    const leave = await throttle.enter('urgent', forever);
    const abort = new AbortController();
    const waiting = throttle.enter('urgent', abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(throttle.enter('urgent', abort.signal)).rejects.toThrow('enough');
    leave('success');
    (await throttle.enter('refresh', forever))('success');
    expect(throttle.inFlight).toBe(0);
  });

  test('more of them are there as soon as a limit is raised', async () => {
    const { throttle } = create({ inFlight: 1 });
    (await throttle.enter('urgent', forever))('success');
    throttle.configure({ inFlight: 8 });
    const leave = await throttle.enter('urgent', forever);
    leave('success');
    expect(throttle.inFlightLimit).toBeGreaterThan(1);
  });
});

describe('a pause', () => {
  test('refuses what comes and what waits, not what runs, and ends by itself', async () => {
    const { throttle, clock } = create({ inFlight: 1 });
    const leave = await throttle.enter('list', forever);
    const waiting = throttle.enter('urgent', forever);
    throttle.pause(10_000, busy);
    await expect(waiting).rejects.toBeInstanceOf(AccountUnavailable);
    await expect(throttle.enter('list', forever)).rejects.toMatchObject({
      reason: 'RateLimited',
      retryAfterMs: 10_000,
    });
    leave('success');
    await clock.advance(4_000);
    await expect(throttle.another(forever)).rejects.toMatchObject({ retryAfterMs: 6_000 });
    throttle.pause(1_000, busy); // shorter than what is left
    expect(throttle.refusal?.retryAfterMs).toBe(6_000);
    await clock.advance(6_000);
    expect(throttle.refusal).toBeUndefined();
    (await throttle.enter('list', forever))('success');
  });
});

test('requests per minute hold for calls, and for each further request of a call', async () => {
  const { throttle, clock } = create({ inFlight: 64, requestsPerMinute: 60 });
  const sent: number[] = [];
  const start = clock.now();
  const call = async (): Promise<void> => {
    const leave = await throttle.enter('refresh', forever);
    sent.push(clock.now() - start);
    for (let i = 0; i < 3; i++) {
      await throttle.another(forever);
      sent.push(clock.now() - start);
    }
    leave('success');
  };
  const calls = Promise.all(Array.from({ length: 5 }, call));
  await clock.advance(60_000);
  await calls;
  expect(sent).toHaveLength(20);
  expect(sent.filter((at) => at === 0)).toHaveLength(5);
  expect(sent.at(-1)).toBe(15_000);
});

test('whatever the provider can bear: never above the cap, everybody has a turn, and speed comes back after a fault', async () => {
  const scenario = fc.record({
    inFlight: fc.integer({ min: 1, max: 64 }),
    capacity: fc.integer({ min: 1, max: 80 }),
    calls: fc.array(fc.constantFrom<Priority>('list', 'urgent', 'refresh'), { minLength: 1, maxLength: 150 }),
    outageMs: fc.integer({ min: 0, max: 2_000 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ inFlight, capacity, calls, outageMs }) => {
      const { throttle, clock } = create({ inFlight });
      const outageEnds = clock.now() + outageMs;
      let running = 0;
      let most = 0;
      const call = async (priority: Priority): Promise<void> => {
        for (;;) {
          const leave = await throttle.enter(priority, forever);
          running++;
          most = Math.max(most, running);
          const overrun = running > capacity || clock.now() < outageEnds;
          await new Promise<void>((resolve) => clock.after(100, resolve));
          running--;
          leave(overrun ? 'congestion' : 'success');
          if (!overrun) return;
        }
      };
      const all = Promise.all(calls.map(call));
      await settle();
      for (let i = 0; i < 1_000 && clock.pending > 0; i++) await clock.advance(100);
      await all;
      expect(most).toBeLessThanOrEqual(inFlight);
      expect(throttle.inFlight).toBe(0);

      // Enough more calls, within what the provider bears, and it is as quick as it may be.
      for (let i = 0; i < 150; i++) {
        const leave = await Promise.all(
          Array.from({ length: throttle.inFlightLimit }, () => throttle.enter('refresh', forever)),
        );
        for (const one of leave) one('success');
      }
      expect(throttle.inFlightLimit).toBe(inFlight);
    }),
    { numRuns: 25 },
  );
});
