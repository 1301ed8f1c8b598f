import { Heap, type HeapItem } from '../../src/controller/heap.ts';

interface Timer extends HeapItem {
  due: number;
  order: number;
  fn: () => void;
  waiting: boolean;
}

/**
 * Time that passes only when nothing else is left to do: it jumps to the next thing that is due, and lets everything that
 * follows from it happen before it goes on. One run of it is the same as the next.
 */
export class VirtualTime {
  readonly #origin: number;
  readonly #timers = new Heap<Timer>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order));
  #elapsed = 0;
  #order = 0;

  /** @param origin the time of day at the start, in milliseconds since the epoch */
  constructor(origin: number) {
    this.#origin = origin;
  }

  now(): number {
    return this.#origin + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(ms: number, fn: () => void): () => void {
    const due = this.#elapsed + Math.max(ms, 0);
    const timer: Timer = { due, order: this.#order++, fn, position: 0, waiting: true };
    this.#timers.push(timer);
    return () => {
      if (timer.waiting) this.#timers.remove(timer);
      timer.waiting = false;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets `ms` pass. `check` is called after each step; what it throws ends the run. */
  async pass(ms: number, check: () => void = () => {}): Promise<void> {
    const end = this.#elapsed + ms;
    await settled();
    for (let next = this.#timers.first(); next && next.due <= end; next = this.#timers.first()) {
      this.#timers.remove(next);
      next.waiting = false;
      this.#elapsed = next.due;
      next.fn();
      await settled();
      check();
    }
    this.#elapsed = end;
  }
}

/** When all promises that could be settled are, and all that waited for them went on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
