import type { CertificateSettings } from '../api/certificate.ts';
import { statusLimits } from '../api/status.ts';
import type { KubeObject } from '../kube/objects.ts';
import { distinct } from '../printable.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import type { Proof } from './situation.ts';

const hour = 3_600_000;
const day = 24 * hour;

/**
 * When the certificate is downloaded again although the inventory shows no change. A revision that only names a day
 * cannot show a second upload on that day, wherever on earth the day ends: until a download was made 36 h after it,
 * the answer may be out of date and is asked for hourly. Spread by the remote id, so that all users of a certificate are
 * due together and share one download. A proof from far in the future is older than it says: the clock was set back since;
 * the clocks of two replicas differ by less.
 */
export function refreshDue(
  proof: Proof,
  entry: InventoryEntry,
  { now, spec }: { now: number; spec: Pick<CertificateSettings, 'refreshIntervalMs'> },
): number {
  const { refreshIntervalMs } = spec;
  const at = proof.at > now + hour ? -Infinity : proof.at;
  const settledAt = entry.day === undefined ? -Infinity : Date.parse(`${entry.day}T00:00:00Z`) + day + 36 * hour;
  if (at < settledAt) return at + hour;
  return refreshIntervalMs === 0 ? Infinity : at + refreshIntervalMs * (0.9 + 0.1 * fraction(entry.id));
}

/** A number in [0, 1) that depends on the text alone: schedules spread by it survive restarts. */
export function fraction(text: string): number {
  let hash = 2_166_136_261; // FNV-1a
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 16_777_619);
  return (hash >>> 0) / 2 ** 32;
}

/** When an object was created, by the clock of the API server, and how far that is from `now`: ours may be behind. In milliseconds. */
export function ageOf({ metadata }: KubeObject, now: number): { created: number; age: number } {
  const created = Date.parse(metadata.creationTimestamp ?? '') || 0;
  return { created, age: Math.abs(now - created) };
}

/** Identifies a remote certificate at one revision. Kept in status and annotations, and compared with what was kept. */
export function revisionOf(entry: InventoryEntry): string {
  return distinct(`${entry.id}@${entry.revision}`, statusLimits.revision);
}

/**
 * When to look again: at the first of these turns that lay ahead when it was decided. One that has come meanwhile, while the
 * API server was slow, is due at once. All in milliseconds since the epoch; but the queue waits by `Clock.elapsed`, which
 * knows nothing of a clock that is set and stands still while the machine is suspended. So the dates are looked at once an
 * hour, which costs neither a request nor a write where nothing is to be done.
 */
export function requeueFor(
  turns: readonly (number | undefined)[],
  { decidedAt, now }: { decidedAt: number; now: number },
): { requeueAfterMs: number } {
  const next = Math.min(now + hour, ...turns.filter((turn) => turn !== undefined && turn > decidedAt).map(Number));
  return { requeueAfterMs: Math.max(next - now, 0) };
}
