import { expect, test } from 'vitest';
import { isRenewedElsewhere } from '../../../src/sync/readiness.ts';

const end = Date.parse('2026-11-24T06:00:00Z');

test.for<[string, string | undefined, boolean]>([
  ['nothing', undefined, false],
  ['no date', 'soon', false],
  ['the same time', '2026-11-24T06:00:00Z', false],
  ['the same time in another zone', '2026-11-24T15:00:00+09:00', false],
  ['the same time, rounded', '2026-11-24T06:00:00.999Z', false],
  ['an earlier time', '2026-11-23T06:00:00Z', false],
  ['a time a day later, of a certificate that lives for a day', '2026-11-25T06:00:00Z', true],
  ['a time an hour later', '2026-11-24T07:00:00Z', true],
  ['the same day', '2026-11-24', false],
  ['the next day, which may be the same in another zone', '2026-11-25', false],
  ['a day that is later in every zone', '2026-11-26', true],
])('a list that tells %s', ([, listed, renewed]) => {
  expect(isRenewedElsewhere(end, listed)).toBe(renewed);
});
