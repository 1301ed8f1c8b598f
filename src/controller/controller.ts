import { randomUUID } from 'node:crypto';

import type { Logger } from 'pino';

import type { Clock } from '../clock.ts';
import type { WorkQueue } from './queue.ts';
import { TimeLimit } from './time-limit.ts';

/** What a reconcile found out: when to look at the object again although nothing has changed. Without it: never. */
export interface ReconcileResult {
  requeueAfterMs?: number;
}

export interface ReconcileOptions {
  signal: AbortSignal;
  logger: Logger;
  /**
   * Waits for others, without keeping a worker or using up the time of the reconcile. One thing at a time. Whoever waits
   * must be sure to be called back, or aborted by the signal.
   */
  apart<T>(wait: () => Promise<T>): Promise<T>;
}

/** Brings one object to where it should be. What it throws is logged, counted, and tried again with back-off. */
export type Reconcile = (key: string, o: ReconcileOptions) => Promise<ReconcileResult | undefined | void>;

/**
 * How a reconcile ended. `error`: an error that is part of life, one with a `reason`; `panic`: any other, a defect;
 * `timeout`: its deadline passed; `aborted`: the controller stopped.
 */
export type Outcome = 'success' | 'error' | 'panic' | 'timeout' | 'aborted';

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** How many keys are worked on at the same time. */
  concurrency: number;
  reconcile: Reconcile;
  /** How long one reconcile may take before its signal is aborted, its time apart not counted. */
  deadlineMs?: number;
  /** How long those that run may go on when the controller stops. */
  graceMs?: number;
  clock: Clock;
  logger: Logger;
  onResult?: (result: { key: string; outcome: Outcome; durationMs: number }) => void;
}

/** Takes keys from a queue and reconciles them, several at a time, each on its own. */
export class Controller {
  readonly #o: Required<ControllerOptions>;
  readonly #running = new Set<AbortController>();
  /** How many of these wait for others. */
  #apart = 0;
  /** Workers that wait for a key. */
  #idle = 0;

  constructor(o: ControllerOptions) {
    this.#o = { deadlineMs: 120_000, graceMs: 10_000, onResult: () => {}, ...o };
  }

  /** How many workers wait for a key. */
  get idle(): number {
    return this.#idle;
  }

  /**
   * Works until the signal is aborted. Then no new work is begun; what runs is aborted when the grace period is over.
   * @returns when every reconcile has ended; never rejects
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, graceMs } = this.#o;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const next = (): void => {
      this.#fill(signal, next);
      if (signal.aborted && this.#running.size + this.#idle === 0) resolve();
    };
    let cancel: (() => void) | undefined;
    const stop = (): void => {
      cancel = clock.after(graceMs, () => {
        for (const running of this.#running) running.abort(new StoppedError());
      });
    };
    signal.addEventListener('abort', stop, { once: true });
    next();
    await ended;
    cancel?.();
  }

  /** Lets workers that are free take a key. `next` is called when one may be free again. */
  #fill(signal: AbortSignal, next: () => void): void {
    while (!signal.aborted && this.#running.size - this.#apart + this.#idle < this.#o.concurrency) {
      this.#idle++;
      void this.#work(signal, next);
    }
  }

  async #work(signal: AbortSignal, next: () => void): Promise<void> {
    const key = await this.#o.queue.take(signal);
    this.#idle--;
    if (key !== undefined) await this.#reconcile(key, next);
    next();
  }

  async #reconcile(key: string, next: () => void): Promise<void> {
    const { name, queue, reconcile, deadlineMs, clock, onResult } = this.#o;
    const logger = this.#o.logger.child({ controller: name, object: key, reconcileID: randomUUID() });
    const abort = new AbortController();
    const limit = new TimeLimit({ clock, ms: deadlineMs, over: () => abort.abort(new DeadlineError()) });
    const apart = async <T>(wait: () => Promise<T>): Promise<T> => {
      limit.pause();
      this.#apart++;
      next();
      try {
        return await wait();
      } finally {
        this.#apart--;
        limit.resume();
      }
    };
    const start = clock.elapsed();
    this.#running.add(abort);
    let outcome: Outcome = 'success';
    try {
      const result = await reconcile(key, { signal: abort.signal, logger, apart });
      queue.forget(key);
      if (result?.requeueAfterMs !== undefined) queue.schedule(key, result.requeueAfterMs);
    } catch (error) {
      outcome = outcomeOf(error, abort.signal);
      if (outcome !== 'aborted') logFailure(logger, outcome, error, this.#retry(key, error));
    }
    limit.cancel();
    this.#running.delete(abort);
    queue.done(key);
    onResult({ key, outcome, durationMs: clock.elapsed() - start });
  }

  /** Not before the remote side asked to be left alone. */
  #retry(key: string, error: unknown): number {
    const delayMs = this.#o.queue.retry(key);
    const wishedMs = isExpected(error) ? (error.retryAfterMs ?? 0) : 0;
    if (wishedMs > delayMs) this.#o.queue.schedule(key, wishedMs);
    return Math.max(delayMs, wishedMs);
  }
}

class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor() {
    super('The reconcile took longer than its deadline');
  }
}

class StoppedError extends Error {
  override readonly name = 'StoppedError';

  constructor() {
    super('The controller is stopping');
  }
}

function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return signal.reason instanceof DeadlineError ? 'timeout' : 'aborted';
  return isExpected(error) ? 'error' : 'panic';
}

/** The error classes of this project carry a `reason`; nothing else does. */
function isExpected(error: unknown): error is Error & { reason: string; retryAfterMs?: number } {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string';
}

/** One line per failure. Of an error only what is named here: a foreign one may drag along a whole response. */
function logFailure(logger: Logger, outcome: Outcome, error: unknown, retryInMs: number): void {
  if (outcome === 'timeout') {
    logger.warn({ retryInMs }, 'The reconcile took longer than its deadline and was aborted; it is tried again');
  } else if (isExpected(error)) {
    logger.warn({ reason: error.reason, error: error.message, retryInMs }, 'The reconcile failed; it is tried again');
  } else {
    const { message, stack } = error instanceof Error ? error : new Error(`Not an Error: ${typeof error}`);
    logger.error({ error: message, stack, retryInMs }, 'The reconcile threw, which is a defect; it is tried again');
  }
}
