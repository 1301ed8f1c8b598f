import { expect, test } from 'vitest';
import { type Mishap, type RememberedSetback, setbackAfter } from '../../../src/sync/setback.ts';
import { ManualClock } from '../../support/clock.ts';

const minute = 60_000;
const clock = new ManualClock(0);
const chance = { clock, random: Math.random };
const refusal: Mishap = { kind: 'refusal', reason: 'KeyMismatch', message: 'no key fits' };
const failure: Mishap = { kind: 'failure', reason: 'ProviderUnavailable', message: 'HTTP 503 (request a)' };

function repeated(mishap: Mishap, times: number, random = () => 1): number[] {
  let setback: RememberedSetback | undefined;
  return Array.from({ length: times }, () => {
    setback = setbackAfter(setback, mishap, 'same', { clock, random });
    return setback.until;
  });
}

test('a refused bundle is looked at again after 1, 2, 5, 10, 30, 60 minutes, then hourly', () => {
  expect(repeated(refusal, 8).map((ms) => ms / minute)).toEqual([1, 2, 5, 10, 30, 60, 60, 60]);
});

test('failures are tried again soon, then at most every ten minutes', () => {
  expect(repeated(failure, 12).map((ms) => ms / 1000)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
});

test('a failure makes a certificate hardly slower to follow than it is without: two polls at most', () => {
  const pollIntervalMs = 10_000;
  expect(repeated({ ...failure, pollIntervalMs }, 6).map((ms) => ms / 1000)).toEqual([2, 4, 8, 16, 20, 20]);
  // Nothing is known of the provider yet.
  expect(repeated({ ...failure, pollIntervalMs: 0 }, 2).map((ms) => ms / 1000)).toEqual([2, 4]);
  expect(repeated({ ...refusal, pollIntervalMs }, 3).map((ms) => ms / minute)).toEqual([1, 2, 5]);
});

test('chance takes away at most half', () => {
  expect(repeated(failure, 3, () => 0).map((ms) => ms / 1000)).toEqual([1, 2, 4]);
});

test('other inputs begin anew', () => {
  const first = setbackAfter(undefined, refusal, 'one', chance);
  expect(setbackAfter(first, refusal, 'two', chance).attempts).toBe(1);
  expect(setbackAfter(first, refusal, 'one', chance).attempts).toBe(2);
});

test('a certificate that begins later waits until then, but no longer than any other refusal', () => {
  const waits = (notBefore: number): number =>
    setbackAfter(undefined, { ...refusal, reason: 'CertificateNotYetValid', notBefore }, 'i', chance).until;
  expect(waits(90_000)).toBe(90_000);
  expect(waits(90 * minute)).toBe(60 * minute);
});

test('a wait is as long whatever the time of day is set to; only what begins on a date follows it', async () => {
  const set = new ManualClock(0);
  await set.advance(minute);
  set.set(90_000);
  expect(setbackAfter(undefined, refusal, 'i', { clock: set, random: Math.random }).until).toBe(2 * minute);
  const later: Mishap = { ...refusal, reason: 'CertificateNotYetValid', notBefore: 100_000 };
  expect(setbackAfter(undefined, later, 'i', { clock: set, random: Math.random }).until).toBe(70_000);
});

test('Retry-After is obeyed', () => {
  expect(setbackAfter(undefined, { ...failure, retryAfterMs: 90_000 }, 'i', chance).until).toBe(90_000);
});

test('a request id does not make a new message of the same failure', () => {
  const first = setbackAfter(undefined, failure, 'i', chance);
  expect(setbackAfter(first, { ...failure, message: 'HTTP 503 (request b)' }, 'i', chance).message).toBe(
    failure.message,
  );
  expect(setbackAfter(first, { ...failure, reason: 'InvalidResponse', message: 'HTML' }, 'i', chance).message).toBe(
    'HTML',
  );
});
