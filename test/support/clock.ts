import type { Clock } from '../../src/clock.ts';

interface Timer {
  due: number;
  fn: () => void;
}

/**
 * A clock that stands still until a test moves it. Timers fire in the order in which they are due (ties: in the order
 * in which they were set), each with `now()` standing at its due time, exactly as they would over real time.
 */
export class ManualClock implements Clock {
  #elapsed = 0;
  /** What the time of day is at zero. */
  #origin: number;
  readonly #timers = new Set<Timer>();

  /** @param now where the clock starts, in milliseconds since the epoch */
  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#origin = now;
  }

  now(): number {
    return this.#origin + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  /** Sets the time of day, as an administrator or NTP would; no timer cares. */
  set(now: number): void {
    this.#origin = now - this.#elapsed;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.#elapsed + Math.max(ms, 0), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are armed: to prove that nothing was left behind, or that something is waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer, or undefined when none is armed. */
  get nextIn(): number | undefined {
    const next = this.#next();
    return next && next.due - this.#elapsed;
  }

  /**
   * Moves time on by `ms`, firing what becomes due on the way, timers set meanwhile included. Before and after each
   * timer the code under test gets a chance to run (promises, immediates, I/O that is ready). What waits for a real
   * socket may need longer: poll for it with `vi.waitFor`.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(); next && next.due <= end; next = this.#next()) {
      this.#timers.delete(next);
      this.#elapsed = next.due;
      next.fn();
      await settle();
    }
    this.#elapsed = end;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.due < first.due) first = timer;
    return first;
  }
}

/** Lets promises, immediates and ready I/O run: a few turns of the event loop. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
