import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { type KubeObject, objectKey, secrets } from '../kube/objects.ts';
import { Reflector } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import { withoutLastApplied } from './last-applied.ts';

export interface SecretName {
  namespace: string;
  name: string;
}

/** A Secret that may not be watched must not hold up whoever refers to it; in milliseconds. */
const patience = 5_000;

interface Watched {
  owners: Set<string>;
  store: Store<KubeObject>;
  synced: Promise<void>;
  stop: AbortController;
}

/**
 * Secrets that users point at: credentials, private keys, passphrases. Each is watched by its name, metadata only, for as
 * long as somebody refers to it; what it holds is read by whoever needs it, and not kept here.
 */
export class SecretReferences {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #onChange: (owner: string) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #wanted = new Map<string, Set<string>>();

  constructor({
    client,
    clock,
    logger,
    random,
    onChange,
  }: {
    client: KubeClient;
    clock: Clock;
    logger: Logger;
    random: () => number;
    onChange: (owner: string) => void;
  }) {
    this.#client = client;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
    this.#onChange = onChange;
  }

  /** Says which Secrets `owner` refers to now, in place of what it said before. */
  want(owner: string, names: readonly SecretName[]): void {
    const keys = new Set(names.map(objectKey));
    for (const key of this.#wanted.get(owner) ?? []) if (!keys.has(key)) this.#drop(key, owner);
    for (const name of names) this.#watch(name).owners.add(owner);
    if (keys.size === 0) this.#wanted.delete(owner);
    else this.#wanted.set(owner, keys);
  }

  /** The version of a wanted Secret, undefined when there is none. Waits for the first look at it, for a while. */
  async version(name: SecretName, signal: AbortSignal): Promise<string | undefined> {
    const watched = this.#watch(name);
    await Promise.race([watched.synced, sleep(this.#clock, patience, signal)]);
    const metadata = watched.store.get(objectKey(name))?.metadata;
    return metadata && `${metadata.uid}/${metadata.resourceVersion}`;
  }

  /** Ends all watches. */
  stop(): void {
    for (const { stop } of this.#watched.values()) stop.abort();
    this.#watched.clear();
    this.#wanted.clear();
  }

  #watch(name: SecretName): Watched {
    const key = objectKey(name);
    const present = this.#watched.get(key);
    if (present !== undefined) return present;
    const store = new Store<KubeObject>({ logger: this.#logger });
    const reflector = new Reflector<KubeObject>({
      client: this.#client,
      resource: secrets,
      namespace: name.namespace,
      fieldSelector: `metadata.name=${name.name}`,
      metadataOnly: true,
      decode: withoutLastApplied,
      store,
      logger: this.#logger,
      clock: this.#clock,
      random: this.#random,
    });
    const watched: Watched = { owners: new Set(), store, synced: reflector.synced, stop: new AbortController() };
    store.subscribe(() => {
      for (const owner of watched.owners) this.#onChange(owner);
    });
    this.#watched.set(key, watched);
    void reflector.run(watched.stop.signal);
    return watched;
  }

  #drop(key: string, owner: string): void {
    const watched = this.#watched.get(key);
    watched?.owners.delete(owner);
    if (watched === undefined || watched.owners.size > 0) return;
    watched.stop.abort();
    this.#watched.delete(key);
  }
}
