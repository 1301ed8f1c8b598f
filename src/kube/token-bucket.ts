/** Lets `burst` through at once and then one per `refillMs`. */
export class TokenBucket {
  readonly #burst: number;
  readonly #refillMs: number;
  #tokens: number;
  #countedAt: number;

  /** @param options.now milliseconds, by `Clock.elapsed` */
  constructor({ burst, refillMs, now }: { burst: number; refillMs: number; now: number }) {
    this.#burst = burst;
    this.#refillMs = refillMs;
    this.#tokens = burst;
    this.#countedAt = now;
  }

  /** Whether one more may pass at `now`. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) / this.#refillMs);
    this.#countedAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
