import { timestamp } from '../kube/objects.ts';
import type { Facts } from '../certificate/facts.ts';
import { uncovered } from '../certificate/names.ts';
import { edited } from './decide.ts';
import type { Situation } from './situation.ts';
import type { ExpiringReason, ReadyReason } from '../api/reasons.ts';
import type { Remote } from './compare.ts';
import type { Content } from './target.ts';

/** Ready and Expiring, as they follow from the Secret (with Observe, from what was compared) and the spec. */
export interface Health {
  ready: { status: 'True' | 'False' | 'Unknown'; reason: ReadyReason; message: string };
  /** Undefined while there is no certificate to speak of. */
  expiring?: { status: 'True' | 'False'; reason: ExpiringReason; message: string } | undefined;
  /** What the Secret holds now; of the remote certificate where Observe speaks of that. */
  facts?: Remote | undefined;
}

type HealthInput = Pick<Situation, 'now' | 'spec' | 'source' | 'target' | 'heldBy' | 'comparison' | 'writtenBefore'>;

const day = 24 * 3_600_000;

/** Judges the Secret that a ProviderCertificate stands for. Pure. */
export function healthOf(input: HealthInput, remoteNotAfter: string | undefined): Health {
  const { spec, now } = input;
  if (spec.mode === 'Observe' && spec.secretName === undefined) return remoteHealth(input);
  const content =
    spec.mode === 'Observe' ? input.comparison?.secret : input.target?.ours ? input.target.content : undefined;
  const facts = content?.intact ? content.facts : undefined;
  return {
    ready: readiness(input, content),
    expiring: facts && expiry(facts, now, remoteNotAfter),
    facts,
  };
}

function readiness(input: HealthInput, content: Content | undefined): Health['ready'] {
  const { spec, now, target, heldBy, source, comparison, writtenBefore } = input;
  const no = (reason: ReadyReason, message: string): Health['ready'] => ({ status: 'False', reason, message });
  const secret = `Secret ${spec.secretName}`;

  if (spec.mode === 'Observe' && comparison === undefined) {
    return { status: 'Unknown', reason: 'NotCompared', message: `${secret} was not looked at yet.` };
  }
  if (heldBy !== undefined)
    return no('SecretConflict', `${secret} is named by ProviderCertificate ${heldBy}, too, which comes first.`);
  if (target?.ours === false) return no('SecretConflict', `${secret} is written by ${target.manager}.`);
  if (content === undefined) {
    // Without a reason to write, nobody looked whether somebody else has one of this name.
    const looked = spec.mode === 'Observe' || writtenBefore;
    return no('SecretMissing', `${secret} ${looked ? 'does not exist' : 'is not written yet'}.`);
  }
  if (!content.intact) return no('SecretInvalid', `${secret} holds no usable pair: ${content.message}.`);
  const { facts } = content;
  if (facts.notAfter <= now)
    return no('Expired', `The certificate in ${secret} expired on ${timestamp(facts.notAfter)}.`);
  if (facts.notBefore > now)
    return no('NotYetValid', `The certificate in ${secret} is valid from ${timestamp(facts.notBefore)}.`);
  if (target !== undefined && target.origin.source !== source)
    return no('SpecNotMet', `${secret} still holds a pair from ${target.origin.source}.`);
  if (target !== undefined && edited(target))
    return no('SecretConflict', `${secret} holds a pair that somebody else put there.`);
  const missing = uncovered(facts.dnsNames, spec.dnsNames);
  if (missing.length > 0)
    return no('SpecNotMet', `The certificate in ${secret} does not cover ${missing.slice(0, 5).join(', ')}.`);
  return {
    status: 'True',
    reason: 'Valid',
    message: `${secret} holds a pair that is valid until ${timestamp(facts.notAfter)}.`,
  };
}

/** Observe without a Secret speaks of the remote certificate. */
function remoteHealth({ comparison, now }: HealthInput): Health {
  if (comparison === undefined)
    return {
      ready: { status: 'Unknown', reason: 'NotCompared', message: 'The remote certificate was not looked at yet.' },
    };
  const { notBefore, notAfter } = comparison.remote;
  const state =
    notAfter <= now
      ? ({
          status: 'False',
          reason: 'Expired',
          message: `The remote certificate expired on ${timestamp(notAfter)}.`,
        } as const)
      : notBefore > now
        ? ({
            status: 'False',
            reason: 'NotYetValid',
            message: `The remote certificate is valid from ${timestamp(notBefore)}.`,
          } as const)
        : ({
            status: 'True',
            reason: 'RemoteValid',
            message: `The remote certificate is valid until ${timestamp(notAfter)}.`,
          } as const);
  return { ready: state, expiring: expiry(comparison.remote, now, undefined), facts: comparison.remote };
}

/** Days before the end at which the message changes, so that an event goes out once for each. */
const stages = [14, 7, 1];

/** Less than 30 days, or a third of a shorter life, is soon. */
function soon({ notBefore, notAfter }: Pick<Facts, 'notBefore' | 'notAfter'>): number {
  return Math.min(30 * day, (notAfter - notBefore) / 3);
}

/**
 * Whether the provider has a certificate that ends later. Some lists tell only the day, in a time zone that is not said; a time
 * may have been rounded.
 *
 * @param remoteNotAfter as the provider lists it, see `InventoryEntry`
 */
export function isRenewedElsewhere(notAfter: number, remoteNotAfter = ''): boolean {
  const vagueness = /^\d{4}-\d{2}-\d{2}$/.test(remoteNotAfter) ? 1.5 * day : 1_000;
  return Date.parse(remoteNotAfter) > notAfter + vagueness;
}

function expiry(
  facts: Pick<Facts, 'notBefore' | 'notAfter'>,
  now: number,
  remoteNotAfter: string | undefined,
): NonNullable<Health['expiring']> {
  const left = facts.notAfter - now;
  const on = timestamp(facts.notAfter);
  const advice = isRenewedElsewhere(facts.notAfter, remoteNotAfter)
    ? 'The provider has a newer one, see Synced.'
    : 'The provider has nothing newer: renew it there.';
  if (left <= 0) return { status: 'True', reason: 'Expired', message: `The certificate expired on ${on}. ${advice}` };
  if (left >= soon(facts))
    return { status: 'False', reason: 'NotExpiring', message: `The certificate is valid until ${on}.` };
  const stage = stages.findLast((days) => left < days * day && days * day < soon(facts));
  const within = stage === undefined ? 'soon' : `in less than ${stage === 1 ? 'a day' : `${stage} days`}`;
  return { status: 'True', reason: 'ExpiresSoon', message: `The certificate expires ${within}, on ${on}. ${advice}` };
}

/** What the message of Expiring says of the time that is left, without the advice after it, which may change and change back. */
export function stageIn(message: string | undefined): string | undefined {
  return message?.split('. ', 1)[0];
}

/** When the health of this certificate changes next by the mere passing of time. */
export function nextTurn(facts: Pick<Facts, 'notBefore' | 'notAfter'>, now: number): number | undefined {
  const turns = [
    facts.notBefore,
    facts.notAfter - soon(facts),
    ...stages.map((days) => facts.notAfter - days * day),
    facts.notAfter,
  ];
  const next = Math.min(...turns.filter((turn) => turn > now));
  return Number.isFinite(next) ? next : undefined;
}
