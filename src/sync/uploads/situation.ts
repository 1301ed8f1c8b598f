import type { UploadSyncedReason } from '../../api/reasons.ts';
import type { CertificateUploadStatus, UploadSettings } from '../../api/upload.ts';
import type { Facts } from '../../certificate/facts.ts';
import type { Inventory } from '../../providers/inventory.ts';
import type { Problem, Setback } from '../situation.ts';

export type UploadProblem = Problem<UploadSyncedReason>;

/** What the Secret offers: a pair that may be uploaded, and what it is called at the provider; or why there is none. */
export type Candidate =
  | { name: string; facts: Facts }
  | (UploadProblem & {
      /** When it is worth another look; milliseconds since the epoch. */
      notBefore?: number | undefined;
    });

/** What this object has made at the provider and what of it is current, as far as the status and this process know. */
export type Ledger = Pick<CertificateUploadStatus, 'uploadName' | 'remote'> & {
  history: NonNullable<CertificateUploadStatus['history']>;
};

/** What the account knows. */
export interface Destination {
  /** Undefined before the first list. */
  inventory?: Inventory | undefined;
  /** Why the provider would not take a certificate under this name, or none at all. */
  refusal?: string | undefined;
  fault?: (UploadProblem & { until?: number | undefined }) | undefined;
}

/** All that a decision about a CertificateUpload rests on. */
export interface UploadSituation {
  now: number;
  spec: UploadSettings;
  candidate: Candidate;
  destination: UploadProblem | Destination;
  ledger: Ledger;
  /** This process sent something after the list was begun that is known, which therefore may not show it. */
  unseen: boolean;
  setback?: Setback<UploadSyncedReason> | undefined;
  /** Earlier certificates that could not be deleted, by id, and when to try again. */
  kept: ReadonlyMap<string, number>;
}
