import type { Logger } from 'pino';
import { Lookup } from './lookup.ts';
import { objectKey } from './objects.ts';
import type { KubeObject } from './objects.ts';
import { isNewer } from './versions.ts';

export type StoreEvent<T> =
  | { type: 'added'; object: T; previous?: undefined }
  | { type: 'updated'; object: T; previous: T }
  | { type: 'deleted'; object: T; previous: T };

type Terms<T> = (object: T) => Iterable<string>;

/**
 * What is known of the objects of one resource. Reflectors feed it, one per watched namespace or one for all; our own
 * writes are absorbed into it, so that a reconcile never sees a state older than what it wrote. Versions only move
 * forward, whatever the order in which answers and events arrive.
 */
export class Store<T extends KubeObject> {
  readonly #logger: Logger;
  readonly #trim: (object: T) => void;
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<(event: StoreEvent<T>) => void>();
  readonly #indexes: { terms: Terms<T>; lookup: Lookup }[] = [];
  /** Per namespace ('' for all) the version up to which its reflector has seen every change. */
  readonly #seen = new Map<string, string>();

  /** @param trim takes away, in place, what nobody reads of an object that is kept */
  constructor({ logger, trim = () => {} }: { logger: Logger; trim?: (object: T) => void }) {
    this.#logger = logger;
    this.#trim = trim;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  /** Keeps an index over `terms` of the objects, and returns the function that finds the objects of a term. */
  index(terms: Terms<T>): (term: string) => T[] {
    const lookup = new Lookup();
    for (const [key, object] of this.#objects) lookup.add(key, terms(object));
    this.#indexes.push({ terms, lookup });
    return (term) => Array.from(lookup.keys(term), (key) => this.#objects.get(key) as T);
  }

  /**
   * Calls `handler` after each change, but not for versions that are known already (such as absorbed ones). A handler
   * that throws is logged, and the others are called all the same. Returns the function that ends the subscription.
   */
  subscribe(handler: (event: StoreEvent<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Takes in an object from an answer to our own write or read, and notifies nobody. Ignored when a newer version is
   * known, and when the watch is already past this version and the object is not there: then it was deleted meanwhile.
   */
  absorb(object: T): void {
    const key = objectKey(object.metadata);
    const { resourceVersion, namespace = '' } = object.metadata;
    const known = this.#objects.get(key)?.metadata.resourceVersion ?? this.#seen.get(namespace) ?? this.#seen.get('');
    if (known === undefined || isNewer(resourceVersion, known)) this.#put(key, object);
  }

  /** For reflectors: all objects of `namespace` (undefined: of all) as they were at `resourceVersion`. */
  replace(namespace: string | undefined, objects: readonly T[], resourceVersion: string): void {
    const listed = new Set(objects.map(({ metadata }) => objectKey(metadata)));
    // Nobody is notified before everything is in place: handlers look at other objects, too.
    const happened: (StoreEvent<T> | undefined)[] = [];
    for (const [key, object] of this.#objects) {
      if (namespace !== undefined && object.metadata.namespace !== namespace) continue;
      if (!listed.has(key)) happened.push(this.#drop(key, object, resourceVersion));
    }
    for (const object of objects) happened.push(this.#change(object));
    this.#progress(namespace, resourceVersion);
    for (const event of happened) this.#notify(event);
  }

  /** For reflectors: an object was added or modified. */
  upsert(namespace: string | undefined, object: T): void {
    const event = this.#change(object);
    this.#progress(namespace, object.metadata.resourceVersion);
    this.#notify(event);
  }

  /** For reflectors: an object was deleted, at the version it now has. */
  remove(namespace: string | undefined, object: T): void {
    const { resourceVersion } = object.metadata;
    const event = this.#drop(objectKey(object.metadata), object, resourceVersion);
    this.#progress(namespace, resourceVersion);
    this.#notify(event);
  }

  /** For reflectors: every change of `namespace` up to `resourceVersion` was told. */
  bookmark(namespace: string | undefined, resourceVersion: string): void {
    this.#progress(namespace, resourceVersion);
  }

  #change(object: T): StoreEvent<T> | undefined {
    const key = objectKey(object.metadata);
    const previous = this.#objects.get(key);
    if (previous && !isNewer(object.metadata.resourceVersion, previous.metadata.resourceVersion)) return undefined;
    this.#put(key, object);
    return previous ? { type: 'updated', object, previous } : { type: 'added', object };
  }

  #drop(key: string, object: T, resourceVersion: string): StoreEvent<T> | undefined {
    const previous = this.#objects.get(key);
    if (!previous || isNewer(previous.metadata.resourceVersion, resourceVersion)) return undefined;
    for (const { terms, lookup } of this.#indexes) lookup.remove(key, terms(previous));
    this.#objects.delete(key);
    return { type: 'deleted', object, previous };
  }

  #put(key: string, object: T): void {
    this.#trim(object);
    const previous = this.#objects.get(key);
    for (const { terms, lookup } of this.#indexes) {
      if (previous) lookup.remove(key, terms(previous));
      lookup.add(key, terms(object));
    }
    this.#objects.set(key, object);
  }

  #progress(namespace = '', resourceVersion: string): void {
    const seen = this.#seen.get(namespace);
    if (seen === undefined || isNewer(resourceVersion, seen)) this.#seen.set(namespace, resourceVersion);
  }

  #notify(event: StoreEvent<T> | undefined): void {
    if (!event) return;
    for (const handler of this.#handlers) {
      try {
        handler(event);
      } catch (error) {
        this.#logger.error({ err: error, key: objectKey(event.object.metadata) }, 'an event handler failed');
      }
    }
  }
}
