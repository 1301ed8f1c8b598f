import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { InventoryEntry } from './inventory.ts';
import { unlessAborted } from '../unless-aborted.ts';

/** What a download gave. `parts` is zeroed soon: use it before the next `await`. */
export interface Download {
  parts: readonly Uint8Array[];
  /** SHA-256 of the bytes, in hex. */
  digest: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** For how long a bundle serves others that want it too; it holds a private key. */
const keepMs = 30_000;
/** All kept bundles together; far more than those that just arrived and are not used yet. */
const keepBytes = 8 * 1024 * 1024;

interface Flight {
  result: Promise<Download>;
  abort: AbortController;
  /** Begun for somebody who knew that what was there is out of date. */
  fresh: boolean;
  wantedBy: number;
}

/** One download per certificate and revision, for everybody who wants it at that time. */
export class Bundles {
  readonly #clock: Clock;
  readonly #flights = new Map<string, Flight>();
  readonly #kept = new Map<string, { download: Download; drop: () => void }>();
  /** Zero what is in memory, whether it still serves others or not. */
  readonly #dropping = new Set<() => void>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The kept bundle, or the one that is under way, or a new one.
   *
   * @param o.fresh a kept bundle will not do: somebody knows that it is out of date
   * @param o.fetch makes the download; its signal is aborted when nobody wants it any more
   */
  async share(
    entry: InventoryEntry,
    o: { fresh: boolean; fetch: (signal: AbortSignal) => Promise<Uint8Array[]>; signal: AbortSignal },
  ): Promise<Download> {
    const { fresh, fetch, signal } = o;
    signal.throwIfAborted();
    const key = JSON.stringify([entry.id, entry.revision]);
    const kept = this.#kept.get(key);
    // What was fetched or asked for before is not used; its bytes go when their time has come, as others may hold them.
    if (fresh) this.#kept.delete(key);
    else if (kept !== undefined) return kept.download;
    const underWay = this.#flights.get(key);
    const flight = underWay !== undefined && (underWay.fresh || !fresh) ? underWay : this.#start(key, fresh, fetch);
    flight.wantedBy++;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.wantedBy--;
      if (flight.wantedBy === 0 && this.#flights.get(key) === flight) {
        this.#flights.delete(key);
        flight.abort.abort(signal.reason);
      }
    }
  }

  /** Ends what is under way and zeroes what is kept. */
  clear(reason: Error): void {
    for (const { abort } of this.#flights.values()) abort.abort(reason);
    for (const drop of this.#dropping) drop();
  }

  #start(key: string, fresh: boolean, fetch: (signal: AbortSignal) => Promise<Uint8Array[]>): Flight {
    const abort = new AbortController();
    const result = fetch(abort.signal)
      .then((parts) => {
        if (abort.signal.aborted) {
          zero(parts);
          throw abort.signal.reason;
        }
        return this.#keep(key, parts);
      })
      .finally(() => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      });
    const flight: Flight = { result, abort, fresh, wantedBy: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  #keep(key: string, parts: Uint8Array[]): Download {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const download = { parts, digest: hash.digest('hex'), at: this.#clock.now() };
    const drop = (): void => {
      cancel();
      this.#dropping.delete(drop);
      if (this.#kept.get(key)?.download === download) this.#kept.delete(key);
      this.#bytes -= bytes;
      zero(parts);
    };
    const cancel = this.#clock.after(keepMs, drop);
    this.#dropping.add(drop);
    this.#kept.set(key, { download, drop });
    this.#bytes += bytes;
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= keepBytes) break;
      oldest.drop();
    }
    return download;
  }
}

function zero(parts: readonly Uint8Array[]): void {
  for (const part of parts) part.fill(0);
}
