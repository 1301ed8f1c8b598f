import { ProviderError } from '../../src/providers/errors.ts';
import type { InventoryEntry } from '../../src/providers/inventory.ts';
import { nhn } from '../../src/providers/nhn/index.ts';
import type { Call, Provider, ProviderClient } from '../../src/providers/provider.ts';
import type { Machine } from './machine.ts';
import type { Bundle } from './pool.ts';
import type { Random } from './random.ts';
import type { Variation } from './variation.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How often a cloud does not do what it is asked; each in [0, 1], per call. */
export interface Mood {
  throttled: number;
  /** 503, a reset, an answer that cannot be understood. */
  failing: number;
  /** A list that lacks most of what is there. */
  forgetful: number;
  slow: number;
}

export const goodMood: Mood = { throttled: 0, failing: 0, forgetful: 0, slow: 0 };

interface Held {
  bundle: Bundle;
  /** Counts the uploads. */
  nth: number;
  /** YYYY-MM-DD. */
  day: string;
}

/** What one operator knows from its lists. */
interface Told {
  /** What was in the last lists, all the same and without gaps, and how many they were. */
  ids: ReadonlySet<string>;
  lists: number;
  /** What was in them and is still there, but was left out of the very last. */
  leftOut: ReadonlySet<string>;
}

const toldNothing: Told = { ids: new Set(), lists: 0, leftOut: new Set() };

/** A certificate manager like that of NHN Cloud, for one account: lists show only the day of an upload. */
export class Cloud {
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #variation: Variation;
  readonly #held = new Map<string, Held>();
  /** All that was ever handed out under a name, by generation. */
  readonly #served = new Map<string, Set<number>>();
  mood: Mood = goodMood;
  /** Which secret access key is let in. */
  secret = 'secret-1';
  /** Calls under way, by who made them. */
  readonly #running = new Map<Machine, number>();
  /** The most that one operator had under way at the same time. */
  mostAtOnce = 0;
  lists = 0;
  downloads = 0;
  #uploads = 0;
  /** What the lists that an operator got last have in common, by where it runs. */
  readonly #told = new Map<Machine, Told>();
  /** Told of each call: how many one account has made within a minute. */
  onCall: (withinMinute: number) => void = () => {};
  /** Told of each download when it begins, and when it gave something. */
  onDownload: (event: 'begins' | 'gave', machine: Machine, id: string, revision: string) => void = () => {};

  constructor(random: Random, time: VirtualTime, variation: Variation) {
    this.#random = random;
    this.#time = time;
    this.#variation = variation;
  }

  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Whether the certificate of this generation was ever there under this name. */
  hasServed(name: string, generation: number): boolean {
    return this.#served.get(name)?.has(generation) ?? false;
  }

  upload(bundle: Bundle, day: string): void {
    this.#held.set(bundle.name, { bundle, day, nth: ++this.#uploads });
    const served = this.#served.get(bundle.name) ?? new Set();
    this.#served.set(bundle.name, served.add(bundle.generation));
  }

  remove(name: string): void {
    this.#held.delete(name);
  }

  /** Whether an operator on this machine saw the certificate in list after list, and only the last one, which was short, lacks it. */
  leftOut(name: string, machine: Machine): boolean {
    return this.#told.get(machine)?.leftOut.has(name) ?? false;
  }

  /** The provider as an operator on this machine knows it: everything as at NHN Cloud, but for the wire. */
  on(machine: Machine): Provider {
    return {
      ...nhn,
      connect: ({ credentials }) => this.#client(machine, credentials['secretAccessKey'] ?? ''),
    };
  }

  #client(machine: Machine, secret: string): ProviderClient {
    this.#told.delete(machine);
    let recent: number[] = [];
    const count = (): void => {
      const now = this.#time.elapsed();
      recent = [...recent.filter((at) => now - at < 60_000), now];
      this.onCall(recent.length);
    };
    return {
      list: async (call) => {
        count();
        const first = this.#variation.pages ? await this.#page(machine, call, secret, count) : [];
        return this.#call(machine, call, secret, () => this.#list(machine, first));
      },
      download: ({ id, revision }, call) => {
        count();
        this.onDownload('begins', machine, id, revision);
        return this.#call(machine, call, secret, () => {
          const parts = this.#download(id);
          this.onDownload('gave', machine, id, revision);
          return parts;
        });
      },
    };
  }

  async #call<T>(machine: Machine, { signal }: Call, secret: string, answer: () => T): Promise<T> {
    const running = (this.#running.get(machine) ?? 0) + 1;
    this.#running.set(machine, running);
    this.mostAtOnce = Math.max(this.mostAtOnce, running);
    try {
      // Like a client that is told to stop, and unlike one whose machine has died.
      return await new Promise<T>((resolve, reject) => {
        const onAbort = (): void => {
          cancel();
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        const cancel = machine.after(this.#latency(), () => {
          signal.removeEventListener('abort', onAbort);
          try {
            if (secret !== this.secret) throw failure('AuthenticationFailed');
            this.#fail();
            resolve(answer());
          } catch (error) {
            reject(error);
          }
        });
        if (signal.aborted) onAbort();
      });
    } finally {
      this.#running.set(machine, (this.#running.get(machine) ?? 1) - 1);
    }
  }

  /** The first of two pages, as things stand while the second is yet to be asked for. */
  async #page(machine: Machine, call: Call, secret: string, again: () => void): Promise<InventoryEntry[]> {
    const page = await this.#call(machine, call, secret, () => this.#entries().slice(0, 1));
    await call.another();
    again();
    return page;
  }

  #entries(): InventoryEntry[] {
    return Array.from(this.#held, ([name, { bundle, day, nth }]) => {
      const expires = new Date(bundle.notAfter).toISOString().slice(0, 10);
      const entry = { id: name, name, notAfter: expires };
      return this.#variation.exactRevisions
        ? { ...entry, revision: String(nth) }
        : { ...entry, revision: `${day}/${expires}`, day };
    });
  }

  /** The whole list, of which a page was read before. */
  #list(machine: Machine, before: readonly InventoryEntry[]): InventoryEntry[] {
    this.lists++;
    const known = new Set(before.map(({ id }) => id));
    const entries = [...before, ...this.#entries().filter(({ id }) => !known.has(id))];
    const given = this.#random.chance(this.mood.forgetful) ? entries.slice(0, Math.floor(entries.length / 3)) : entries;
    this.#remember(machine, entries, given);
    return given;
  }

  #remember(machine: Machine, entries: readonly InventoryEntry[], given: readonly InventoryEntry[]): void {
    const there = new Set(entries.map(({ id }) => id));
    const { ids, lists } = this.#told.get(machine) ?? toldNothing;
    if (given.length === entries.length) {
      const same = ids.symmetricDifference(there).size === 0;
      this.#told.set(machine, { ids: there, lists: same ? lists + 1 : 1, leftOut: new Set() });
      return;
    }
    const lacking = there.difference(new Set(given.map(({ id }) => id)));
    const vanished = ids.intersection(lacking);
    const suspicious = lists >= 2 && ids.size >= 2 && vanished.size * 2 > ids.size;
    this.#told.set(machine, { ...toldNothing, leftOut: suspicious ? vanished : new Set() });
  }

  #download(name: string): Uint8Array[] {
    this.downloads++;
    const held = this.#held.get(name);
    if (held === undefined) throw failure('CertificateNotFound');
    return [Buffer.from(held.bundle.bytes)];
  }

  #fail(): void {
    if (this.#random.chance(this.mood.throttled))
      throw failure('RateLimited', this.#random.pick([undefined, 5_000, 60_000]));
    if (this.#random.chance(this.mood.failing))
      throw failure(this.#random.pick(['ProviderUnavailable', 'InvalidResponse', 'PermissionDenied']));
  }

  #latency(): number {
    const slow = this.#random.chance(this.mood.slow);
    return slow ? this.#random.between(1_000, 40_000) : this.#random.between(50, 500);
  }
}

function failure(
  reason: ConstructorParameters<typeof ProviderError>[0]['reason'],
  retryAfterMs?: number | undefined,
): ProviderError {
  return new ProviderError({ reason, message: `The simulated cloud says ${reason}.`, retryAfterMs });
}
