import type { Facts } from '../certificate/facts.ts';
import { timestamp } from '../kube/objects.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import type { Problem, Proof } from './situation.ts';
import type { Content } from './target.ts';

/** A certificate as a download shows it or, where the provider hands out none, as it is listed. */
export type Remote = Pick<Facts, 'notBefore' | 'notAfter'> & { [F in keyof Facts]?: Facts[F] | undefined };

/** What Observe found: the certificate at the provider, which passed the gate if there was one, and the Secret beside it. */
export interface Comparison extends Proof {
  remote: Remote;
  /** What the named Secret holds; undefined when there is none, or none is named. */
  secret?: Content | undefined;
  /** When the Secret was looked at; by `Clock.elapsed`, and a date in a `Situation`. */
  lookedAt: number;
}

/** What Synced says when Observe found nothing amiss. Such a status never means that this Secret was written by us. */
export const calmComparison: ReadonlySet<string | undefined> = new Set(['InSync', 'NotCompared']);

/** What Synced says of a comparison. */
export function outcomeOf(
  { remote, secret }: Pick<Comparison, 'remote' | 'secret'>,
  secretName: string | undefined,
): Problem {
  const until = timestamp(remote.notAfter);
  if (secretName === undefined) {
    return {
      reason: 'NotCompared',
      message: `The provider has a usable certificate, valid until ${until}; no secretName is given to compare it with.`,
    };
  }
  const name = `Secret ${secretName}`;
  if (secret === undefined)
    return {
      reason: 'SecretMissing',
      message: `${name} does not exist; the provider has a certificate valid until ${until}.`,
    };
  if (secret.intact && isSame(secret.facts, remote)) {
    return { reason: 'InSync', message: `${name} holds the certificate that the provider has, valid until ${until}.` };
  }
  const held = secret.intact ? `a certificate valid until ${timestamp(secret.facts.notAfter)}` : 'no usable pair';
  return { reason: 'Differs', message: `${name} holds ${held}, the provider has one valid until ${until}.` };
}

/** What a list says of a certificate that the provider does not hand out; undefined for one that it does. */
export function listedFacts({ withheld, commonName, notBefore, notAfter }: InventoryEntry): Remote | undefined {
  if (withheld === undefined) return undefined;
  const { serialNumber, issuer } = withheld;
  return {
    notBefore: Date.parse(notBefore ?? ''),
    notAfter: Date.parse(notAfter ?? ''),
    commonName,
    serialNumber,
    issuer,
  };
}

/** Dates in lists have no zone, or no time. */
const vagueness = 36 * 3_600_000;

/** Whether two certificates are the same one, as far as can be told. */
export function isSame(held: Facts, remote: Remote): boolean {
  if (remote.fingerprintSHA256 !== undefined) return held.fingerprintSHA256 === remote.fingerprintSHA256;
  const near = (['notBefore', 'notAfter'] as const).every((date) => Math.abs(held[date] - remote[date]) < vagueness);
  return near && (remote.serialNumber === undefined || bare(held.serialNumber) === bare(remote.serialNumber));
}

/** A serial number without what is a matter of taste. */
function bare(serialNumber: string): string {
  return serialNumber.replace(/^[0:]+|:/g, '').toLowerCase();
}
