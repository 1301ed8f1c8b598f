import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import type { KubeClient } from './client.ts';
import { Deadline } from './deadline.ts';
import { KubeError, isNotFound, timeout } from './errors.ts';
import { type KubeObject, leases } from './objects.ts';

/** How long a lease holds without being renewed, how long its holder tries to renew it, and how often all look at it. */
export interface LeaseTiming {
  leaseSeconds: number;
  renewDeadlineMs: number;
  retryMs: number;
}

// The numbers of client-go's leader election.
const usualTiming: LeaseTiming = { leaseSeconds: 15, renewDeadlineMs: 10_000, retryMs: 2_000 };
const jitter = 1.2;
/** Ending is not held up for longer than that: the others would take the lease all the same, a little later. */
const releaseMs = 2_000;

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

interface LeaseObject extends KubeObject {
  spec?: LeaseSpec;
}

interface Options {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  namespace: string;
  name: string;
  /** Unique among all who want the lease, and new with each process. */
  identity: string;
  timing?: LeaseTiming;
  random?: () => number;
}

/** The lease went to somebody else, or could not be renewed in time: nothing may be written any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  readonly reason = 'LeaseLost';
}

/**
 * One Lease object that several replicas want; who holds it works, the others wait. Whether its holder is still alive is
 * judged only by changes that are seen here: the times in it come from another clock.
 *
 * Two may believe for a moment that they hold it (a process that was stopped and goes on); what they write needs a fence
 * of its own.
 */
export class Lease {
  readonly #options: Options;
  readonly #timing: LeaseTiming;
  readonly #random: () => number;
  readonly #logger: Logger;
  #seen: LeaseObject | undefined;
  /** The holder has been silent for the whole duration that it asked for. */
  #silent = false;
  #cancelSilence: () => void = () => {};
  /** When what made or kept it ours was sent, by `Clock.elapsed`. */
  #writtenAt = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#timing = options.timing ?? usualTiming;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger.child({ lease: `${options.namespace}/${options.name}` });
  }

  /** Waits until the lease is ours; throws the reason of the signal, and nothing else. */
  async acquire(signal: AbortSignal): Promise<void> {
    this.#logger.info({ identity: this.#options.identity }, 'waiting for the lease');
    for (;;) {
      signal.throwIfAborted();
      if (await this.#try(signal)) break;
      await this.#pause(signal);
    }
    this.#cancelSilence();
    this.#logger.info('the lease is ours');
  }

  /**
   * Renews the lease until the signal is aborted.
   * @throws LeaseLost
   */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const error = (): LeaseLost => new LeaseLost('The lease could not be renewed in time.');
    using life = new Deadline({ clock, parent: signal, ms: this.#safeMs, error });
    try {
      for (;;) {
        await this.#pause(life.signal);
        if (await this.#try(life.signal)) life.extend(this.#safeMs);
        else if (this.#holder !== undefined && this.#holder !== this.#options.identity)
          throw new LeaseLost(`The lease went to ${this.#holder}.`);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Gives the lease up, so that others need not wait until it expires. Never throws. */
  async release(): Promise<void> {
    const { client, identity, clock } = this.#options;
    if (this.#seen === undefined || this.#holder !== identity) return;
    using deadline = this.#deadline(releaseMs, new AbortController().signal);
    const { signal } = deadline;
    const now = microTime(clock.now());
    const spec = { ...this.#seen.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    try {
      this.#seen = await client.replace<LeaseObject>(leases, { ...this.#seen, spec }, { signal });
      this.#logger.info('the lease was given up');
    } catch (error) {
      this.#logger.warn({ err: error }, 'the lease could not be given up; others take it when it expires');
    }
  }

  get #holder(): string | undefined {
    return this.#seen?.spec?.holderIdentity || undefined;
  }

  /**
   * How long it may be held without being renewed again: until the renew deadline after the answer, but not longer than others
   * leave it alone, who may have seen it as soon as it was sent.
   */
  get #safeMs(): number {
    const { leaseSeconds, renewDeadlineMs } = this.#timing;
    return Math.min(renewDeadlineMs, this.#writtenAt + leaseSeconds * 1_000 - this.#options.clock.elapsed());
  }

  /** Takes or renews the lease when that is possible now. Faults are logged, and are no. */
  async #try(parent: AbortSignal): Promise<boolean> {
    using deadline = this.#deadline(this.#timing.renewDeadlineMs, parent);
    try {
      // Whoever holds it is the only one to write it, and need not look first.
      if (this.#holder === this.#options.identity) return await this.#renew(deadline.signal);
      await this.#look(deadline.signal);
      if (this.#holder !== undefined && !this.#silent) return false;
      return await this.#write(deadline.signal);
    } catch (error) {
      if (!parent.aborted) this.#logger.warn({ err: error }, 'the lease could not be read or written; tried again');
      return false;
    }
  }

  /**
   * Writes, and once more beside that when no answer came for a while: one connection may be stuck, or all may be slow.
   * Whichever succeeds first counts; the version in them lets only one of them be stored.
   */
  async #renew(signal: AbortSignal): Promise<boolean> {
    using patience = this.#deadline(this.#timing.retryMs * 2, signal);
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const first = this.#write(either);
    try {
      return await patience.race(first);
    } catch (error) {
      if (signal.aborted || !patience.signal.aborted) throw error;
      return await Promise.any([first, this.#write(either)]).catch(({ errors }: AggregateError) => {
        throw errors.at(-1);
      });
    } finally {
      over.abort();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { client, namespace, name } = this.#options;
    try {
      this.#note(await client.get<LeaseObject>(leases, { namespace, name }, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#note(undefined);
    }
  }

  /** @param again whether to write once more after a conflict that leaves it ours: an earlier write arrived unheard */
  async #write(signal: AbortSignal, again = true): Promise<boolean> {
    const { client, clock, namespace, name, identity } = this.#options;
    const before = this.#seen;
    const began = clock.elapsed();
    const now = microTime(clock.now());
    const renewed = before?.spec?.holderIdentity === identity ? before.spec : undefined;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#timing.leaseSeconds,
      acquireTime: renewed?.acquireTime ?? now,
      renewTime: now,
      leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (before === undefined || renewed ? 0 : 1),
    };
    const head = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
    try {
      this.#note(
        before === undefined
          ? await client.create<LeaseObject>(leases, { ...head, metadata: { namespace, name }, spec }, { signal })
          : await client.replace<LeaseObject>(leases, { ...head, metadata: before.metadata, spec }, { signal }),
      );
      this.#writtenAt = began;
      return true;
    } catch (error) {
      const beaten = error instanceof KubeError && (error.status === 409 || error.status === 404);
      if (!beaten) throw error;
      // Somebody else was faster, or deleted it, or it was us.
      await this.#look(signal);
      return again && this.#holder === identity ? this.#write(signal, false) : false;
    }
  }

  /** Takes note of the lease as it is; a change starts the time anew in which its holder may be silent. */
  #note(lease: LeaseObject | undefined): void {
    const changed = lease?.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion;
    this.#seen = lease;
    if (!changed) return;
    this.#cancelSilence();
    this.#silent = false;
    if (lease === undefined || this.#holder === this.#options.identity) return;
    const seconds = lease.spec?.leaseDurationSeconds ?? this.#timing.leaseSeconds;
    this.#cancelSilence = this.#options.clock.after(seconds * 1_000, () => (this.#silent = true));
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await sleep(this.#options.clock, this.#timing.retryMs * (1 + (jitter - 1) * this.#random()), signal);
  }

  #deadline(ms: number, parent: AbortSignal): Deadline {
    return new Deadline({
      clock: this.#options.clock,
      parent,
      ms,
      error: () => timeout('lease', `no answer within ${ms} ms`),
    });
  }
}

/** RFC 3339 with exactly six digits of a second: any other number of them is refused. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
