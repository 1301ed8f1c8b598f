import { isDeepStrictEqual } from 'node:util';
import { type SyncedReason, syncedReasons } from '../api/reasons.ts';
import type { ProviderCertificate, ProviderCertificateStatus } from '../api/certificate.ts';
import { printable } from '../printable.ts';
import { timestamp } from '../kube/objects.ts';
import { type Condition, setCondition } from '../kube/conditions.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import { type Remote, calmComparison } from './compare.ts';
import { fraction } from './schedule.ts';
import type { Problem, Proof } from './situation.ts';
import type { Health } from './readiness.ts';

/** What a reconcile found out, to be shown in the status. */
export interface Findings {
  /** The state to show as Synced; `unchanged` leaves what is shown. */
  synced: Problem | 'unchanged';
  health: Health;
  /** Undefined with Observe when only the remote certificate is looked at. */
  secretName: string | undefined;
  /** The remote certificate; null when the provider has none, undefined when it is not known now. */
  remote?: (InventoryEntry & { validUntil?: number | undefined }) | null | undefined;
  proof?: Proof | undefined;
  /** When the provider last answered about this certificate. */
  checkedAt?: number | undefined;
  handledRefresh?: string | undefined;
}

const heartbeat = 24 * 3_600_000;

/**
 * The status that a ProviderCertificate shall have. Pure; equal to the previous one (the same object) when there is nothing
 * to write. `lastCheckTime` alone is a reason to write only once a day, spread by the UID.
 */
export function nextStatus(
  certificate: ProviderCertificate,
  findings: Findings,
  now: number,
): ProviderCertificateStatus {
  const previous = certificate.status ?? {};
  // What was proved of one Secret says nothing of another, and what Observe saw says nothing of what Sync wrote.
  const shown = previous.conditions?.find(({ type }) => type === 'Synced')?.reason;
  const proved = previous.secretName === findings.secretName && !calmComparison.has(shown) ? previous : {};
  const generation = certificate.metadata.generation ?? 0;
  const { health, remote, proof, checkedAt } = findings;

  let conditions = (previous.conditions ?? []) as Condition[];
  const set = (
    type: string,
    status: Condition['status'],
    { reason, message }: { reason: string; message: string },
  ): void => {
    conditions = setCondition(
      conditions,
      { type, status, reason, message: printable(message, 1024), observedGeneration: generation },
      now,
    );
  };
  set('Ready', health.ready.status, health.ready);
  if (findings.synced !== 'unchanged') set('Synced', statusOf(findings.synced.reason), findings.synced);
  if (health.expiring === undefined) conditions = conditions.filter(({ type }) => type !== 'Expiring');
  else set('Expiring', health.expiring.status, health.expiring);

  const next = given<ProviderCertificateStatus>({
    ...previous,
    observedGeneration: generation,
    conditions,
    message: summary(conditions),
    secretName: findings.secretName,
    certificate: health.facts && describe(health.facts),
    remote: remote === undefined ? previous.remote : remote === null ? undefined : remoteStatus(remote),
    syncedRevision: proof === undefined ? proved.syncedRevision : printable(proof.revision, 512),
    lastSyncTime: proof === undefined ? proved.lastSyncTime : timestamp(proof.at),
    lastHandledRefresh: findings.handledRefresh ?? previous.lastHandledRefresh,
  });
  const changed = patchBetween(previous, next) !== undefined;
  if (checkedAt === undefined || (!changed && !heartbeatDue(certificate, now))) return changed ? next : previous;
  return { ...next, lastCheckTime: timestamp(checkedAt) };
}

/** A JSON merge patch that turns `before` into `after`; undefined when they are equal. */
export function patchBetween(before: unknown, after: unknown): unknown {
  if (!isRecord(before) || !isRecord(after)) return isDeepStrictEqual(before, after) ? undefined : (after ?? null); // the server orders keys in its own way
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const difference = patchBetween(before[key], after[key]);
    if (difference !== undefined) patch[key] = difference;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** When the status is due to be written although nothing changed. */
export function heartbeatAt({ metadata, status }: ProviderCertificate): number {
  return lastCheck(status) + heartbeat * (0.9 + 0.1 * fraction(metadata.uid));
}

/** The condition status that goes with a reason of Synced. */
export function statusOf(reason: SyncedReason): Condition['status'] {
  return syncedReasons[reason].status;
}

/** A last time that lies in the future is from before the clock was set back. */
function heartbeatDue(certificate: ProviderCertificate, now: number): boolean {
  return now >= heartbeatAt(certificate) || now < lastCheck(certificate.status);
}

function lastCheck(status: ProviderCertificateStatus | undefined): number {
  return Date.parse(status?.lastCheckTime ?? '') || 0;
}

/** One line for `kubectl get`: what is wrong, and when nothing is, how long it stays right. */
function summary(conditions: readonly Condition[]): string {
  const find = (type: string): Condition | undefined => conditions.find((condition) => condition.type === type);
  const [ready, sync, expiring] = [find('Ready'), find('Synced'), find('Expiring')];
  const worst =
    sync?.status === 'False'
      ? sync
      : ready?.status === 'False'
        ? sync?.status === 'Unknown'
          ? sync
          : ready
        : expiring?.status === 'True'
          ? expiring
          : (sync ?? ready);
  return printable(worst?.message ?? '', 256);
}

/** Observe knows less of a certificate that is only listed. */
function describe(facts: Remote): ProviderCertificateStatus['certificate'] {
  const { commonName, dnsNames, issuer, serialNumber, fingerprintSHA256, keyAlgorithm, chainLength } = facts;
  const names = dnsNames?.slice(0, 100).map((name) => printable(name, 253));
  if (names && dnsNames && dnsNames.length > 100) names.push(`(+${dnsNames.length - 100} more)`);
  return given<NonNullable<ProviderCertificateStatus['certificate']>>({
    commonName: commonName === undefined ? undefined : printable(commonName, 253),
    dnsNames: names,
    issuer: issuer === undefined ? undefined : printable(issuer, 512),
    serialNumber,
    fingerprintSHA256,
    notBefore: timestamp(facts.notBefore),
    notAfter: timestamp(facts.notAfter),
    keyAlgorithm,
    chainLength,
  });
}

function remoteStatus(
  remote: InventoryEntry & { validUntil?: number | undefined },
): ProviderCertificateStatus['remote'] {
  const notAfter = remote.validUntil === undefined ? remote.notAfter : timestamp(remote.validUntil);
  return {
    id: printable(remote.id, 253),
    name: printable(remote.name, 253),
    ...(remote.state === undefined ? {} : { state: printable(remote.state, 253) }),
    ...(notAfter === undefined ? {} : { notAfter: printable(notAfter, 64) }),
    revision: printable(remote.revision, 253),
  };
}

/** Without the fields that have no value. */
function given<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
