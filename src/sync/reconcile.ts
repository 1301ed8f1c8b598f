import type { ProviderCertificate, ProviderCertificateStatus } from '../api/certificate.ts';
import { providerCertificates } from '../api/group.ts';
import type { Clock } from '../clock.ts';
import type { ReconcileOptions } from '../controller/controller.ts';
import type { KubeClient } from '../kube/client.ts';
import { objectKey } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';
import type { Actor } from './act.ts';
import { type Announcement, announcements, mayPass, settlingTime } from './announce.ts';
import { NamespaceGone, SecretChanged } from './apply.ts';
import { calmComparison } from './compare.ts';
import { type Decision, decide } from './decide.ts';
import type { Problem } from './situation.ts';
import type { Invalid, Lookout, View } from './look.ts';
import type { Memories, Memory } from './memory.ts';
import { withConsequence } from './messages.ts';
import { healthOf, nextTurn } from './readiness.ts';
import { heartbeatAt, nextStatus, patchBetween } from './report.ts';
import { ageOf, requeueFor } from './schedule.ts';
import { lookAgainMs, patchStatus } from './status.ts';

/** How long a new object may wait for the first inventory before its status says so, in milliseconds. */
const patience = 5_000;
/** Every pass does something that the next one need not do again. */
const maxPasses = 6;

/** Every look finds something new: tried again later. */
class Unsettled extends Error {
  override readonly name = 'Unsettled';
  readonly reason = 'Unsettled';
}

interface Parts {
  client: KubeClient;
  certificates: Store<ProviderCertificate>;
  lookout: Lookout;
  actor: Actor;
  memories: Memories;
  announce: (certificate: ProviderCertificate, event: Announcement) => void;
  clock: Clock;
  /** Told the status of each ProviderCertificate whenever it was looked at. */
  observe: (key: string, status: ProviderCertificateStatus) => void;
}

/**
 * Brings one ProviderCertificate and its Secret to where they should be: look, decide, act, look again, and report when there
 * is nothing left to do. Acting only changes what the next look sees, so that each step may fail and be repeated.
 */
export class CertificateReconciler {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async reconcile(
    key: string,
    { signal, logger, apart }: ReconcileOptions,
  ): Promise<{ requeueAfterMs?: number } | void> {
    try {
      for (let pass = 0; pass < maxPasses; pass += 1) {
        const view = await this.#parts.lookout.look(key, signal);
        if (view === undefined) return undefined;
        if ('invalid' in view) return await this.#reportInvalid(view, signal);
        const decision = decide(view.situation);
        logger.debug({ decision }, 'decided');
        if (decision.action === 'none') return await this.#report(view, decision, signal);
        await this.#parts.actor.act(view, decision, { signal, apart }).catch((error: unknown) => {
          if (!(error instanceof SecretChanged)) throw error;
        });
      }
    } catch (error) {
      if (error instanceof NamespaceGone) return undefined;
      throw error;
    }
    throw new Unsettled('The Secret changes faster than it can be followed.');
  }

  async #report(
    view: View,
    { synced, until }: Extract<Decision, { action: 'none' }>,
    signal: AbortSignal,
  ): Promise<{ requeueAfterMs?: number }> {
    const { certificate, spec, situation, entry, account, memory, refresh } = view;
    const now = this.#parts.clock.now();
    const { created, age } = ageOf(certificate, now);
    const selected = 'lastGood' in situation.provider ? situation.provider.selection : undefined;
    // Before the first list after a restart, what the last one said.
    const listed = selected === undefined ? certificate.status?.remote : entry;
    const health = healthOf({ ...situation, now }, listed?.notAfter);
    const shown = synced === 'unchanged' ? situation.shown : synced.reason;
    const turns = [
      until,
      health.facts && nextTurn(health.facts, now),
      heartbeatAt(certificate),
      ...(mayPass(shown) ? [created + patience, created + settlingTime] : []),
    ];
    const result = requeueFor(turns, { decidedAt: situation.now, now });

    if (situation.refreshWanted && synced !== 'unchanged') {
      const notFound = synced.reason === 'CertificateNotFound';
      if (notFound) account?.listSoon(); // whoever asks has just uploaded it
      // A Secret of somebody else was looked at again for this very reason.
      const foreign = synced.reason === 'SecretConflict' && situation.target?.ours === false;
      if (notFound || foreign) memory.handledRefresh = refresh;
    }
    const fresh = certificate.status?.conditions === undefined;
    if (fresh && synced !== 'unchanged' && synced.reason === 'Pending' && age < patience) return result;
    const status = nextStatus(
      certificate,
      {
        synced: synced === 'unchanged' ? synced : withConsequence(synced, health.facts, spec),
        health,
        secretName: spec.secretName,
        remote: entry ? { ...entry, validUntil: situation.comparison?.remote.notAfter } : selected && null,
        proof: situation.proof ?? (calmComparison.has(shown) ? situation.comparison : undefined),
        checkedAt: account?.lastSuccess,
        handledRefresh: memory.handledRefresh,
      },
      now,
    );
    const written = await this.#writeStatus(certificate, status, { age, memory }, signal);
    return written ? result : { requeueAfterMs: lookAgainMs };
  }

  /** A spec that does not parse says nothing: only that is reported, and the Secret stays. */
  async #reportInvalid(
    { certificate: stored, invalid: message }: Invalid,
    signal: AbortSignal,
  ): Promise<{ requeueAfterMs?: number }> {
    const invalid: Problem = {
      reason: 'InvalidSpec',
      message: `The spec is not valid: ${message}. Nothing is changed until it is corrected.`,
    };
    const status = nextStatus(
      stored,
      {
        synced: invalid,
        health: { ready: { status: 'False', reason: 'SpecNotMet', message: invalid.message } },
        secretName: stored.status?.secretName,
      },
      this.#parts.clock.now(),
    );
    const memory = this.#parts.memories.of(objectKey(stored.metadata), stored.metadata.uid);
    const written = await this.#writeStatus(stored, status, { age: Infinity, memory }, signal);
    return written ? {} : { requeueAfterMs: lookAgainMs };
  }

  /** False: the status was not for the version that is there now. */
  async #writeStatus(
    certificate: ProviderCertificate,
    status: ProviderCertificateStatus,
    { age, memory }: { age: number; memory: Memory },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, certificates, observe } = this.#parts;
    const before = certificate.status;
    observe(objectKey(certificate.metadata), status);
    const patch = patchBetween(before, status);
    const where = { client, store: certificates, resource: providerCertificates };
    if (patch !== undefined && !(await patchStatus(where, certificate, patch, signal))) return false;
    memory.announced ??= before?.conditions?.find(({ type }) => type === 'Synced')?.reason;
    const { events, announced } = announcements(before, status, { age, announced: memory.announced });
    memory.announced = announced;
    for (const event of events) this.#parts.announce(certificate, event);
    return true;
  }
}
