import type { AnyObject } from './kinds.ts';
import type { Change } from './collection.ts';
import type { Selects } from './selectors.ts';

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: AnyObject;
}

/** What a change is to somebody who watches some of the objects; undefined when it is nothing to them. */
export function eventOf({ version, before, after }: Change, selects: Selects): WatchEvent | undefined {
  const was = before !== undefined && selects(before);
  const is = after !== undefined && selects(after);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: after };
  if (!was) return undefined;
  // What is gone, or selected no longer, is shown as it was last seen, at the version at which it went.
  return { type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } } };
}

/** The stream of one watch: what is pushed comes out in order, until it is ended. */
export class Watch {
  readonly #waiting: object[] = [];
  #isEnded = false;
  #wake: () => void = () => {};

  push(event: object): void {
    this.#waiting.push(event);
    this.#wake();
  }

  /** What was pushed before still comes out. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Throws the reason of the signal when that is aborted. */
  async *events(signal: AbortSignal): AsyncGenerator<object> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const event = this.#waiting.shift();
        if (event) yield event;
        else if (this.#isEnded) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
