import type { Clock } from '../clock.ts';
import type { CredentialKey, Credentials } from './credentials.ts';
import type { HttpClient } from './http.ts';
import type { InventoryEntry, Selector } from './inventory.ts';
import type { ProviderManager } from './manager.ts';
import type { NaverSpec } from './naver/schema.ts';
import type { NhnSpec } from './nhn/schema.ts';
import type { ScpSpec } from './scp/schema.ts';

export type ProviderType = 'NHN' | 'SCP' | 'NAVER';

/** The part of a provider object's spec that this room reads. Exactly one is set. */
export interface ProviderSpec {
  nhn?: NhnSpec | undefined;
  scp?: ScpSpec | undefined;
  naver?: NaverSpec | undefined;
}

/** One cloud's certificate manager: a folder here, and a line in the registry. Stateless. */
export interface Provider {
  readonly type: ProviderType;
  /** Whether the spec is for this provider. */
  handles(spec: ProviderSpec): boolean;
  /** Whether a host, as a URL has it, is one of the provider's own. */
  isBuiltIn(hostname: string): boolean;
  /**
   * The origins that are contacted, the one of the API first: those that the spec names, or the defaults. They may be
   * malformed when the spec is: `Endpoints.check` says so.
   */
  endpoints(spec: ProviderSpec): readonly [string, ...string[]];
  apiVersion(spec: ProviderSpec): string;
  /** One sentence for the owner of a spec that works, but will not for ever. */
  deprecation?(spec: ProviderSpec): string | undefined;
  credentialKeys(spec: ProviderSpec): readonly CredentialKey[];
  selectors(spec: ProviderSpec): readonly Selector[];
  connect(o: Connection): ProviderClient;
  /** The other direction; absent where the cloud has none. */
  manage?(o: Connection): ProviderManager;
}

export interface Connection {
  spec: ProviderSpec;
  credentials: Credentials;
  http: HttpClient;
  clock: Clock;
}

/**
 * Speaks to one account. Keeps no schedule, limit or memory: `Account` does. Throws ProviderError, or the reason of the
 * signal when that is aborted.
 */
export interface ProviderClient {
  /** All certificates of the account: complete, or an error. */
  list(call: Call): Promise<InventoryEntry[]>;
  /** The files or fields that hold the certificate; the caller owns (and zeroes) them. */
  download(entry: InventoryEntry, call: Call): Promise<Uint8Array[]>;
}

export interface Call {
  signal: AbortSignal;
  /** To be awaited before every request of the call but the first, so that each one counts against the limits. */
  another(): Promise<void>;
}
