/** Where every account starts: enough to be quick, too little to hurt. */
const firstWindow = 8;

/**
 * How many calls may run at once, learned from how they end, as TCP learns its window: it doubles per round trip while
 * all succeed, grows by one per round trip after the first congestion, and is halved by each.
 */
export class InFlightLimit {
  #max: number;
  #window: number;
  #slowStart = true;
  #halvings = 0;

  constructor(max: number) {
    this.#max = max;
    this.#window = Math.min(firstWindow, max);
  }

  get value(): number {
    return Math.floor(this.#window);
  }

  /** To be noted when a call starts and given to `congested` when it ends. */
  get halvings(): number {
    return this.#halvings;
  }

  set max(max: number) {
    this.#max = max;
    this.#window = Math.min(this.#window, max);
  }

  /**
   * @param running how many calls ran, this one included. A window that is not used proves nothing and does not grow,
   *   so a quiet account does not start its next burst with a limit that was never tried.
   */
  succeeded(running: number): void {
    if (running * 2 < this.value) return;
    this.#window = Math.min(this.#max, this.#window + (this.#slowStart ? 1 : 1 / this.#window));
  }

  /**
   * The provider was overrun, or is in trouble.
   *
   * @param halvings as noted at the start of the call: calls of one round trip fail together and halve only once
   */
  congested(halvings: number): void {
    if (halvings !== this.#halvings) return;
    this.#halvings++;
    this.#slowStart = false;
    this.#window = Math.max(1, this.#window / 2);
  }
}

/** How many seconds' worth of requests may be sent in one burst. */
const burstSeconds = 5;

/** Holds requests to a number per minute. */
export class TokenBucket {
  #perMinute: number;
  #tokens: number;
  #at: number;

  /** @param now milliseconds, by `Clock.elapsed` */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute;
    this.#tokens = this.#burst;
    this.#at = now;
  }

  get #burst(): number {
    return Math.max(1, (this.#perMinute / 60) * burstSeconds);
  }

  /** From now on as many. What was taken stays taken: who changes it again and again gets no more by that. */
  change(perMinute: number, now: number): void {
    this.#fill(now);
    this.#perMinute = perMinute;
    this.#fill(now);
  }

  /** Takes a token. Returns 0, or in how many milliseconds there will be one. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) * 60_000) / this.#perMinute);
  }

  #fill(now: number): void {
    const gained = (Math.max(now - this.#at, 0) * this.#perMinute) / 60_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#at = now;
  }
}
