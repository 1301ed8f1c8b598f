import type { CertificateSettings } from '../api/certificate.ts';
import type { SyncedReason } from '../api/reasons.ts';
import type { Selection } from '../providers/inventory.ts';
import type { Comparison } from './compare.ts';
import type { Target } from './target.ts';

/** All that a decision rests on. Nothing else is looked at, so the chain below can be tested as a table. */
export interface Situation {
  /** Milliseconds since the epoch, as all that it is compared with; what waits was made a date by `dateOf`. */
  now: number;
  spec: CertificateSettings;
  /** The source that the spec names, see `sourceOf`. */
  source: string;
  /** The Secret as it stands. Observe has its own knowledge of it in `comparison`. */
  target: Target;
  /** Labels, annotations and owner of the Secret are what the spec asks for. */
  metadataInOrder: boolean;
  /** Another ProviderCertificate that the Secret belongs to. */
  heldBy?: string | undefined;
  provider: Problem | ProviderAnswer;
  /** The last time that the Secret was proved equal to a download. */
  proof?: Proof | undefined;
  /** How the Secret compared with the provider when it was last looked at; Observe only. */
  comparison?: Comparison | undefined;
  /** What went wrong with these very inputs before. */
  setback?: Setback | undefined;
  /** Somebody undoes our repairs. */
  contest?: { until: number; message: string } | undefined;
  /** The reason that Synced shows now. */
  shown?: string | undefined;
  /** Status already speaks of this generation. */
  generationSeen: boolean;
  /** We wrote this Secret before: when it is absent now, somebody deleted it. */
  writtenBefore: boolean;
  /** What `caCertificate` was when the pair in place was judged, where that is known. */
  judgedCaCertificate?: CertificateSettings['caCertificate'] | undefined;
  /** The refresh annotation holds a value that was not acted on yet. */
  refreshWanted: boolean;
}

/** A state of things, to be shown as the condition Synced. */
export interface Problem<Reason extends string = SyncedReason> {
  reason: Reason;
  message: string;
}

/** What the account knows about the remote certificate. */
export interface ProviderAnswer {
  /** No account is known yet, nor whether it may be used. */
  unopened?: true;
  /** Undefined before the first inventory. */
  selection?: Selection | undefined;
  /** What the whole account meets now. With `until` only downloads meet it, until then. */
  fault?: (Problem & { until?: number | undefined }) | undefined;
  /** Since when nothing is known to be wrong: the last complete inventory, or when downloads began to fail. */
  lastGood: number;
  pollIntervalMs: number;
}

/** At `at`, the Secret was equal to what the provider gave for `revision`. */
export interface Proof {
  revision: string;
  at: number;
}

/** A refusal or a failure, remembered so that the same inputs do not cause the same download again and again. */
export interface Setback<Reason extends string = SyncedReason> extends Problem<Reason> {
  until: number;
}
