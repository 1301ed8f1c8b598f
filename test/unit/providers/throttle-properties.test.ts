import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Limits, type Outcome, type Priority, Throttle } from '../../../src/providers/throttle.ts';
import { VirtualTime } from '../../simulation/virtual-time.ts';

const forever = new AbortController().signal;
const minute = 60_000;
/** From when on a refresh takes every second turn. */
const patienceMs = minute;

/** A provider and those who call it, on virtual time. */
class Model {
  readonly clock = new VirtualTime(0);
  readonly throttle: Throttle;
  /** When each request was sent, in the order in which they were. */
  readonly sent: number[] = [];
  running = 0;
  readonly #latencyMs: number;
  readonly #outcome: (at: number) => Outcome;

  constructor(limits: Limits, latencyMs: number, outcome: (at: number) => Outcome = () => 'success') {
    this.throttle = new Throttle(this.clock, limits);
    this.#latencyMs = latencyMs;
    this.#outcome = outcome;
  }

  /** @returns how long it took until it was over */
  async call(priority: Priority, requests = 1): Promise<number> {
    const since = this.clock.elapsed();
    const leave = await this.throttle.enter(priority, forever);
    this.running++;
    for (let nth = 0; nth < requests; nth++) {
      if (nth > 0) await this.throttle.another(forever);
      this.sent.push(this.clock.elapsed());
      await new Promise<void>((resolve) => this.clock.after(this.#latencyMs, resolve));
    }
    this.running--;
    leave(this.#outcome(this.clock.elapsed()));
    return this.clock.elapsed() - since;
  }

  /** So many of them wait or run at any time. */
  endless(priority: Priority, many: number, requests = 1): void {
    const repeat = async (): Promise<never> => {
      for (;;) await this.call(priority, requests);
    };
    for (let i = 0; i < many; i++) void repeat();
  }
}

/** A cap, and from when on it is in force. */
interface Cap {
  from: number;
  perMinute: number;
}

/** What the caps in force from `start` until `end` give, and how much may have been saved up for a burst before. */
function shares(caps: readonly Cap[], start: number, end: number): { share: number; burst: number } {
  let [share, burst] = [0, 0];
  for (const [index, { from, perMinute }] of caps.entries()) {
    const until = caps[index + 1]?.from ?? Infinity;
    if (from <= start && start <= until) burst = Math.max(burst, 1, (perMinute / 60) * 5);
    share += (Math.max(Math.min(until, end) - Math.max(from, start), 0) * perMinute) / minute;
  }
  return { share, burst };
}

test('requests per minute hold in any span of time, however often limits are set, the same or others', async () => {
  const perMinute = fc.constantFrom(1, 30, 120, 600);
  const scenario = fc.record({
    first: perMinute,
    changes: fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 2_000 }), to: fc.option(perMinute) }), {
      minLength: 10,
      maxLength: 40,
    }),
    requests: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ first, changes, requests }) => {
      const model = new Model({ inFlight: 64, requestsPerMinute: first }, 10);
      const caps: Cap[] = [{ from: 0, perMinute: first }];
      model.endless('urgent', 20, requests);
      model.endless('refresh', 20);
      for (const { afterMs, to } of changes) {
        await model.clock.pass(afterMs);
        // Null: the same once more.
        const next = to ?? caps.at(-1)?.perMinute ?? first;
        caps.push({ from: model.clock.elapsed(), perMinute: next });
        model.throttle.configure({ inFlight: 64, requestsPerMinute: next });
      }
      await model.clock.pass(10_000);
      const { sent } = model;
      let excess = -Infinity;
      for (const [from, start] of sent.entries()) {
        for (let to = from; to < sent.length; to++) {
          const { share, burst } = shares(caps, start, sent[to] ?? 0);
          excess = Math.max(excess, to - from + 1 - share - burst);
        }
      }
      expect(excess).toBeLessThan(1e-6);
      // And what there is, is used: there are always some who wait.
      expect(sent.length).toBeGreaterThanOrEqual(Math.floor(shares(caps, 0, model.clock.elapsed()).share));
    }),
    { numRuns: 30 },
  );
});

test('with endless new certificates each refresh has its turn, and with endless refreshes each new certificate', async () => {
  const scenario = fc.record({
    inFlight: fc.integer({ min: 1, max: 8 }),
    requestsPerMinute: fc.option(fc.integer({ min: 60, max: 600 }), { nil: undefined }),
    latencyMs: fc.integer({ min: 400, max: 2_000 }),
    endless: fc.constantFrom<Priority>('urgent', 'refresh'),
    others: fc.array(
      fc.record({ afterMs: fc.integer({ min: 0, max: 30_000 }), requests: fc.integer({ min: 1, max: 3 }) }),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ endless, others, latencyMs, ...limits }) => {
      const model = new Model(limits, latencyMs);
      const { clock } = model;
      // Those of the stream wait for long, so that all of them are overdue.
      model.endless(endless, 400);
      if (endless === 'refresh') await clock.pass(patienceMs);
      const took: number[] = [];
      for (const { afterMs, requests } of others) {
        await clock.pass(afterMs);
        void model.call(endless === 'urgent' ? 'refresh' : 'urgent', requests).then((ms) => took.push(ms));
      }
      // Each waits for those before it at most, and for one of the stream between two of them.
      const turnMs = Math.max(
        latencyMs,
        limits.requestsPerMinute === undefined ? 0 : minute / limits.requestsPerMinute,
      );
      const requests = others.reduce((sum, one) => sum + one.requests, 0);
      const bound = patienceMs + 3 * (requests + others.length) * turnMs;
      await clock.pass(bound);
      expect(took).toHaveLength(others.length);
    }),
    { numRuns: 12 },
  );
});

test('a call under way gets leave for its further requests although others stand in line', async () => {
  const scenario = fc.record({
    perMinute: fc.integer({ min: 6, max: 600 }),
    requests: fc.integer({ min: 2, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ perMinute, requests }) => {
      const model = new Model({ inFlight: 64, requestsPerMinute: perMinute }, 1);
      model.endless('urgent', 100);
      await model.clock.pass(minute);
      let done = false;
      void model.call('list').then(() => model.call('list', requests).then(() => (done = true)));
      await model.clock.pass(((requests + 4) * minute) / perMinute + 100);
      expect(done).toBe(true);
    }),
    { numRuns: 12 },
  );
});

test('after a fault of any length full speed is there again within as many round trips as calls may run', async () => {
  const scenario = fc.record({
    inFlight: fc.integer({ min: 1, max: 48 }),
    latencyMs: fc.integer({ min: 10, max: 2_000 }),
    faultyRoundTrips: fc.integer({ min: 1, max: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ inFlight, latencyMs, faultyRoundTrips }) => {
      const [begins, ends] = [3 * latencyMs, (3 + faultyRoundTrips) * latencyMs];
      const faulty = (at: number): boolean => at > begins && at <= ends;
      const model = new Model({ inFlight }, latencyMs, (at) => (faulty(at) ? 'congestion' : 'success'));
      model.endless('refresh', inFlight * 2);
      await model.clock.pass(ends);
      expect(model.running).toBeLessThanOrEqual(Math.max(inFlight / 2, 1));
      // By one with each round trip, and a few more because only whole calls run.
      await model.clock.pass((inFlight + Math.log(inFlight) + 3) * latencyMs);
      expect(model.running).toBe(inFlight);
    }),
    { numRuns: 12 },
  );
});
