import type { CertificateSettings } from '../api/certificate.ts';
import { Contest } from './contest.ts';
import type { Comparison } from './compare.ts';
import type { Proof } from './situation.ts';
import type { RememberedSetback } from './setback.ts';

/** What the process knows about one ProviderCertificate beyond its status. All of it may be lost: a restart only asks again. */
export interface Memory {
  /** A recreated object is another one. */
  uid: string;
  setback?: RememberedSetback | undefined;
  /** The download that the Secret was last proved equal to, and what was in the Secret then. */
  proof?: (Proof & { digest: string; fingerprintSHA256: string; chainDigest: string }) | undefined;
  comparison?: (Comparison & { generation: number }) | undefined;
  judgedCaCertificate?: CertificateSettings['caCertificate'] | undefined;
  handledRefresh?: string | undefined;
  /** The reason of Synced that an event spoke of last. */
  announced?: string | undefined;
  readonly contest: Contest;
}

/** The memories of all ProviderCertificates, by key. */
export class Memories {
  readonly #byKey = new Map<string, Memory>();

  of(key: string, uid: string): Memory {
    const known = this.#byKey.get(key);
    if (known?.uid === uid) return known;
    const fresh: Memory = { uid, contest: new Contest() };
    this.#byKey.set(key, fresh);
    return fresh;
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
