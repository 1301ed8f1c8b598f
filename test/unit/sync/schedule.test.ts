import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { refreshDue, requeueFor } from '../../../src/sync/schedule.ts';

const hour = 3_600_000;

test.each([
  { what: 'the first turn', turns: [500, 300, 400], now: 120, result: { requeueAfterMs: 180 } },
  { what: 'at once when it has come meanwhile', turns: [150, 400], now: 200, result: { requeueAfterMs: 0 } },
  { what: 'not for what was past when it was decided', turns: [50, 100], now: 200, result: { requeueAfterMs: hour } },
  { what: 'not without a turn', turns: [undefined, Infinity], now: 120, result: { requeueAfterMs: hour } },
  { what: 'within an hour, as the clock may be set', turns: [2 * hour], now: 120, result: { requeueAfterMs: hour } },
])('looks again: $what', ({ turns, now, result }) => {
  expect(requeueFor(turns, { decidedAt: 100, now })).toEqual(result);
});

const interval = 24 * 3_600_000;
const proof = { revision: 'r', at: Date.parse('2026-11-23T12:00:00Z') };

/** Which part of the interval a certificate with this id waits. */
function part(id: string, { at, intervalMs = interval }: { at: number; intervalMs?: number } = proof): number {
  const situation = { now: at, spec: { refreshIntervalMs: intervalMs } };
  return (refreshDue({ ...proof, at }, { id, name: 'www', revision: 'r' }, situation) - at) / intervalMs;
}

test('a refresh is due after 0.9 to 1.0 of the interval, the same part each time for the same id', () => {
  const moment = fc.record({
    at: fc.integer({ min: 0, max: 2 * proof.at }),
    intervalMs: fc.integer({ min: 3_600_000, max: 90 * interval }),
  });
  fc.assert(
    fc.property(fc.string(), moment, moment, (id, one, other) => {
      expect(part(id, one)).toBeGreaterThanOrEqual(0.9);
      expect(part(id, one)).toBeLessThanOrEqual(1);
      expect(part(id, one)).toBeCloseTo(part(id, other), 6);
    }),
  );
});

test('a restart changes nothing, nor does another release: these ids wait this part (FNV-1a)', () => {
  const parts = ['www.example.com', 'api.example.com', '4711'].map((id) => part(id).toFixed(4));
  expect(parts).toEqual(['0.9532', '0.9043', '0.9220']);
});

test.each([
  ['names', (n: number) => `www-${n}.example.com`],
  ['numbers', (n: number) => String(100_000 + n)],
])('a thousand %s that look alike are spread: each tenth of the span has some, none has a third of them', (_, idOf) => {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let n = 0; n < 1_000; n++) {
    const tenth = Math.min(Math.floor((part(idOf(n)) - 0.9) * 100), 9);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(Math.min(...tenths)).toBeGreaterThan(30);
  expect(Math.max(...tenths)).toBeLessThan(333);
});

test('without an interval no refresh is ever due', () => {
  const situation = { now: proof.at, spec: { refreshIntervalMs: 0 } };
  expect(refreshDue(proof, { id: 'www', name: 'www', revision: 'r' }, situation)).toBe(Infinity);
});

test('a proof from the future counts until the clocks of two replicas cannot explain it', () => {
  const entry = { id: 'www', name: 'www', revision: 'r' };
  const spec = { refreshIntervalMs: interval };
  expect(refreshDue(proof, entry, { now: proof.at - hour, spec })).toBe(
    refreshDue(proof, entry, { now: proof.at, spec }),
  );
  expect(refreshDue(proof, entry, { now: proof.at - hour - 1, spec })).toBe(-Infinity);
});
