import type { Facts } from '../certificate/facts.ts';
import { timestamp } from '../kube/objects.ts';
import type { Problem, Proof } from './situation.ts';
import type { Content } from './target.ts';

/** What Observe found: the certificate at the provider, which passed the gate, and the Secret beside it. */
export interface Comparison extends Proof {
  remote: Facts;
  /** What the named Secret holds; undefined when there is none, or none is named. */
  secret?: Content | undefined;
  /** When the Secret was looked at. */
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
  if (secret.intact && secret.facts.fingerprintSHA256 === remote.fingerprintSHA256) {
    return { reason: 'InSync', message: `${name} holds the certificate that the provider has, valid until ${until}.` };
  }
  const held = secret.intact ? `a certificate valid until ${timestamp(secret.facts.notAfter)}` : 'no usable pair';
  return { reason: 'Differs', message: `${name} holds ${held}, the provider has one valid until ${until}.` };
}
