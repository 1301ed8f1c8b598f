import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instant, listed, printable } from '../../src/printable.ts';

describe('printable', () => {
  test.each([
    ['plain text', 'Ünï 서울 🔒', 'Ünï 서울 🔒'],
    ['control characters', 'a\nb\u0000\u007f\u0085', 'a\\u{a}b\\u{0}\\u{7f}\\u{85}'],
    ['bidirectional overrides', 'a\u202Eb\u2066', 'a\\u{202e}b\\u{2066}'],
    ['line separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['invisible characters', '\u200b\ufeff', '\\u{200b}\\u{feff}'],
    ['halves of surrogate pairs', 'a\ud83d', 'a\\u{d83d}'],
  ])('%s', (_, text, shown) => {
    expect(printable(text, 100)).toBe(shown);
  });

  test('cuts between characters', () => {
    expect(printable('abcdef', 6)).toBe('abcdef');
    expect(printable('abcdefg', 6)).toBe('abcde…');
    expect(printable('abcd🔒efg', 6)).toBe('abcd…');
  });

  test('any text becomes short, well-formed and without characters that do harm', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        const shown = printable(text, max);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  test('lists and dates', () => {
    expect(listed(['a', 'b\n'])).toBe('"a", "b\\u{a}"');
    expect(listed(['1', '2', '3', '4', '5', '6', '7'])).toBe('"1", "2", "3", "4", "5" (+2 more)');
    expect(instant(Date.UTC(2027, 0, 2, 3, 4, 5, 678))).toBe('2027-01-02T03:04:05Z');
  });
});
