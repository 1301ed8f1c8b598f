import type { UploadedCertificate } from '../../api/upload.ts';
import { timestamp } from '../../kube/objects.ts';
import type { Inventory, InventoryEntry } from '../../providers/inventory.ts';
import { isListed } from './ledger.ts';
import type { Candidate, Destination, UploadProblem, UploadSituation } from './situation.ts';

export type UploadDecision =
  | { action: 'none'; synced: UploadProblem; until?: number | undefined }
  /** Find out whether what has our name is ours. */
  | { action: 'identify'; entry: InventoryEntry }
  | { action: 'upload' }
  | { action: 'delete'; certificate: UploadedCertificate };

type Policy = (situation: UploadSituation) => UploadDecision | undefined;
type Sound = Exclude<Candidate, { reason: unknown }>;

/** How soon to look whether the list shows what was sent, in milliseconds. */
const soonMs = 5_000;

/** The first policy that has an opinion decides. */
export function decideUpload(situation: UploadSituation): UploadDecision {
  for (const policy of policies) {
    const decision = policy(situation);
    if (decision !== undefined) return decision;
  }
  return { action: 'upload' };
}

const none = (synced: UploadProblem, until?: number): UploadDecision => ({ action: 'none', synced, until });

const suspended: Policy = ({ spec }) =>
  spec.suspend
    ? none({ reason: 'Suspended', message: 'spec.suspend is true: nothing is read and nothing is uploaded.' })
    : undefined;

const noProvider: Policy = ({ destination }) => ('reason' in destination ? none(destination) : undefined);

const unsuitable: Policy = ({ candidate }) =>
  'reason' in candidate ? none(candidate, candidate.notBefore) : undefined;

const refused: Policy = (situation) => {
  const { refusal } = destinationOf(situation);
  return refusal === undefined ? undefined : none({ reason: 'InvalidSpec', message: refusal });
};

/** What is there stays true while nobody can ask; the provider object shows the fault. */
const uploaded: Policy = (situation) => {
  const { ledger, now, kept } = situation;
  const { facts } = soundCandidate(situation);
  const { inventory, fault } = destinationOf(situation);
  const { remote } = ledger;
  if (remote === undefined || remote.fingerprintSHA256 !== facts.fingerprintSHA256) return undefined;
  if (inventory !== undefined && !isListed(remote, inventory)) return undefined; // somebody deleted it
  const surplus = inventory === undefined || fault !== undefined ? [] : surplusOf(situation, inventory);
  const certificate = surplus.find(({ id }) => (kept.get(id) ?? 0) <= now);
  if (certificate !== undefined) return { action: 'delete', certificate };
  const inUse =
    surplus.length === 0 ? '' : ` Still in use and therefore kept: ${surplus.map(({ name }) => name).join(', ')}.`;
  return none(
    {
      reason: 'Uploaded',
      message: `The provider holds it as ${remote.name}, valid until ${timestamp(facts.notAfter)}.${inUse}`,
    },
    surplus.length === 0 ? undefined : Math.min(...surplus.map(({ id }) => kept.get(id) ?? Infinity)),
  );
};

const faulty: Policy = (situation) => {
  const { fault } = destinationOf(situation);
  return fault && none({ reason: fault.reason, message: fault.message }, fault.until);
};

const unlisted: Policy = (situation) => {
  const { inventory } = destinationOf(situation);
  const { unseen, now } = situation;
  if (inventory === undefined) return none({ reason: 'Pending', message: 'The provider has not answered yet.' });
  // What was sent may have arrived, whatever the answer was.
  return unseen
    ? none(
        { reason: 'Pending', message: 'The certificate was sent, and is looked for in the list of the provider.' },
        now + soonMs,
      )
    : undefined;
};

const setBack: Policy = ({ setback, now }) =>
  setback !== undefined && now < setback.until ? none(setback, setback.until) : undefined;

const present: Policy = (situation) => {
  const { name } = soundCandidate(situation);
  const selection = destinationOf(situation).inventory?.find({ name });
  if (selection === undefined) return undefined;
  if ('reason' in selection) {
    return selection.reason === 'CertificateNotFound'
      ? undefined
      : none({ reason: 'NameTaken', message: `The provider lists several certificates named ${name}.` });
  }
  const { entry } = selection;
  if (entry.problem === undefined) return { action: 'identify', entry };
  // What was deleted may still be listed.
  return entry.problem.reason === 'CertificateNotFound'
    ? undefined
    : none({ reason: 'NameTaken', message: `The provider lists ${name}, but: ${entry.problem.message}` });
};

const policies: readonly Policy[] = [
  suspended,
  noProvider,
  unsuitable,
  refused,
  uploaded,
  faulty,
  unlisted,
  setBack,
  present,
];

/**
 * What this object made, does not need any more and may therefore be deleted: older than the previous ones that are to be
 * kept, and listed under the id and the name that were noted.
 */
function surplusOf({ ledger, spec }: UploadSituation, inventory: Inventory): UploadedCertificate[] {
  return ledger.history
    .filter(({ id }) => id !== ledger.remote?.id)
    .slice(spec.keepPrevious)
    .filter((made) => isListed(made, inventory));
}

function destinationOf({ destination }: UploadSituation): Destination {
  if ('reason' in destination) throw new Error('policies after the provider have a destination');
  return destination;
}

function soundCandidate({ candidate }: UploadSituation): Sound {
  if ('reason' in candidate) throw new Error('policies after the Secret have a candidate');
  return candidate;
}
