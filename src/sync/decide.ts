import type { CertificateSettings } from '../api/certificate.ts';
import { type SyncedReason, providerReadyReasons } from '../api/reasons.ts';
import { uncovered } from '../certificate/names.ts';
import { timestamp } from '../kube/objects.ts';
import type { InventoryEntry, Selection } from '../providers/inventory.ts';
import { outcomeOf } from './compare.ts';
import { refreshDue, revisionOf } from './schedule.ts';
import type { Problem, ProviderAnswer, Situation } from './situation.ts';
import { type IntactContent, type OwnTarget, type Target, foreignLookEvery } from './target.ts';

export type Decision =
  | { action: 'none'; synced: Problem | 'unchanged'; until?: number | undefined }
  | { action: 'download'; why: string; repair: boolean; urgent: boolean }
  | { action: 'compare'; why: string }
  | { action: 'rewrite'; repair: boolean };

type Policy = (situation: Situation) => Decision | undefined;

/** The first policy that has an opinion decides. */
export function decide(situation: Situation): Decision {
  const chain = situation.spec.mode === 'Observe' ? observing : syncing;
  for (const policy of chain) {
    const decision = policy(situation);
    if (decision !== undefined) return decision;
  }
  throw new Error('the last policy of a chain always decides');
}

/** A Secret of ours that holds a pair as we recorded it. */
export function intactTarget(target: Target): (OwnTarget & { content: IntactContent }) | undefined {
  return target?.ours && target.content.intact ? (target as OwnTarget & { content: IntactContent }) : undefined;
}

const none = (synced: Problem | 'unchanged', until?: number): Decision => ({ action: 'none', synced, until });

const suspended: Policy = ({ spec }) =>
  spec.suspend
    ? none({
        reason: 'Suspended',
        message: 'spec.suspend is true: nothing is read from the provider and nothing is written.',
      })
    : undefined;

const heldByAnother: Policy = ({ heldBy, spec }) =>
  heldBy === undefined
    ? undefined
    : none({
        reason: 'SecretConflict',
        message: `Secret ${spec.secretName} is named by ProviderCertificate ${heldBy}, too, which comes first. Give this one another secretName, or delete the other.`,
      });

const noProvider: Policy = ({ provider }) => ('reason' in provider ? none(provider) : undefined);

const foreign: Policy = ({ target, spec, writtenBefore }) => {
  if (target === undefined || target.ours) return undefined;
  const conflict = (what: string): Decision =>
    none(
      {
        reason: 'SecretConflict',
        message: `Secret ${spec.secretName} ${what} It is not touched, and looked at again within ${foreignLookEvery / 60_000} minutes.`,
      },
      target.lookAgainAt,
    );
  if (!spec.adoptExisting) {
    return conflict(
      `exists and is written by ${target.manager}: choose another secretName, delete it, or set adoptExisting.`,
    );
  }
  if (writtenBefore)
    return conflict(
      `was replaced by ${target.manager}, and adoptExisting acts only once: delete it to have it written again.`,
    );
  if (target.adoption === undefined) return conflict(`exists and is written by ${target.manager}.`);
  return 'refused' in target.adoption
    ? conflict(`cannot be adopted because ${target.adoption.refused}: choose another secretName, or delete it.`)
    : undefined;
};

const contested: Policy = (situation) => {
  const { contest, now } = situation;
  return contest !== undefined && now < contest.until
    ? none({ reason: 'SecretConflict', message: contest.message }, contest.until)
    : undefined;
};

/** The API server would not take the last write: what could follow is another write. */
const unwritable: Policy = ({ setback, now }) =>
  setback !== undefined &&
  now < setback.until &&
  (setback.reason === 'SecretWriteFailed' || setback.reason === 'SecretConflict')
    ? none(setback, setback.until)
    : undefined;

/**
 * Metadata are put right with the bytes that are there: no download, whatever the provider does. But nothing is written
 * before it is known whether the provider object allows it.
 */
const drifted: Policy = (situation) => {
  const target = intactTarget(situation.target);
  if ('unopened' in situation.provider) return undefined;
  if (target === undefined || situation.metadataInOrder || edited(target)) return undefined;
  // What the API server would not take at first is no repair: nobody undid it.
  const repair = situation.generationSeen && situation.setback?.reason !== 'SecretWriteFailed';
  return repair && contested(situation) !== undefined ? undefined : { action: 'rewrite', repair };
};

/** What is shown came from the provider; nothing in the cluster can have settled it meanwhile. */
function stands(shown: string | undefined): shown is string {
  return shown !== undefined && !settledInCluster.has(shown);
}

const settledInCluster = new Set<string>([
  'Pending',
  'Suspended',
  'InvalidSpec',
  'ProviderNotFound',
  'ProviderNotReady',
  'NamespaceNotAllowed',
  'CredentialsMissing',
  'SecretConflict',
] satisfies SyncedReason[]);

/** An outage is the provider's to show. Here it shows only once it matters: with no good pair, or when it lasts. */
function outage(
  { target, now, shown, generationSeen, comparison }: Situation,
  provider: ProviderAnswer,
  fault: Problem,
): Decision {
  const { until = Infinity } = provider.fault ?? {};
  const visibleAt = provider.lastGood + Math.max(3 * provider.pollIntervalMs, 15 * 60_000);
  const atRest = generationSeen && stands(shown) && !(shown in providerReadyReasons);
  const good = intactTarget(target) !== undefined || comparison !== undefined;
  return atRest && good && now < visibleAt ? none('unchanged', Math.min(visibleAt, until)) : none(fault, until);
}

const faulty: Policy = (situation) => {
  const { provider } = situation;
  if (!('lastGood' in provider) || provider.fault === undefined || provider.fault.until !== undefined) return undefined;
  return outage(situation, provider, faultOf(provider.fault));
};

/** What only downloads meet is of no concern to those that need none. */
const unlessTurnedAway =
  (policy: Policy): Policy =>
  (situation) => {
    const { provider } = situation;
    const decision = policy(situation);
    const needsDownload = decision?.action === 'download' || decision?.action === 'compare';
    if (!needsDownload || !('lastGood' in provider) || provider.fault === undefined) return decision;
    return outage(situation, provider, faultOf(provider.fault));
  };

const faultOf = ({ reason, message }: Problem): Problem => ({ reason, message });

/** After a restart, or with other credentials, what was known before stands until the provider has answered. */
const unlisted: Policy = ({ provider, shown, generationSeen }) => {
  if (!('lastGood' in provider) || provider.selection !== undefined) return undefined;
  return generationSeen && stands(shown)
    ? none('unchanged')
    : none({ reason: 'Pending', message: 'Waiting for the first answer of the provider.' });
};

const unselected: Policy = (situation) => {
  const selection = selectionOf(situation);
  return selection !== undefined && 'reason' in selection ? none(selection) : undefined;
};

const unusable: Policy = (situation) => {
  const problem = entryOf(situation).problem;
  return problem === undefined ? undefined : none(problem);
};

/** There is nothing that could be written; Observe compares by what is listed. */
const withheld: Policy = (situation) => {
  const { message } = entryOf(situation).withheld ?? {};
  return message === undefined ? undefined : none({ reason: 'CertificateUnavailable', message });
};

const setBack: Policy = ({ setback, now }) =>
  setback !== undefined && now < setback.until ? none(setback, setback.until) : undefined;

/** Everything that makes a download necessary, the most urgent first. */
const outOfDate: Policy = (situation) => {
  const { target, source, spec, proof, now, writtenBefore, judgedCaCertificate, refreshWanted, setback } = situation;
  const entry = entryOf(situation);
  const download = (why: string, { repair = false, urgent = false } = {}): Decision => ({
    action: 'download',
    why,
    repair,
    urgent,
  });

  if (target === undefined)
    return (
      (writtenBefore && contested(situation)) ||
      download('the Secret is missing', { repair: writtenBefore, urgent: true })
    );
  if (!target.ours) return download('the Secret is to be adopted', { urgent: true });
  if (!target.content.intact) return download('the Secret is broken', { repair: true, urgent: true });
  if (target.origin.source !== source) return download('the spec names another source', { urgent: true });
  if (edited(target)) return contested(situation) ?? download('the Secret was edited', { repair: true, urgent: true });
  if (uncovered(target.content.facts.dnsNames, spec.dnsNames).length > 0)
    return download('the Secret does not cover spec.dnsNames');
  if (spec.caCertificate !== (judgedCaCertificate ?? judgedBefore(situation, target.content)))
    return download('caCertificate changed');
  if (proof?.revision !== revisionOf(entry)) return download('the provider has another revision');
  if (refreshWanted) return download('a refresh was asked for');
  if (setback !== undefined) return download('what was downloaded last was not taken');
  if (now >= refreshDue(proof, entry, situation)) return download('a refresh is due');
  return undefined;
};

/**
 * By which `caCertificate` the Secret was written, when this process did not write it. Without ca.crt only a status that
 * followed this very spec tells that the bundle has none: whoever held the Secret before may have left it out.
 */
function judgedBefore(
  { spec, shown, generationSeen }: Situation,
  { caDigest }: IntactContent,
): CertificateSettings['caCertificate'] {
  if (caDigest !== undefined) return 'Include';
  return generationSeen && shown === 'Synced' ? spec.caCertificate : 'Omit';
}

/** Somebody else's metadata, which are left alone for a while; a renewal is not held up by that. */
const disputed: Policy = (situation) => (situation.metadataInOrder ? undefined : contested(situation));

const inSync: Policy = (situation) => {
  const target = intactTarget(situation.target);
  const { proof, spec } = situation;
  if (target === undefined || proof === undefined) throw new Error('a Secret in sync is intact and proved');
  return none(
    {
      reason: 'Synced',
      message: `Secret ${spec.secretName} holds what the provider has, valid until ${timestamp(target.content.facts.notAfter)}.`,
    },
    refreshDue(proof, entryOf(situation), situation),
  );
};

const uncompared: Policy = (situation) => {
  const { comparison, now, refreshWanted, setback } = situation;
  const entry = entryOf(situation);
  const compare = (why: string): Decision => ({ action: 'compare', why });
  if (comparison === undefined) return compare('nothing was compared yet');
  if (comparison.revision !== revisionOf(entry)) return compare('the provider has another revision');
  if (refreshWanted) return compare('a refresh was asked for');
  if (setback !== undefined) return compare('what was downloaded last was refused');
  return now >= refreshDue(comparison, entry, situation) ? compare('a refresh is due') : undefined;
};

/** A Secret that is not as the provider has it is looked at again at each poll: somebody is about to put it right. */
const compared: Policy = (situation) => {
  const { comparison, spec, provider } = situation;
  if (comparison === undefined) throw new Error('nothing was compared');
  const outcome = outcomeOf(comparison, spec.secretName);
  const amiss = outcome.reason === 'Differs' || outcome.reason === 'SecretMissing';
  const lookAgainAt = amiss && 'lastGood' in provider ? comparison.lookedAt + provider.pollIntervalMs : Infinity;
  return none(outcome, Math.min(lookAgainAt, refreshDue(comparison, entryOf(situation), situation)));
};

const syncing: readonly Policy[] = [
  suspended,
  heldByAnother,
  noProvider,
  foreign,
  unwritable,
  drifted,
  faulty,
  unlisted,
  unselected,
  unusable,
  withheld,
  setBack,
  unlessTurnedAway(outOfDate),
  disputed,
  inSync,
];
const observing: readonly Policy[] = [
  suspended,
  noProvider,
  faulty,
  unlisted,
  unselected,
  unusable,
  setBack,
  unlessTurnedAway(uncompared),
  compared,
];

/** The Secret no longer holds what we recorded on it. */
export function edited({ origin, content }: OwnTarget): boolean {
  return (
    content.intact &&
    (content.facts.fingerprintSHA256 !== origin.fingerprintSHA256 || content.chainDigest !== origin.chainDigest)
  );
}

function selectionOf({ provider }: Situation): Selection | undefined {
  return 'lastGood' in provider ? provider.selection : undefined;
}

function entryOf(situation: Situation): InventoryEntry {
  const selection = selectionOf(situation);
  if (selection === undefined || 'reason' in selection) throw new Error('policies after the selection have an entry');
  return selection.entry;
}
