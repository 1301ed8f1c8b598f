import type { Logger } from 'pino';
import { sleep } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { Backoff } from './backoff.ts';
import type { WatchEvent } from './answers.ts';
import type { KubeClient, Selection } from './client.ts';
import { Deadline } from './deadline.ts';
import { KubeError, isExpired, timeout } from './errors.ts';
import { objectKey } from './objects.ts';
import type { KubeObject, Resource } from './objects.ts';
import type { Store } from './store.ts';

/**
 * Bookmarks come every minute, but the first one may take two: a watch that is silent for longer is dead, however quiet
 * the resource is.
 */
const stallMs = 180_000;
/** A watch that ends sooner is counted as a fault: without a pause the next one would end as soon. */
const shortestWatchMs = 1_000;
/** Watches last 5 to 10 min, by chance, so that those of many clients do not end together. */
const shortestTimeoutSeconds = 300;

interface Options<T extends KubeObject> extends Selection {
  client: KubeClient;
  resource: Resource;
  /** Several reflectors may feed one store if each has a namespace of its own. */
  store: Store<T>;
  metadataOnly?: boolean;
  /** Turns what the server sent into what the store keeps: here is the place to drop what is not needed. */
  decode?: (raw: KubeObject) => T;
  logger: Logger;
  clock: Clock;
  random?: () => number;
}

/**
 * Keeps a store equal to the objects on the API server: lists once, then watches from there on. Whatever goes wrong is
 * logged and tried again with back-off. It lists anew only when the server has forgotten the version last seen (410).
 */
export class Reflector<T extends KubeObject> {
  /** Resolves with the first complete list; never rejects. */
  readonly synced: Promise<void>;
  readonly #options: Options<T>;
  readonly #selection: Selection & { metadataOnly: boolean };
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #setSynced: () => void;
  #hasSynced = false;
  #restarts = 0;
  /** The last fault was a 410. */
  #expired = false;
  /** Where to watch from; undefined: list first. */
  #resourceVersion: string | undefined;

  constructor(options: Options<T>) {
    const { namespace, labelSelector, fieldSelector, metadataOnly = false, resource, logger, clock } = options;
    this.#options = options;
    this.#selection = { namespace, labelSelector, fieldSelector, metadataOnly };
    this.#logger = logger.child({ resource: resource.plural, namespace });
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(clock, this.#random);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#setSynced = resolve;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** How often a list or watch broke off; watches that ended as planned do not count. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Works until the signal is aborted; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list(signal);
        await this.#watch(this.#resourceVersion, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, resource, store } = this.#options;
    const objects: T[] = [];
    let resourceVersion = '';
    for await (const page of client.pages<KubeObject>(resource, { ...this.#selection, signal })) {
      for (const raw of page.items) this.#decode(raw, (object) => objects.push(object));
      ({ resourceVersion } = page);
    }
    store.replace(this.#selection.namespace, objects, resourceVersion);
    this.#hasSynced = true;
    this.#setSynced();
    return resourceVersion;
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { client, resource, clock } = this.#options;
    const operation = `watch ${resource.plural}`;
    const began = clock.elapsed();
    const error = (): KubeError => timeout(operation, `silent for ${stallMs / 1_000} s`);
    using stall = new Deadline({ clock, parent: signal, ms: stallMs, error });
    const timeoutSeconds = Math.floor(shortestTimeoutSeconds * (1 + this.#random()));
    const request = { ...this.#selection, resourceVersion, timeoutSeconds, signal: stall.signal };
    for await (const event of client.watch<KubeObject>(resource, request)) {
      stall.extend();
      this.#take(event);
    }
    if (clock.elapsed() - began < shortestWatchMs) throw timeout(operation, 'the server ended it at once');
  }

  #take(event: WatchEvent<KubeObject>): void {
    const { store } = this.#options;
    const { namespace } = this.#selection;
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
      store.bookmark(namespace, event.resourceVersion);
      return;
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
    this.#decode(event.object, (object) => {
      if (event.type === 'DELETED') store.remove(namespace, object);
      else store.upsert(namespace, object);
    });
  }

  /** One object that cannot be decoded must not keep all others from being known. */
  #decode(raw: KubeObject, use: (object: T) => void): void {
    let object: T;
    try {
      object = this.#options.decode ? this.#options.decode(raw) : (raw as T);
    } catch (error) {
      this.#logger.error({ err: error, key: objectKey(raw.metadata) }, 'an object cannot be decoded and is left out');
      return;
    }
    use(object);
  }

  async #recover(fault: unknown, signal: AbortSignal): Promise<void> {
    this.#restarts++;
    const expired = isExpired(fault);
    if (expired) this.#resourceVersion = undefined;
    // The first 410 after an outage is good news: the server is back.
    if (expired && !this.#expired) this.#backoff.reset();
    this.#expired = expired;
    const asked = fault instanceof KubeError ? (fault.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(this.#backoff.next(), asked);
    this.#logger.warn({ err: fault, delayMs: Math.round(delayMs) }, 'list or watch broke off, trying again');
    await sleep(this.#options.clock, delayMs, signal).catch(() => {});
  }
}
