import type { Clock } from '../clock.ts';

const firstMs = 800;
const longestMs = 30_000;
const healthyMs = 120_000;

/**
 * How long to wait before listing or watching again: 0.8 s, doubled up to 30 s, up to as much again by chance so that
 * many clients do not come back at the same moment; from the start after 2 min without a fault. These are the numbers
 * of client-go's reflector.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #next = firstMs;
  #lastFault = -Infinity;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Whatever was wrong before is over: the next wait is the first one again. */
  reset(): void {
    this.#next = firstMs;
  }

  /** Counts a fault and returns the milliseconds to wait. */
  next(): number {
    const now = this.#clock.elapsed();
    if (now - this.#lastFault > healthyMs) this.#next = firstMs;
    const wait = this.#next * (1 + this.#random());
    this.#next = Math.min(this.#next * 2, longestMs);
    this.#lastFault = now + wait;
    return wait;
  }
}
