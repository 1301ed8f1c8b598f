import { Failure } from './failure.ts';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a duration such as `30d`, `12h` or `1h30m`: those of the API, and days.
 * @param flag what it was given to, for the message
 */
export function readDuration(flag: string, text: string): number {
  if (!/^([0-9]{1,6}[smhd])+$/.test(text))
    throw new Failure(`${flag} must be a duration such as 30d, 12h or 1h30m, not ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(/([0-9]+)([smhd])/g)) total += Number(amount) * (units[unit] ?? 0);
  return total;
}

/** About how long: `89d`, `5h`, `3m`, `12s`; with a minus for what is over. */
export function roughly(ms: number): string {
  const size = Math.abs(ms);
  const [unit, length] = Object.entries(units)
    .reverse()
    .find(([unit, length]) => size >= length * (unit === 's' ? 0 : 2)) ?? ['s', 1_000];
  return `${ms < 0 ? '-' : ''}${Math.floor(size / length)}${unit}`;
}
