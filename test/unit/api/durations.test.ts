import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../src/api/durations.ts';

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['1s', 1_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['30m1h', 5_400_000],
    ['1s1s', 2_000],
    ['007s', 7_000],
    ['999999h', 3_599_996_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 's', '5', '-5m', '+5m', '1.5h', '1d', '5 m', '5m ', '5M', '1h-1m', '1000000h', '٥m', '5m\n'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(RangeError);
    },
  );

  it('adds up whatever it accepts', () => {
    const parts = fc.array(fc.tuple(fc.nat(999_999), fc.constantFrom('s', 'm', 'h')), { minLength: 1, maxLength: 5 });
    const seconds = { s: 1, m: 60, h: 3600 };
    fc.assert(
      fc.property(parts, (list) => {
        const sum = list.reduce((total, [amount, unit]) => total + amount * seconds[unit as 's'], 0);
        expect(parseDuration(list.map(([amount, unit]) => `${amount}${unit}`).join(''))).toBe(sum * 1000);
      }),
    );
  });
});
