import type { Finding, Pair } from '../certificate/verdict.ts';
import { uncovered } from '../certificate/names.ts';
import { timestamp } from '../kube/objects.ts';
import { calmComparison } from './compare.ts';
import { intactTarget } from './decide.ts';
import { type Target, digestOf } from './target.ts';
import type { ProviderCertificateStatus } from '../api/certificate.ts';
import type { EventReason, SyncedReason } from '../api/reasons.ts';
import { stageIn } from './readiness.ts';
import { statusOf } from './report.ts';

/** An event for the owner of a ProviderCertificate. */
export interface Announcement {
  type: 'Normal' | 'Warning';
  reason: EventReason;
  message: string;
}

/** States that every new object may pass through while its manifests are still being applied. */
const intermediate = new Set(['Pending', 'ProviderNotFound', 'ProviderNotReady', 'CredentialsMissing']);

/** Whether nothing needs to be said of this state of Synced while its object is new. */
export function mayPass(reason: string | undefined): boolean {
  return reason === undefined || intermediate.has(reason);
}

/** How long a new object may be in an intermediate state before an event says so, in milliseconds. */
export const settlingTime = 30_000;

/**
 * The events that a change of status is worth: each once, when the reason changes. `announced` is the reason of Synced that
 * an event spoke of last; the one returned takes its place.
 */
export function announcements(
  before: ProviderCertificateStatus | undefined,
  after: ProviderCertificateStatus,
  { age, announced }: { age: number; announced: string | undefined },
): { events: Announcement[]; announced: string | undefined } {
  const events: Announcement[] = [];
  const condition = (status: ProviderCertificateStatus | undefined, type: string) =>
    status?.conditions?.find((one) => one.type === type);

  const sync = condition(after, 'Synced');
  const settling = sync !== undefined && mayPass(sync.reason) && age < settlingTime;
  const news = sync !== undefined && sync.reason !== announced && !settling;
  if (news) {
    const reason = sync.reason as SyncedReason;
    const calm = statusOf(reason) !== 'False' || reason === 'Suspended';
    events.push({ type: calm ? 'Normal' : 'Warning', reason, message: sync.message });
  }
  const expiring = condition(after, 'Expiring');
  if (expiring?.status === 'True' && stageIn(expiring.message) !== stageIn(condition(before, 'Expiring')?.message)) {
    events.push({ type: 'Warning', reason: 'Expiring', message: expiring.message });
  }
  const wrote = before?.syncedRevision !== undefined && !calmComparison.has(condition(before, 'Synced')?.reason);
  if (wrote && before.secretName !== undefined && before.secretName !== after.secretName) {
    events.push({
      type: 'Normal',
      reason: 'SecretReleased',
      message: `Secret ${before.secretName} is no longer kept up to date; it stays as it is.`,
    });
  }
  return { events, announced: news ? sync.reason : announced };
}

/** The events that a write is worth. `target` is the Secret as it was before. */
export function changes(secretName: string, target: Target, pair: Pair, findings: readonly Finding[]): Announcement[] {
  const events: Announcement[] = findings.map(({ reason, message }) => ({
    type: reason === 'CertificatesLeftOut' ? 'Normal' : 'Warning',
    reason,
    message,
  }));
  const before = intactTarget(target)?.content;
  if (before === undefined || before.facts.fingerprintSHA256 === pair.facts.fingerprintSHA256) return events;
  events.unshift({
    type: 'Normal',
    reason: 'Rotated',
    message: `Secret ${secretName} now holds a certificate that is valid until ${timestamp(pair.facts.notAfter)}.`,
  });
  const dropped = uncovered(pair.facts.dnsNames, before.facts.dnsNames);
  if (dropped.length > 0) {
    events.push({
      type: 'Warning',
      reason: 'NamesDropped',
      message: `The new certificate in Secret ${secretName} no longer covers ${dropped.slice(0, 10).join(', ')}.`,
    });
  }
  if (before.caDigest !== digestOf(pair.ca)) {
    events.push({
      type: 'Normal',
      reason: 'CAChanged',
      message: `ca.crt of Secret ${secretName} changed with the new certificate.`,
    });
  }
  return events;
}
