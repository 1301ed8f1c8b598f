import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { sleep } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { printable } from '../printable.ts';
import type { KubeClient } from './client.ts';
import { KubeError, isNamespaceTerminating, isNotFound } from './errors.ts';
import { events, timestamp } from './objects.ts';
import type { Manifest } from './objects.ts';
import { Recent } from './recent.ts';
import { TokenBucket } from './token-bucket.ts';

// The numbers of client-go's event correlator.
const remembered = 4_096;
const bucket = { burst: 25, refillMs: 300_000 };
const similarLimit = 10;
const similarMs = 600_000;
const attempts = 12;
const retryMs = 10_000;

const maxPending = 4_096;
const maxMessageChars = 1_024;
const flushMs = 1_500;

/** The object that an event is about. */
export interface Regarding {
  apiVersion: string;
  kind: string;
  namespace?: string | undefined;
  name: string;
  uid: string;
}

export interface Happening {
  type: 'Normal' | 'Warning';
  /** One word in CamelCase. */
  reason: string;
  message: string;
}

/** One Event object on the server: the same thing, happened `count` times. */
interface Series {
  regarding: Regarding;
  happening: Happening;
  count: number;
  firstMs: number;
  lastMs: number;
  name: string;
  exists: boolean;
  /** In a row. */
  failures: number;
}

/** Happenings that differ in the message alone. */
interface Similar {
  messages: Set<string>;
  /** By `Clock.elapsed`. */
  lastMs: number;
}

interface Options {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  /** Shown as the source of the events. */
  component: string;
  /** Which of its instances: the name of the pod. */
  instance: string;
}

/**
 * Writes core/v1 Events, in the background and with manners: a repetition raises the count of the event that is there,
 * many similar ones become one, and each object has a budget. Losing an event is bearable; waiting for one is not.
 */
export class EventRecorder {
  readonly #options: Options;
  readonly #buckets = new Recent<TokenBucket>(remembered);
  readonly #similar = new Recent<Similar>(remembered);
  readonly #series = new Recent<Series>(remembered);
  readonly #pending = new Set<Series>();
  #wake: () => void = () => {};

  constructor(options: Options) {
    this.#options = options;
  }

  /** Takes note of something that happened. Never blocks and never throws. */
  record(regarding: Regarding, { type, reason, message: told }: Happening): void {
    const message = printable(told, maxMessageChars); // whoever put what into it
    const now = this.#options.clock.now();
    const elapsed = this.#options.clock.elapsed();
    if (!this.#buckets.obtain(regarding.uid, () => new TokenBucket({ ...bucket, now: elapsed })).take(elapsed)) return;
    const kindOfEvent = [regarding.uid, type, reason].join('\n');
    const combined = this.#isFlood(kindOfEvent, message, elapsed);
    const shown = combined ? printable(`(combined from similar events) ${message}`, maxMessageChars) : message;
    const series = this.#series.obtain(combined ? kindOfEvent : `${kindOfEvent}\n${message}`, () => ({
      regarding,
      happening: { type, reason, message: shown },
      count: 0,
      firstMs: now,
      lastMs: now,
      name: eventName(regarding.name),
      exists: false,
      failures: 0,
    }));
    series.happening.message = shown;
    series.count++;
    series.lastMs = now;
    if (this.#pending.size < maxPending) this.#pending.add(series);
    this.#wake();
  }

  /** Sends until the signal is aborted and everything is sent, or 1.5 s have passed since; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const calls = new AbortController();
    let cancelFlush: (() => void) | undefined;
    const onStop = (): void => {
      cancelFlush = clock.after(flushMs, () => calls.abort());
      this.#wake();
    };
    if (signal.aborted) onStop();
    signal.addEventListener('abort', onStop, { once: true });
    while (!calls.signal.aborted) {
      const [next] = this.#pending;
      if (next) await this.#send(next, calls.signal);
      else if (signal.aborted) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    cancelFlush?.();
  }

  /** Ten different messages within ten minutes of each other are a flood, until there was silence for as long. */
  #isFlood(kindOfEvent: string, message: string, now: number): boolean {
    const similar = this.#similar.obtain(kindOfEvent, () => ({ messages: new Set(), lastMs: now }));
    if (now - similar.lastMs > similarMs) similar.messages.clear();
    similar.lastMs = now;
    if (similar.messages.has(message)) return false;
    if (similar.messages.size >= similarLimit) return true;
    similar.messages.add(message);
    return false;
  }

  async #send(series: Series, signal: AbortSignal): Promise<void> {
    this.#pending.delete(series);
    try {
      await this.#write(series, signal);
      series.failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      await this.#putBack(series, error, signal);
    }
  }

  async #write(series: Series, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { regarding, happening, count, lastMs, name } = series;
    const namespace = regarding.namespace ?? 'default'; // where the server wants events about cluster-scoped objects
    if (series.exists) {
      const patch = { count, lastTimestamp: timestamp(lastMs), message: happening.message };
      try {
        await client.mergePatch(events, { namespace, name }, patch, { signal });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error; // the server forgets events after an hour
      }
    }
    await client.create(events, this.#manifest(series, namespace), { signal }).catch((error: unknown) => {
      // An earlier attempt arrived, only its answer did not.
      if (!(error instanceof KubeError) || error.reason !== 'AlreadyExists') throw error;
    });
    series.exists = true;
  }

  #manifest({ name, regarding, happening, count, firstMs, lastMs }: Series, namespace: string): Manifest {
    const { component, instance } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: regarding,
      ...happening,
      count,
      firstTimestamp: timestamp(firstMs),
      lastTimestamp: timestamp(lastMs),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }

  /** An outage is waited out; what the server does not want is dropped, in a namespace that is going away without a word. */
  async #putBack(series: Series, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const retryable = error instanceof KubeError && error.retryable && ++series.failures < attempts;
    if (isNamespaceTerminating(error)) return;
    if (!retryable) {
      logger.warn({ err: error, reason: series.happening.reason }, 'an event could not be recorded');
      return;
    }
    this.#pending.add(series);
    await sleep(clock, Math.max(retryMs, error.retryAfterMs ?? 0), signal).catch(() => {});
  }
}

/** Unique, and a valid name: that of the object, cut if need be, and 64 random bits. */
function eventName(name: string): string {
  return `${name.slice(0, 236).replace(/[.-]+$/, '')}.${randomBytes(8).toString('hex')}`;
}
