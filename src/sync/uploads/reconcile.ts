import { certificateUploads } from '../../api/group.ts';
import { type UploadSyncedReason, uploadSyncedReasons } from '../../api/reasons.ts';
import type { CertificateUpload, CertificateUploadStatus } from '../../api/upload.ts';
import type { Clock } from '../../clock.ts';
import type { ReconcileOptions } from '../../controller/controller.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Store } from '../../kube/store.ts';
import { type Announcement, settlingTime } from '../announce.ts';
import { patchBetween } from '../report.ts';
import { ageOf, requeueFor } from '../schedule.ts';
import { patchStatus } from '../status.ts';
import type { UploadActor } from './act.ts';
import { decideUpload } from './decide.ts';
import type { InvalidUpload, UploadLookout, UploadView } from './look.ts';
import type { UploadMemory } from './memory.ts';
import { nextUploadStatus, nextUploadTurn } from './report.ts';
import type { UploadProblem } from './situation.ts';

/** How long a new object may wait for the first inventory before its status says so, in milliseconds. */
const patience = 5_000;
/** Announced, sent, and each earlier certificate deleted: every pass does something that the next need not do again. */
const maxPasses = 30;

interface Parts {
  client: KubeClient;
  uploads: Store<CertificateUpload>;
  lookout: UploadLookout;
  actor: UploadActor;
  announce: (upload: CertificateUpload, event: Announcement) => void;
  clock: Clock;
}

/** Brings what a provider holds in line with a Secret: look, decide, act, look again, and report. */
export class UploadReconciler {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async reconcile(key: string, o: ReconcileOptions): Promise<{ requeueAfterMs?: number } | void> {
    const { lookout, actor } = this.#parts;
    for (let pass = 0; pass < maxPasses; pass += 1) {
      const view = await lookout.look(key, o.signal);
      if (view === undefined) return undefined;
      if ('invalid' in view) return this.#reportInvalid(view, o.signal);
      const decision = decideUpload(view.situation);
      o.logger.debug({ decision }, 'decided');
      if (decision.action === 'none') return this.#report(view, decision, o.signal);
      if (!(await actor.act(view, decision, o))) return undefined; // the watch tells
    }
    return { requeueAfterMs: patience };
  }

  async #report(
    { upload, provider, account, situation, memory, refresh }: UploadView,
    { synced, until }: { synced: UploadProblem; until?: number | undefined },
    signal: AbortSignal,
  ): Promise<{ requeueAfterMs?: number }> {
    const now = this.#parts.clock.now();
    const { created, age } = ageOf(upload, now);
    const { ledger } = situation;
    if (refresh !== undefined && refresh !== upload.status?.lastHandledRefresh) {
      memory.kept.clear();
      account?.listSoon(); // whoever asks has just changed something there
    }
    const turns = [until, nextUploadTurn(ledger, now), created + patience, created + settlingTime];
    const result = requeueFor(turns, { decidedAt: situation.now, now });
    if (upload.status?.conditions === undefined && synced.reason === 'Pending' && age < patience) return result;
    const made = { provider, ledger, inventory: account?.inventory };
    const status = nextUploadStatus(upload, { synced, made, handledRefresh: refresh }, now);
    if (await this.#writeStatus(upload, status, memory, age, signal)) memory.ledger = undefined;
    return result;
  }

  /** A spec that does not parse says nothing: only that is reported. */
  async #reportInvalid({ upload, memory, invalid }: InvalidUpload, signal: AbortSignal): Promise<void> {
    const synced: UploadProblem = {
      reason: 'InvalidSpec',
      message: `The spec is not valid: ${invalid}. Nothing is uploaded until it is corrected.`,
    };
    const status = nextUploadStatus(upload, { synced }, this.#parts.clock.now());
    await this.#writeStatus(upload, status, memory, Infinity, signal);
  }

  /** @returns whether the status says so now */
  async #writeStatus(
    upload: CertificateUpload,
    status: CertificateUploadStatus,
    memory: UploadMemory,
    age: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, uploads, announce } = this.#parts;
    const patch = patchBetween(upload.status ?? {}, status);
    const where = { client, store: uploads, resource: certificateUploads };
    if (patch !== undefined && !(await patchStatus(where, upload, patch, signal))) return false;
    const event = announcement(upload.status, status, memory, age);
    if (event !== undefined) announce(upload, event);
    return true;
  }
}

/** States that every new object may pass through while its manifests are still being applied. */
const intermediate = new Set<string>([
  'Pending',
  'ProviderNotFound',
  'ProviderNotReady',
  'CredentialsMissing',
  'SecretMissing',
]);

/** The event that a change of status is worth: when the reason changes, and for each new certificate. */
function announcement(
  before: CertificateUploadStatus | undefined,
  after: CertificateUploadStatus,
  memory: UploadMemory,
  age: number,
): Announcement | undefined {
  const find = (status: CertificateUploadStatus | undefined) =>
    status?.conditions?.find(({ type }) => type === 'Synced');
  const synced = find(after);
  memory.announced ??= find(before)?.reason;
  if (synced === undefined || (intermediate.has(synced.reason) && age < settlingTime)) return undefined;
  const renewed = synced.reason === 'Uploaded' && after.remote?.id !== before?.remote?.id;
  if (synced.reason === memory.announced && !renewed) return undefined;
  memory.announced = synced.reason;
  const reason = synced.reason as UploadSyncedReason;
  const calm = uploadSyncedReasons[reason].status !== 'False' || reason === 'Suspended';
  return { type: calm ? 'Normal' : 'Warning', reason, message: synced.message };
}
