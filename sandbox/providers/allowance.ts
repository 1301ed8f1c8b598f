/** Lets through so many requests per second, as a gateway does: what a second did not use may come at once in the next. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #at: number;

  /** @param now milliseconds */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#at = now;
  }

  /** Whether one more request may pass; it is used up by that. */
  admits(now: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
