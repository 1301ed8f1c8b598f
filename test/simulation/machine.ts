import type { Clock } from '../../src/clock.ts';
import type { VirtualTime } from './virtual-time.ts';

/**
 * What one operator runs on. It can be stopped and go on, as a process can that gets no time on a busy node, and it can
 * die. Whatever happens in an operator begins here: with a timer, or with an answer.
 */
export class Machine implements Clock {
  readonly #time: VirtualTime;
  readonly #skewMs: number;
  #stopped: (() => void)[] | undefined;
  #awakeSince = 0;
  #dead = false;

  /** @param skewMs how much its clock is fast */
  constructor(time: VirtualTime, skewMs = 0) {
    this.#time = time;
    this.#skewMs = skewMs;
  }

  /** Gets no time just now. */
  get stopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** How long ago it last was stopped; 0 while it is. */
  get awakeForMs(): number {
    return this.stopped ? 0 : this.#time.elapsed() - this.#awakeSince;
  }

  get dead(): boolean {
    return this.#dead;
  }

  now(): number {
    return this.#time.now() + this.#skewMs;
  }

  elapsed(): number {
    return this.#time.elapsed();
  }

  after(ms: number, fn: () => void): () => void {
    return this.#time.after(ms, () => this.#enter(fn));
  }

  /** Until then nothing happens here; what came meanwhile happens then, in its order. */
  stopFor(ms: number): void {
    if (this.#dead || this.#stopped !== undefined) return;
    const held: (() => void)[] = [];
    this.#stopped = held;
    this.#time.after(ms, () => {
      this.#stopped = undefined;
      this.#awakeSince = this.#time.elapsed();
      for (const fn of held) this.#enter(fn);
    });
  }

  /** Nothing happens here any more. */
  die(): void {
    this.#dead = true;
  }

  /** Waits as the operator does: not longer than that, unless it is stopped, and for ever when it is dead. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  #enter(fn: () => void): void {
    if (this.#dead) return;
    if (this.#stopped !== undefined) this.#stopped.push(fn);
    else fn();
  }
}
