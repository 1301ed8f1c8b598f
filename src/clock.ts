/** Where every room gets its time from, so that tests and simulations can drive it. */
export interface Clock {
  /** Milliseconds since the epoch. May be set, forwards and backwards: for dates, and for what others are told. */
  now(): number;
  /** Milliseconds since some moment; only ever goes forwards: for measuring and waiting. */
  elapsed(): number;
  /** Calls `fn` once, `ms` milliseconds from now (any length, never early). Returns a function that cancels it. */
  after(ms: number, fn: () => void): () => void;
}

/** `setTimeout` fires at once for anything longer than this (2^31 - 1 ms, 24.8 days). */
const longestTimeout = 2 ** 31 - 1;

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, fn) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(Math.max(Math.ceil(left), 0), longestTimeout);
      timer = setTimeout(() => (left > step ? arm(left - step) : fn()), step);
      timer.unref();
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};

/**
 * The date of a moment that was told by `elapsed`, as the clock is set now. Whatever waits keeps its end by `elapsed`, so
 * that a clock that is set neither stops nor hastens it, and turns it into a date anew each time it is looked at: what
 * compares dates then needs no second clock, and no clock of its own that a correction would leave behind. What was told
 * to others as a date stays what the clock said then.
 */
export function dateOf(clock: Clock, elapsed: number): number {
  return clock.now() + (elapsed - clock.elapsed());
}

/** The same for something that waits. */
export function dated<T extends { until: number }>(clock: Clock, wait: T | undefined): T | undefined {
  return wait && { ...wait, until: dateOf(clock, wait.until) };
}

/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
