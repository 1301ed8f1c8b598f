import type { ProviderError, ProviderReason } from './errors.ts';

/** Reading is what an account is judged by. */
type Origin = 'list' | 'download';

/** A fault of the whole account. */
export interface Fault {
  error: ProviderError;
  /** Since when it is there, and when the account may be asked again; by `Clock.elapsed`. */
  since: number;
  until: number;
  origin: Origin;
}

/** When a call ended, by `Clock.elapsed`, and what it noted of `Health.faults` at its start. */
export interface Moment {
  now: number;
  faults: number;
  pollIntervalMs: number;
}

const firstDelayMs = 5_000;
/** So many different downloads that fail alike, with no success between, are a fault of the account. */
const alike = 3;

/**
 * Judges from how calls end whether the account as a whole is at fault, and when it may be asked again. Pure: it is told
 * the time.
 *
 * Any failed list is a fault of the account, and so are a 401 and a 429 anywhere. The list probes whether they are over;
 * a fault that only downloads show is over when a download succeeds.
 */
export class Health {
  readonly #random: () => number;
  #fault: Fault | undefined;
  #faults = 0;
  #steps = 0;
  #row: { reason: ProviderReason; ids: Set<string> } | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** To be noted when a call starts: a call that started before the last fault cannot tell anything new about it. */
  get faults(): number {
    return this.#faults;
  }

  /** Whether the list is what finds out that the fault is over, rather than the next download. */
  get awaitsList(): boolean {
    return (
      this.#fault !== undefined &&
      (this.#fault.origin === 'list' || this.#fault.error.reason === 'AuthenticationFailed')
    );
  }

  listSucceeded({ now, faults, pollIntervalMs }: Moment): void {
    if (this.#fault === undefined || faults !== this.#faults) return;
    const unused = now - this.#fault.until > pollIntervalMs; // nobody downloads any more
    if (!this.awaitsList && this.#fault.error.reason !== 'RateLimited' && !unused) return;
    // A list that works says little about a fault that downloads met: their back-off goes on where it stood.
    if (this.#fault.origin === 'list') this.#steps = 0;
    this.#fault = undefined;
  }

  listFailed(error: ProviderError, moment: Moment): void {
    this.#fail(error, 'list', moment);
  }

  downloadSucceeded({ faults }: Moment): void {
    this.#row = undefined;
    if (faults !== this.#faults) return;
    this.#steps = 0;
    this.#fault = undefined;
  }

  /** @returns whether this is a fault of the account, rather than of this certificate alone */
  downloadFailed(id: string, error: ProviderError, moment: Moment): boolean {
    if (error.concernsCertificate) {
      this.#row = undefined;
      return false;
    }
    if (this.#row?.reason !== error.reason) this.#row = { reason: error.reason, ids: new Set() };
    if (this.#row.ids.size < alike) this.#row.ids.add(id);
    const always = error.reason === 'AuthenticationFailed' || error.reason === 'RateLimited';
    const shared = always || this.#row.ids.size === alike || this.#fault?.error.reason === error.reason;
    if (shared && (this.#fault === undefined || moment.faults === this.#faults)) this.#fail(error, 'download', moment);
    return shared;
  }

  #fail(error: ProviderError, origin: Origin, { now, pollIntervalMs }: Moment): void {
    const former = this.#fault?.error.reason === error.reason ? this.#fault : undefined;
    const delay = error.retryAfterMs ?? this.#backoff(pollIntervalMs);
    this.#fault = { error: former?.error ?? error, since: former?.since ?? now, until: now + delay, origin };
    this.#faults++;
  }

  /**
   * 5 s, doubled with each step up to twice the poll interval and at most 10 min, less up to half of it by chance. A
   * fault thus never makes the account much slower to notice things than it is without.
   */
  #backoff(pollIntervalMs: number): number {
    const longest = Math.min(600_000, 2 * pollIntervalMs);
    const delay = Math.min(firstDelayMs * 2 ** this.#steps++, longest);
    return delay * (1 - this.#random() / 2);
  }
}
