import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { InFlightLimit, TokenBucket } from '../../../src/providers/limit.ts';

/** One round trip: as many calls as the limit allows, ending one after the other, and all fail if they are too many. */
function roundTrip(limit: InFlightLimit, capacity = Infinity): void {
  const running = limit.value;
  const { halvings } = limit;
  for (let ended = 0; ended < running; ended++) {
    if (running > capacity) limit.congested(halvings);
    else limit.succeeded(running);
  }
}

function trips(limit: InFlightLimit, count: number, capacity?: number): number[] {
  return Array.from({ length: count }, () => {
    roundTrip(limit, capacity);
    return limit.value;
  });
}

test('doubles per round trip up to the maximum', () => {
  expect(trips(new InFlightLimit(64), 4)).toEqual([16, 32, 64, 64]);
});

test('is halved once per round trip, then grows by one', () => {
  const limit = new InFlightLimit(64);
  expect(trips(limit, 2, 20)).toEqual([16, 32]);
  const afterwards = trips(limit, 6, 20);
  expect(afterwards[0]).toBe(16);
  for (const [index, value] of afterwards.slice(1).entries()) {
    expect(value - (afterwards[index] ?? 0)).toBeGreaterThanOrEqual(0);
    expect(value - (afterwards[index] ?? 0)).toBeLessThanOrEqual(1);
  }
});

test('regains full speed after a fault', () => {
  const limit = new InFlightLimit(64);
  trips(limit, 10, 0);
  expect(limit.value).toBe(1);
  expect(trips(limit, 70).at(-1)).toBe(64);
});

test('a limit that is not used does not grow', () => {
  const limit = new InFlightLimit(64);
  for (let i = 0; i < 1_000; i++) limit.succeeded(3);
  expect(limit.value).toBe(8);
});

test('is always between 1 and the maximum, whatever happens', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('success' as const), running: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant('congestion' as const), old: fc.boolean() }),
    fc.record({ kind: fc.constant('max' as const), max: fc.integer({ min: 1, max: 100 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(event, { maxLength: 200 }), (first, events) => {
      let max = first;
      const limit = new InFlightLimit(max);
      for (const one of events) {
        if (one.kind === 'success') limit.succeeded(one.running);
        if (one.kind === 'congestion') limit.congested(limit.halvings - (one.old ? 1 : 0));
        if (one.kind === 'max') limit.max = max = one.max;
        expect(limit.value).toBeGreaterThanOrEqual(1);
        expect(limit.value).toBeLessThanOrEqual(max);
        expect(Number.isInteger(limit.value)).toBe(true);
      }
    }),
  );
});

test('a bucket lets no span of time have more than its share and the burst', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6_000 }),
      fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 100 }),
      (perMinute, pauses) => {
        const burst = Math.max(1, (perMinute / 60) * 5);
        const bucket = new TokenBucket(perMinute, 0);
        const taken: number[] = [];
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          for (let wait = bucket.take(now); wait === 0; wait = bucket.take(now)) taken.push(now);
        }
        let excess = -Infinity;
        for (const [from, start] of taken.entries()) {
          for (let to = from; to < taken.length; to += 7) {
            excess = Math.max(excess, to - from + 1 - (((taken[to] ?? 0) - start) * perMinute) / 60_000 - burst);
          }
        }
        expect(excess).toBeLessThan(1e-6);
      },
    ),
    { numRuns: 50 },
  );
});

test('a bucket says exactly when to come again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6_000 }), (perMinute) => {
      const bucket = new TokenBucket(perMinute, 0);
      let now = 0;
      let taken = 0;
      let early = 0;
      while (now < 600_000 && taken < 2_000) {
        const wait = bucket.take(now);
        if (wait === 0) taken++;
        if (wait > 1 && bucket.take(now + wait - 1) === 0) early++;
        now += wait;
      }
      expect(early).toBe(0);
      expect(taken).toBeGreaterThan(Math.min(2_000, perMinute * 10 * 0.9) - 1);
    }),
    { numRuns: 20 },
  );
});

test('a clock that goes back costs nothing but time', () => {
  const bucket = new TokenBucket(60, 1_000_000);
  while (bucket.take(1_000_000) === 0);
  expect(bucket.take(0)).toBe(1_000);
  expect(bucket.take(1_000)).toBe(0);
});
