import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type Clock, dateOf } from '../clock.ts';
import { Bundles, type Download } from './bundles.ts';
import { AccountUnavailable, ProviderError } from './errors.ts';
import { Health, type Moment } from './health.ts';
import { differs, Inventory, type InventoryEntry, type RemoteRef, type Selector } from './inventory.ts';
import type { ProviderManager } from './manager.ts';
import type { NameRule } from './name-rule.ts';
import type { Call, ProviderClient } from './provider.ts';
import type { Outcome, Priority, Throttle } from './throttle.ts';

export type AccountChange =
  /** A new inventory; `changed` tells whether a reference now selects something else, or something that changed. */
  { kind: 'inventory'; changed: (ref: RemoteRef) => boolean } | { kind: 'fault' } | { kind: 'recovered' };

interface AccountOptions {
  clock: Clock;
  random: () => number;
  logger: Logger;
  client: ProviderClient;
  /** Absent where the cloud takes nothing. */
  manager?: ProviderManager | undefined;
  throttle: Throttle;
  selectors: readonly Selector[];
  pollIntervalMs: number;
}

/** A call, and what its end means. */
interface Attempt<T> {
  /** Given up for while it waits for its turn. */
  waiting: AbortSignal;
  signal: AbortSignal;
  refusal(): AccountUnavailable | undefined;
  make(call: Call): Promise<T>;
  succeeded(moment: Moment): void;
  /** @returns whether it is a fault of the account */
  failed(error: ProviderError, moment: Moment): boolean;
}

/** A list starts up to this part of the interval early, so that accounts do not stay in step. */
const pollJitter = 0.1;
/** For all requests of a call together: a list has some pages, or some hundred when a cloud has them small. */
const longestCallMs = 10 * 60_000;
/** How soon to come back when a list is under way that will tell. */
const soonMs = 5_000;
/** From so many known certificates on, most of them vanishing at once is not believed at first. */
const fewest = 2;

/**
 * One endpoint with one set of credentials. Lists its certificates by itself, once per poll for everybody, and
 * downloads what it is asked for, within its limits and once for everybody.
 */
export class Account {
  /** Tells accounts apart, also a later one for the same credentials. */
  readonly id = randomUUID();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #client: ProviderClient;
  readonly #manager: ProviderManager | undefined;
  readonly #throttle: Throttle;
  readonly #selectors: readonly Selector[];
  readonly #health: Health;
  readonly #bundles: Bundles;
  readonly #closed = new AbortController();
  readonly #handlers = new Set<(change: AccountChange) => void>();
  readonly #lastDownloads = new Map<string, { revision: string; at: number; digest: string }>();
  #pollIntervalMs: number;
  /** Aborted, and replaced, by each new fault: downloads that wait for their turn then give up. */
  #turnedAway = new AbortController();
  #inventory: Inventory | undefined;
  #lastSuccess: number | undefined;
  // By `Clock.elapsed`: the clock may be set while something waits.
  #doubtedAt: number | undefined;
  #listedOrOpened: number;
  /** The part of the poll interval after which the next list starts. */
  #jitter = 1;
  readonly #lists = { begun: 0, known: 0 };
  #listWanted = true;
  #listing = false;
  #cancelTimer: (() => void) | undefined;

  constructor({ clock, random, logger, client, manager, throttle, selectors, pollIntervalMs }: AccountOptions) {
    this.#clock = clock;
    this.#listedOrOpened = clock.elapsed();
    this.#random = random;
    this.#logger = logger;
    this.#client = client;
    this.#manager = manager;
    this.#throttle = throttle;
    this.#selectors = selectors;
    this.#pollIntervalMs = pollIntervalMs;
    this.#health = new Health(random);
    this.#bundles = new Bundles(clock);
    this.#plan();
  }

  /** The last complete inventory; kept through faults. */
  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  /** The fault of the account that is in force; since when by `Clock.elapsed`. */
  get fault(): { error: ProviderError; since: number } | undefined {
    return this.#health.fault;
  }

  /**
   * What a download would meet now, until when (a date, as the clock is set now), and whether lists meet it too (then a
   * `recovered` tells that it is over); undefined when a download may be tried, which is also how a fault that only
   * downloads showed is found to be over.
   */
  get obstacle(): { error: ProviderError; until: number; forLists: boolean } | undefined {
    const refusal = this.#refusal();
    return (
      refusal && {
        error: refusal.fault,
        until: this.#clock.now() + refusal.retryAfterMs,
        forLists: this.#health.awaitsList,
      }
    );
  }

  /** When a list last succeeded; milliseconds since the epoch. */
  get lastSuccess(): number | undefined {
    return this.#lastSuccess;
  }

  /** Since when nothing is known to be right: the last list that succeeded, or when a fault began. By `Clock.elapsed`. */
  get lastGood(): number {
    return Math.min(this.#listedOrOpened, this.fault?.since ?? Infinity);
  }

  /** How many lists were begun, and which of them the inventory is from: what changed after its beginning may not show. */
  get lists(): { readonly begun: number; readonly known: number } {
    return this.#lists;
  }

  /** The smallest of its holders. */
  get pollIntervalMs(): number {
    return this.#pollIntervalMs;
  }

  set pollIntervalMs(ms: number) {
    if (ms === this.#pollIntervalMs) return;
    this.#pollIntervalMs = ms;
    this.#plan();
  }

  /** Handlers are called soon after the state has changed. Returns a function that ends it. */
  subscribe(handler: (change: AccountChange) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Downloads a certificate, together with all others who want the same revision of it now.
   *
   * @param o.urgent a certificate that nobody has yet goes before refreshes
   * @param o.fresh what was downloaded a moment ago will not do
   * @throws AccountUnavailable at once when a fault of the account or a pause is in force, and when this download shows
   *   one; otherwise ProviderError about this certificate
   */
  async download(
    entry: InventoryEntry,
    o: { urgent: boolean; fresh?: boolean; signal: AbortSignal },
  ): Promise<Download> {
    this.#closed.signal.throwIfAborted();
    const { urgent, fresh = false, signal } = o;
    const fetch = (wanted: AbortSignal): Promise<Uint8Array[]> => this.#download(entry, urgent, wanted);
    const download = await this.#bundles.share(entry, { fresh, fetch, signal });
    this.#lastDownloads.set(entry.id, { revision: entry.revision, at: download.at, digest: download.digest });
    return download;
  }

  /** The last successful download of a certificate, for as long as it is listed. */
  lastDownload(id: string): { revision: string; at: number; digest: string } | undefined {
    return this.#lastDownloads.get(id);
  }

  /** How what is uploaded can be called; undefined where the cloud takes no uploads. */
  get uploadNames(): NameRule | undefined {
    return this.#manager?.names;
  }

  /**
   * Changes something in the account, or asks before a change, within the limits of the account and never twice.
   *
   * @throws AccountUnavailable when nothing was sent because of a fault of the account; otherwise ProviderError, as
   *   `ProviderManager` says
   */
  async manage<T>(work: (manager: ProviderManager, call: Call) => Promise<T>, signal: AbortSignal): Promise<T> {
    const manager = this.#manager;
    if (manager === undefined) throw new Error('nobody is asked to upload where nothing can be uploaded');
    this.#closed.signal.throwIfAborted();
    return this.#call('urgent', {
      waiting: AbortSignal.any([signal, this.#turnedAway.signal]),
      signal,
      refusal: () => this.#refusal(),
      make: (call) => work(manager, call),
      succeeded: () => {},
      // Reading is what an account is judged by: who may not write may still read.
      failed: () => false,
    });
  }

  /**
   * Begins a list as soon as no fault and no pause stands against it, without waiting for the next poll. The one that is
   * under way will not do: it may not show what has just changed.
   */
  listSoon(): void {
    this.#listWanted = true;
    this.#plan();
  }

  /** Ends everything that is under way, and zeroes the bundles that are kept. */
  close(): void {
    const reason = new AccountUnavailable(
      new ProviderError({ reason: 'ProviderUnavailable', message: 'The provider object changed meanwhile.' }),
      soonMs,
    );
    this.#cancelTimer?.();
    this.#closed.abort(reason);
    this.#bundles.clear(reason);
    this.#handlers.clear();
  }

  /** Arms the timer for the next list. Called whenever something changes that it depends on. */
  #plan(): void {
    if (this.#listing || this.#closed.signal.aborted) return;
    const now = this.#clock.elapsed();
    const { fault, awaitsList } = this.#health;
    const poll = this.#listWanted ? now : this.#listedOrOpened + this.#pollIntervalMs * this.#jitter;
    const due = fault && awaitsList ? fault.until : poll;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(
      Math.max(due - now, this.#throttle.refusal?.retryAfterMs ?? 0),
      () => void this.#list(),
    );
  }

  async #list(): Promise<void> {
    this.#listing = true;
    const { signal } = this.#closed;
    let began = { date: 0, elapsed: 0 };
    const entries = await this.#call('list', {
      waiting: signal,
      signal,
      refusal: () => this.#throttle.refusal,
      make: (call) => {
        this.#listWanted = false;
        this.#lists.begun++;
        began = { date: this.#clock.now(), elapsed: this.#clock.elapsed() };
        return this.#client.list(call);
      },
      succeeded: (moment) => {
        this.#lastSuccess = this.#clock.now();
        this.#listedOrOpened = this.#clock.elapsed();
        this.#jitter = 1 - pollJitter * this.#random();
        this.#health.listSucceeded(moment);
      },
      failed: (error, moment) => {
        this.#health.listFailed(error, moment);
        return true;
      },
    }).catch(() => undefined); // what is to be known of it is known by now
    this.#listing = false;
    if (entries === undefined) this.#listWanted = true;
    else this.#accept(entries, began);
    this.#plan();
  }

  /**
   * Most certificates vanishing at once is more often a fault of a list than a wish: what is missing stays known until
   * a list one poll later misses it too. What the list does show is believed at once.
   */
  #accept(entries: InventoryEntry[], began: { date: number; elapsed: number }): void {
    const before = this.#inventory;
    const options = { listedAt: began.date, selectors: this.#selectors };
    let after = new Inventory(entries, options);
    const missing = before?.missingFrom(after) ?? [];
    const doubtful = before !== undefined && before.size >= fewest && missing.length * 2 > before.size;
    if (!doubtful) {
      this.#doubtedAt = undefined;
    } else if (
      this.#doubtedAt === undefined ||
      began.elapsed - this.#doubtedAt < this.#pollIntervalMs * (1 - pollJitter)
    ) {
      this.#doubtedAt ??= this.#clock.elapsed();
      this.#logger.warn(
        { known: before.size, missing: missing.length },
        'most certificates vanished from the list; waiting for a second one',
      );
      after = new Inventory([...entries, ...missing], options);
    } else {
      this.#doubtedAt = undefined;
    }
    this.#inventory = after;
    this.#lists.known = this.#lists.begun;
    for (const id of this.#lastDownloads.keys()) if (!after.has(id)) this.#lastDownloads.delete(id);
    this.#logger.debug({ certificates: after.size }, 'listed');
    this.#tell({ kind: 'inventory', changed: (ref) => differs(before?.find(ref), after.find(ref)) });
  }

  #download(entry: InventoryEntry, urgent: boolean, signal: AbortSignal): Promise<Uint8Array[]> {
    return this.#call(urgent ? 'urgent' : 'refresh', {
      waiting: AbortSignal.any([signal, this.#turnedAway.signal]),
      signal,
      refusal: () => this.#refusal(),
      make: (call) => this.#client.download(entry, call),
      succeeded: (moment) => this.#health.downloadSucceeded(moment),
      failed: (error, moment) => this.#health.downloadFailed(entry.id, error, moment),
    });
  }

  /**
   * Waits for a turn and makes a call. Its turn ends only after all consequences are drawn, so that nobody is let in
   * who should have been refused.
   */
  async #call<T>(priority: Priority, o: Attempt<T>): Promise<T> {
    throwIf(o.refusal());
    const leave = await this.#throttle.enter(priority, o.waiting);
    const { faults } = this.#health;
    let outcome: Outcome = 'neutral';
    try {
      throwIf(o.refusal());
      const result = await o.make({ signal: o.signal, another: this.#further(o.signal) });
      outcome = 'success';
      this.#judge(() => o.succeeded(this.#moment(faults)));
      return result;
    } catch (thrown) {
      if (o.signal.aborted || thrown instanceof AccountUnavailable) throw thrown;
      const error = this.#asProviderError(thrown);
      if (error.reason === 'RateLimited' || error.reason === 'ProviderUnavailable') outcome = 'congestion';
      const shared = this.#judge(() => o.failed(error, this.#moment(faults)));
      this.#pauseFor(error);
      throw shared ? new AccountUnavailable(error, this.#refusal()?.retryAfterMs ?? soonMs) : error;
    } finally {
      leave(outcome);
    }
  }

  /** Leave for the further requests of a call, each of which has a time limit of its own; all together they have one, too. */
  #further(signal: AbortSignal): () => Promise<void> {
    let end = this.#clock.elapsed() + longestCallMs;
    return async () => {
      const asked = this.#clock.elapsed();
      if (asked > end) {
        const message = `The provider did not answer completely within ${longestCallMs / 60_000} minutes.`;
        throw new ProviderError({ reason: 'ProviderUnavailable', message });
      }
      await this.#throttle.another(signal);
      end += this.#clock.elapsed() - asked; // how long its turn takes is not the provider's doing
    };
  }

  #moment(faults: number): Moment {
    return { now: this.#clock.elapsed(), faults, pollIntervalMs: this.#pollIntervalMs };
  }

  /** Lets `update` change the health of the account, and acts upon the difference. */
  #judge<T>(update: () => T): T {
    const before = this.#health.fault;
    const result = update();
    const after = this.#health.fault;
    if (after === before) return result;
    if (after !== undefined) {
      this.#turnedAway.abort(this.#refusal());
      this.#turnedAway = new AbortController();
    }
    this.#plan();
    if (after?.error.reason !== before?.error.reason) {
      if (after) {
        const until = new Date(dateOf(this.#clock, after.until));
        this.#logger.warn({ reason: after.error.reason, until }, after.error.message);
      } else this.#logger.info('the provider works again');
      this.#tell({ kind: after ? 'fault' : 'recovered' });
    }
    return result;
  }

  /** Everybody who uses these credentials waits after a 401 or 429, and whenever the provider says for how long. */
  #pauseFor(error: ProviderError): void {
    const fault = this.#health.fault;
    const always = error.reason === 'AuthenticationFailed' || error.reason === 'RateLimited';
    if (error.retryAfterMs !== undefined) this.#throttle.pause(error.retryAfterMs, error);
    else if (always && fault) this.#throttle.pause(fault.until - this.#clock.elapsed(), error);
    this.#plan();
  }

  /** What a download meets now. */
  #refusal(): AccountUnavailable | undefined {
    const { fault, awaitsList } = this.#health;
    if (fault === undefined) return this.#throttle.refusal;
    const left = fault.until - this.#clock.elapsed();
    if (awaitsList) return new AccountUnavailable(fault.error, Math.max(left, soonMs));
    return this.#throttle.refusal ?? (left > 0 ? new AccountUnavailable(fault.error, left) : undefined);
  }

  /** Apart from what runs, so that an error of a handler is not taken for one of the provider. */
  #tell(change: AccountChange): void {
    for (const handler of this.#handlers) queueMicrotask(() => handler(change));
  }

  /** What a provider sends must not end the process; the message of an unforeseen error may hold parts of it. */
  #asProviderError(error: unknown): ProviderError {
    if (error instanceof ProviderError) return error;
    this.#logger.error(
      { error: error instanceof Error ? error.name : typeof error },
      'an answer of the provider caused an unforeseen error',
    );
    return new ProviderError({
      reason: 'InvalidResponse',
      message: 'The answer of the provider cannot be understood.',
    });
  }
}

function throwIf(error: Error | undefined): void {
  if (error) throw error;
}
