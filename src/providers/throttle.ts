import type { Clock } from '../clock.ts';
import { AccountUnavailable, type ProviderError } from './errors.ts';
import { InFlightLimit, TokenBucket } from './limit.ts';

/** Who goes first: the list, then certificates that nobody has yet, then refreshes. */
export type Priority = 'list' | 'urgent' | 'refresh';

/** What the end of a call says about the provider; `neutral` when it says nothing (a refusal, or the caller gave up). */
export type Outcome = 'success' | 'congestion' | 'neutral';

export interface Limits {
  inFlight: number;
  requestsPerMinute?: number | undefined;
}

interface Waiting {
  /** By `Clock.elapsed`. */
  since: number;
  enter(): void;
  refuse(error: AccountUnavailable): void;
}

/** A refresh that waited so long takes every second turn from new certificates; in milliseconds. */
const refreshPatienceMs = 60_000;

/** Lets the calls to one provider with one set of credentials through: so many at once, so many per minute, or none. */
export class Throttle {
  readonly #clock: Clock;
  readonly #limit: InFlightLimit;
  readonly #waiting: Record<Priority | 'another', Set<Waiting>> = {
    another: new Set(),
    list: new Set(),
    urgent: new Set(),
    refresh: new Set(),
  };
  #bucket: TokenBucket | undefined;
  #running = 0;
  #lastWasOverdue = false;
  #pause: { error: ProviderError; until: number } | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limit = new InFlightLimit(limits.inFlight);
    this.configure(limits);
  }

  configure({ inFlight, requestsPerMinute }: Limits): void {
    this.#limit.max = inFlight;
    const now = this.#clock.elapsed();
    if (requestsPerMinute === undefined) this.#bucket = undefined;
    else if (this.#bucket === undefined) this.#bucket = new TokenBucket(requestsPerMinute, now);
    else this.#bucket.change(requestsPerMinute, now);
    this.#admit();
  }

  get inFlight(): number {
    return this.#running;
  }

  get inFlightLimit(): number {
    return this.#limit.value;
  }

  /** The pause in force, as the error that a call meets now. */
  get refusal(): AccountUnavailable | undefined {
    if (this.#pause === undefined) return undefined;
    const left = this.#pause.until - this.#clock.elapsed();
    return left > 0 ? new AccountUnavailable(this.#pause.error, left) : undefined;
  }

  /** Lets nothing through for `ms`, and refuses what waits. What runs goes on. A longer pause in force stays. */
  pause(ms: number, error: ProviderError): void {
    const until = this.#clock.elapsed() + ms;
    if (until <= (this.#pause?.until ?? 0)) return;
    this.#pause = { error, until };
    for (const queue of Object.values(this.#waiting))
      for (const waiting of queue) waiting.refuse(new AccountUnavailable(error, ms));
  }

  /**
   * Waits for a turn.
   *
   * @returns to be called once, when the call has ended
   * @throws AccountUnavailable when paused, or the reason of the signal
   */
  async enter(priority: Priority, signal: AbortSignal): Promise<(outcome: Outcome) => void> {
    await this.#turn(priority, signal);
    const { halvings } = this.#limit;
    return (outcome) => {
      if (outcome === 'success') this.#limit.succeeded(this.#running);
      if (outcome === 'congestion') this.#limit.congested(halvings);
      this.#running--;
      this.#admit();
    };
  }

  /**
   * Waits for leave to send one more request within a call that has its turn; it comes before all calls that have none yet,
   * or those that follow could take every token for ever. Throws as `enter`.
   */
  another(signal: AbortSignal): Promise<void> {
    return this.#turn('another', signal);
  }

  #turn(priority: Priority | 'another', signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusal = signal.aborted ? signal.reason : this.refusal;
      if (refusal !== undefined) return reject(refusal);
      const leave = (): void => {
        queue.delete(waiting);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const waiting: Waiting = {
        since: this.#clock.elapsed(),
        enter: () => {
          leave();
          resolve();
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const queue = this.#waiting[priority];
      queue.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#admit();
    });
  }

  /** Who goes next: see {@link Priority}, but nobody waits for ever. */
  #next(): Waiting | undefined {
    const [another] = this.#waiting.another;
    if (another !== undefined) return another;
    // Those who have no turn yet.
    if (this.#running >= this.#limit.value) return undefined;
    const [[list], [urgent], [refresh]] = [this.#waiting.list, this.#waiting.urgent, this.#waiting.refresh];
    if (list !== undefined) return list;
    const overdue = refresh !== undefined && this.#clock.elapsed() - refresh.since >= refreshPatienceMs;
    return overdue && !this.#lastWasOverdue ? refresh : (urgent ?? refresh);
  }

  #admit(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const wait = this.#bucket?.take(this.#clock.elapsed()) ?? 0;
      if (wait > 0) {
        this.#cancelTimer = this.#clock.after(wait, () => this.#admit());
        return;
      }
      if (!this.#waiting.another.has(next)) {
        this.#running++;
        this.#lastWasOverdue = this.#waiting.refresh.has(next);
      }
      next.enter();
    }
  }
}
