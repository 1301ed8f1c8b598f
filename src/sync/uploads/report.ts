import { type UploadReadyReason, uploadReadyReasons, uploadSyncedReasons } from '../../api/reasons.ts';
import type { CertificateUpload, CertificateUploadStatus } from '../../api/upload.ts';
import { printable } from '../../printable.ts';
import { type Condition, setCondition } from '../../kube/conditions.ts';
import type { Inventory } from '../../providers/inventory.ts';
import { isListed } from './ledger.ts';
import type { Ledger, UploadProblem } from './situation.ts';

/** What a reconcile found out, to be shown in the status. */
interface UploadFindings {
  synced: UploadProblem;
  /** Undefined when the spec does not even say which provider it is about. */
  made?: { provider: string; ledger: Ledger; inventory: Inventory | undefined } | undefined;
  handledRefresh?: string | undefined;
}

/** The status that a CertificateUpload shall have. Pure. */
export function nextUploadStatus(
  { metadata, status = {} }: CertificateUpload,
  { synced, made, handledRefresh }: UploadFindings,
  now: number,
): CertificateUploadStatus {
  const observedGeneration = metadata.generation ?? 0;
  const ledger = made?.ledger ?? {
    uploadName: status.uploadName,
    remote: status.remote,
    history: status.history ?? [],
  };
  const ready = readiness(ledger, made?.inventory, now);
  const complete = { ...synced, message: withAdvice(synced) };
  let conditions = (status.conditions ?? []) as Condition[];
  const set = (type: string, state: Condition['status'], reason: string, message: string): void => {
    const condition = { type, status: state, reason, message: printable(message, 1024), observedGeneration };
    conditions = setCondition(conditions, condition, now);
  };
  set('Ready', uploadReadyReasons[ready.reason].status, ready.reason, ready.message);
  set('Synced', uploadSyncedReasons[synced.reason].status, synced.reason, complete.message);
  const next = {
    ...status,
    observedGeneration,
    conditions: conditions as CertificateUploadStatus['conditions'],
    message: printable(complete.message, 256),
    provider: made?.provider ?? status.provider,
    uploadName: ledger.uploadName,
    remote: ledger.remote,
    history: ledger.history.length === 0 ? undefined : ledger.history,
    lastHandledRefresh: handledRefresh ?? status.lastHandledRefresh,
  };
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined));
}

function readiness(
  { remote }: Ledger,
  inventory: Inventory | undefined,
  now: number,
): { reason: UploadReadyReason; message: string } {
  if (remote === undefined) return { reason: 'NotUploaded', message: 'Nothing was uploaded yet.' };
  if (inventory !== undefined && !isListed(remote, inventory))
    return { reason: 'NotUploaded', message: `${remote.name} is not at the provider any more.` };
  return Date.parse(remote.notAfter) <= now
    ? { reason: 'Expired', message: `${remote.name} at the provider expired on ${remote.notAfter}.` }
    : { reason: 'Valid', message: `${remote.name} at the provider is valid until ${remote.notAfter}.` };
}

/** Adds to what was seen what to do. */
function withAdvice({ reason, message }: UploadProblem): string {
  const { status, todo } = uploadSyncedReasons[reason];
  const complete = status !== 'False' || reason === 'InvalidSpec' || reason === 'Suspended' || todo === 'Nothing.';
  return complete ? message : `${message} ${todo.replaceAll('`', '')}`;
}

/** When the status changes by the mere passing of time; milliseconds since the epoch. */
export function nextUploadTurn({ remote }: Ledger, now: number): number | undefined {
  const end = remote === undefined ? NaN : Date.parse(remote.notAfter);
  return end > now ? end : undefined;
}
