import type { Clock } from '../clock.ts';

/** Calls `over` when so much time has passed, not counting the time in which it was paused. */
export class TimeLimit {
  readonly #clock: Clock;
  readonly #over: () => void;
  #leftMs: number;
  #startedAt = 0;
  #cancel: () => void = () => {};

  constructor({ clock, ms, over }: { clock: Clock; ms: number; over: () => void }) {
    this.#clock = clock;
    this.#over = over;
    this.#leftMs = ms;
    this.resume();
  }

  /** To be called once, until `resume`. */
  pause(): void {
    this.#cancel();
    this.#leftMs -= this.#clock.elapsed() - this.#startedAt;
  }

  resume(): void {
    this.#startedAt = this.#clock.elapsed();
    this.#cancel = this.#clock.after(this.#leftMs, this.#over);
  }

  cancel(): void {
    this.#cancel();
  }
}
