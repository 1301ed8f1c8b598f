import type { Clock } from '../clock.ts';
import { unlessAborted } from '../unless-aborted.ts';

interface Options {
  clock: Clock;
  parent: AbortSignal;
  /** How long after the start, or after the last `extend()`, the time is up. */
  ms: number;
  /** Makes the error that the signal is aborted with. */
  error: () => Error;
}

/**
 * A signal that is aborted with its parent, or when its time is up. (`AbortSignal.any` and `AbortSignal.timeout` would
 * do the same by the clock of the machine, which a test cannot move.)
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #options: Options;
  readonly #follow: () => void;
  #due: number;
  #cancel: () => void = () => {};

  constructor(options: Options) {
    this.#options = options;
    const { clock, parent, ms } = options;
    this.#due = clock.elapsed() + ms;
    this.#follow = () => this.#controller.abort(parent.reason);
    if (parent.aborted) {
      this.#follow();
      return;
    }
    parent.addEventListener('abort', this.#follow, { once: true });
    this.#arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time anew, to end no sooner than it would have. Cheap: the timer finds out when it fires. */
  extend(ms = this.#options.ms): void {
    this.#due = this.#options.clock.elapsed() + ms;
  }

  /** No more limit of time; the parent is still followed. */
  lift(): void {
    this.#cancel();
  }

  /** `promise`, unless the signal is aborted first: for work that does not take a signal. */
  race<T>(promise: Promise<T>): Promise<T> {
    return unlessAborted(promise, this.signal);
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#options.parent.removeEventListener('abort', this.#follow);
  }

  #arm(): void {
    const { clock, error } = this.#options;
    this.#cancel = clock.after(this.#due - clock.elapsed(), () => {
      if (clock.elapsed() < this.#due) this.#arm();
      else this.#controller.abort(error());
    });
  }
}
