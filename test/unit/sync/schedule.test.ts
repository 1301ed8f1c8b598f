import { expect, test } from 'vitest';
import { requeueFor } from '../../../src/sync/schedule.ts';

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
