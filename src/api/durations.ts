/** Go's durations, without fractions and units below a second. Six digits keep every sum far inside Go's 292 years. */
export const durationPattern = /^([0-9]{1,6}(s|m|h))+$/;

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration such as `1h30m`.
 * @throws RangeError when the text does not match {@link durationPattern}.
 */
export function parseDuration(text: string): number {
  if (!durationPattern.test(text)) throw new RangeError('not a duration such as 30s, 5m or 1h30m');
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)([smh])/g)) total += Number(amount) * unitMs[unit!]!;
  return total;
}
