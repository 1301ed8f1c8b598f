import type { UploadSyncedReason } from '../../api/reasons.ts';
import type { RememberedSetback } from '../setback.ts';
import type { Candidate, Ledger } from './situation.ts';

/** What the process knows about one CertificateUpload beyond its status. All of it may be lost. */
export interface UploadMemory {
  /** A recreated object is another one. */
  readonly uid: string;
  /** What a version of the Secret, under a prefix, came to, and at which date. */
  judged?: { inputs: string; candidate: Candidate; at: number } | undefined;
  /** For a provider object, until the status says it. */
  ledger?: { provider: string; ledger: Ledger } | undefined;
  /** The account that something was last sent to, by its id, and how many lists it had begun by then. */
  sent?: { account: string; lists: number } | undefined;
  setback?: RememberedSetback<UploadSyncedReason> | undefined;
  /** See `UploadSituation`; by `Clock.elapsed`. */
  readonly kept: Map<string, number>;
  handledRefresh?: string | undefined;
  /** The reason of Synced that an event spoke of last. */
  announced?: string | undefined;
}
