import type { InventoryEntry } from './inventory.ts';
import type { NameRule } from './name-rule.ts';
import type { Call } from './provider.ts';
import type { ScpDetails } from './scp/details.ts';

/**
 * Changes the certificates of one account. Like a `ProviderClient` it keeps no schedule, limit or memory, and awaits
 * `call.another()` before every request of a call but the first; nothing is ever sent twice. What is optional is absent
 * where the cloud does not offer it.
 *
 * Throws ProviderError, or the reason of the signal when that is aborted. A `ManagementReason` or `CertificateNotFound` says
 * that nothing was changed. After any other error of `create`, `selfSign`, `replace` or `delete` it may have been: what is
 * there is to be looked up with `list` before it is asked for again.
 */
export interface ProviderManager {
  /** What a new certificate can be called. */
  readonly names: NameRule;
  /** The filters that `list` knows. */
  readonly filters: readonly (keyof ListFilter)[];

  /**
   * The certificates that fit all of the filter, or all: complete, or an error. The one made last comes first.
   *
   * @throws ProviderError InvalidRequest for a filter that is not among `filters`
   */
  list(call: Call, filter?: ListFilter): Promise<InventoryEntry[]>;

  /** Whether a name that follows the rule is not taken yet; InvalidRequest for one that does not. */
  isNameFree(name: string, call: Call): Promise<boolean>;

  /** Asks the cloud to check a pair without keeping it. UploadRefused when it would not take it. */
  validate?(pair: Pair, call: Call): Promise<void>;

  /**
   * Registers a certificate with its key.
   *
   * @returns what is listed from now on
   * @throws ProviderError NameTaken, UploadRefused, InvalidRequest
   */
  create(o: NewCertificate, call: Call): Promise<InventoryEntry>;

  /**
   * Puts another pair in the place of a certificate, which keeps its id and name.
   *
   * @throws ProviderError CertificateNotFound, UploadRefused, InvalidRequest
   */
  replace?: ((entry: Identity, pair: Pair, call: Call) => Promise<InventoryEntry>) | undefined;

  /**
   * Lets the cloud make a key and a certificate that it signs itself.
   *
   * @returns what is listed from now on
   * @throws ProviderError NameTaken, UploadRefused, InvalidRequest
   */
  selfSign?(o: NewSelfSigned, call: Call): Promise<InventoryEntry>;

  /**
   * Deletes a certificate, for which id and name must be those of the list.
   *
   * @throws ProviderError CertificateNotFound, InUse
   */
  delete(entry: Identity, call: Call): Promise<void>;
}

/** Compared exactly, whatever the cloud does by itself. */
export interface ListFilter {
  name?: string | undefined;
  id?: string | undefined;
  commonName?: string | undefined;
  /** The number of an instance (a load balancer, a CDN) that uses the certificate. */
  instance?: string | undefined;
}

/** As `list` gives them. */
export type Identity = Pick<InventoryEntry, 'id' | 'name'>;

/** PEM, in buffers that the caller owns and zeroes. They are read at once; what is made of them goes with the request. */
export interface Pair {
  /** The leaf alone. */
  certificate: Buffer;
  /** What is above it, from its issuer upwards; empty: nothing. */
  chain: Buffer;
  /** Not encrypted. */
  privateKey: Buffer;
}

export interface NewCertificate extends Pair {
  name: string;
  /** Needed at SCP, unheard elsewhere. */
  scp?: ScpDetails | undefined;
}

export interface NewSelfSigned {
  name: string;
  commonName: string;
  organization: string;
  /** The first and the last day, as YYYY-MM-DD in the time zone. */
  notBefore: string;
  notAfter: string;
  scp: ScpDetails;
}
