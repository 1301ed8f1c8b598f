import type { ProviderCertificate } from '../api/certificate.ts';
import { objectKey } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';

/**
 * Which ProviderCertificates want to write which Secret. Decided from the objects alone, never from the order of events:
 * the one named on the Secret keeps it while it still wants it, otherwise the oldest one gets it.
 */
export class Holders {
  readonly #claimants: (secretKey: string) => ProviderCertificate[];

  /**
   * @param o.onRival called with the key of each certificate whose rival came, went or changed its mind
   * @param o.onUnclaimed called with the key of each Secret that nobody wants to write any more
   */
  constructor(
    certificates: Store<ProviderCertificate>,
    o: { onRival: (certificateKey: string) => void; onUnclaimed: (secretKey: string) => void },
  ) {
    this.#claimants = certificates.index((certificate) => claimOf(certificate));
    certificates.subscribe(({ type, object, previous }) => {
      const before = previous ? claimOf(previous) : [];
      const after = type === 'deleted' ? [] : claimOf(object);
      if (before[0] === after[0]) return;
      for (const secretKey of [...before, ...after]) {
        for (const rival of this.claimants(secretKey)) if (rival !== objectKey(object.metadata)) o.onRival(rival);
      }
      for (const secretKey of before) if (this.claimants(secretKey).length === 0) o.onUnclaimed(secretKey);
    });
  }

  /** Keys of the ProviderCertificates that want to write the Secret. */
  claimants(secretKey: string): string[] {
    return this.#claimants(secretKey).map(({ metadata }) => objectKey(metadata));
  }

  /** Key of the ProviderCertificate that may write the Secret; `noted` is the one that the Secret itself names. */
  holder(secretKey: string, noted: string | undefined): string | undefined {
    const claimants = this.#claimants(secretKey);
    const named = claimants.find(({ metadata }) => objectKey(metadata) === noted);
    const [chosen] = named ? [named] : claimants.toSorted(byAge);
    return chosen && objectKey(chosen.metadata);
  }
}

/** Read from the raw object: a claim does not depend on the rest of the spec being valid. */
function claimOf({ metadata, spec }: ProviderCertificate): string[] {
  if (spec?.mode === 'Observe' || metadata.deletionTimestamp !== undefined) return [];
  return [objectKey({ namespace: metadata.namespace, name: spec?.secretName ?? metadata.name })];
}

function byAge({ metadata: a }: ProviderCertificate, { metadata: b }: ProviderCertificate): number {
  return (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '') || a.uid.localeCompare(b.uid);
}
