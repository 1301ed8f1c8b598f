import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import { type Api, ApiError, type ApiObject } from '../../sandbox/control-plane/api.ts';
import { rememberCanaries } from './canaries.ts';
import { pieceLength } from './excerpts.ts';
import { WrittenPairs } from './pairs.ts';
import type { RunFolders } from './run.ts';

interface ManagedFields {
  manager: string;
  fieldsV1?: { 'f:data'?: Record<string, object> };
}

interface Secret extends ApiObject {
  metadata: ApiObject['metadata'] & {
    namespace: string;
    uid: string;
    resourceVersion: string;
    managedFields?: ManagedFields[];
  };
  type: string;
  data?: Record<string, string>;
}

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

const fieldManager = 'provider-certificates';

/** Keys of Secrets whose values are secret. */
const credentialKeys = new Set(['appKey', 'secretAccessKey', 'secretKey', 'passphrase']);

/**
 * Looks over the shoulder of everybody in a control plane. It sees every version of every Secret: of those that the
 * operator wrote it checks that key and certificate belong together, and of all it remembers what must not leak. Of
 * every version of our objects and of events it writes down what users can read.
 *
 * Where a watch broke off and cannot go on, what it missed is read from the versions that etcd still has (for at least five
 * minutes).
 */
export class Observer {
  readonly #api: Api;
  readonly #folders: RunFolders;
  readonly #namespace: string | undefined;
  readonly #abort = new AbortController();
  readonly #watches: Promise<void>[] = [];
  readonly #violations: string[] = [];
  readonly #pairs = new WrittenPairs();
  readonly #seen = new Set<string>();
  readonly #written = new Map<string, Set<string>>();
  readonly #lastSecret = `observer-${randomBytes(4).toString('hex')}`;
  readonly #caughtUp = Promise.withResolvers<true>();
  readonly #versions = new Set<string>();

  private constructor(api: Api, folders: RunFolders, namespace: string | undefined) {
    this.#api = api;
    this.#folders = folders;
    this.#namespace = namespace;
  }

  /**
   * @param resources paths of further collections whose objects users read, like `/api/v1/events`
   * @param namespace whose Secrets are looked at; by default all
   */
  static async start(
    api: Api,
    folders: RunFolders,
    resources: readonly string[],
    namespace?: string,
  ): Promise<Observer> {
    const observer = new Observer(api, folders, namespace);
    try {
      await observer.#watch<Secret>(observer.#secrets, (secret) => observer.#absorb(secret));
      for (const path of resources) await observer.#watch<ApiObject>(path, (object) => observer.#write(object));
    } catch (error) {
      observer.#abort.abort();
      throw error;
    }
    return observer;
  }

  get #secrets(): string {
    return this.#namespace === undefined ? '/api/v1/secrets' : secretsOf(this.#namespace);
  }

  /** How much was seen, in words. */
  get summary(): string {
    return `${this.#versions.size} versions of TLS Secrets that the operator wrote, ${this.#seen.size} different pairs`;
  }

  /** The Secrets that the operator wrote, by `namespace/name`, each with the uids that it had: one more for each deletion. */
  get uids(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#written;
  }

  /**
   * Looks at everything up to now and ends.
   * @returns what was wrong, a line each
   */
  async stop(): Promise<string[]> {
    await this.#catchUp();
    this.#abort.abort();
    await Promise.all(this.#watches);
    return [...this.#violations, ...this.#pairs.problems()];
  }

  /** The last thing that happens is a Secret of our own: when it is seen, all before it was. */
  async #catchUp(): Promise<void> {
    const namespace = this.#namespace ?? 'default';
    const metadata = { namespace, name: this.#lastSecret };
    await this.#api.apply(secretsOf(namespace), { apiVersion: 'v1', kind: 'Secret', metadata });
    const { signal } = this.#abort;
    const inTime = await Promise.race([this.#caughtUp.promise, setTimeout(20_000, false, { signal })]);
    if (!inTime) this.#violations.push('the observer of Secrets had lost its watch, so not all was seen');
  }

  async #watch<T extends ApiObject>(path: string, absorb: (object: T) => void): Promise<void> {
    const version = await this.#list(path, absorb);
    this.#watches.push(this.#follow(path, version, absorb));
  }

  async #list<T extends ApiObject>(path: string, absorb: (object: T) => void): Promise<string> {
    const { items, metadata } = await this.#api.get<{ items: T[]; metadata: { resourceVersion: string } }>(path);
    for (const item of items) absorb(item);
    return metadata.resourceVersion;
  }

  /** Watches until aborted; after any interruption it goes on where it was, or lists when that is too long ago. */
  async #follow<T extends ApiObject>(path: string, version: string, absorb: (object: T) => void): Promise<void> {
    const { signal } = this.#abort;
    let last = version;
    while (!signal.aborted) {
      try {
        const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${last}`;
        for await (const line of this.#api.lines(`${path}?${query}`, signal)) {
          const { type, object } = JSON.parse(line) as WatchEvent<T>;
          if (type === 'ERROR') throw new ApiError(Number(object['code']), String(object['message']));
          if (type === 'ADDED' || type === 'MODIFIED') absorb(object);
          last = String(object.metadata['resourceVersion']);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 410) {
          last = await this.#catchUpFrom(last, path, absorb).catch(() => last);
        }
      }
      await setTimeout(20);
    }
  }

  /** Of Secrets every single version counts; one that nobody has any more, or in which there was nothing new, does not. */
  async #catchUpFrom<T extends ApiObject>(last: string, path: string, absorb: (object: T) => void): Promise<string> {
    const now = await this.#list(path, absorb);
    if (path !== this.#secrets) return now;
    for (let version = Number(last) + 1; version < Number(now); version++) {
      const exactly = `${path}?resourceVersionMatch=Exact&resourceVersion=${version}`;
      await this.#list(exactly, absorb).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 410)) throw error;
      });
    }
    return now;
  }

  #absorb(secret: Secret): void {
    const { namespace, name, uid, resourceVersion } = secret.metadata;
    if (name === this.#lastSecret) this.#caughtUp.resolve(true);
    const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
    const canaries = Object.keys(secret.data ?? {})
      .map((key) => ({ key, value: text(key) }))
      .filter(({ key, value }) => value.includes('PRIVATE KEY-----') || isCredential(key, value));
    rememberCanaries(
      this.#folders.canaries,
      canaries.map(({ value }) => value),
    );
    if (secret.type !== 'kubernetes.io/tls' || !isWrittenByOperator(secret)) return;
    const key = `${namespace}/${name}`;
    this.#versions.add(`${key}@${resourceVersion}`);
    this.#written.set(key, (this.#written.get(key) ?? new Set()).add(uid));
    const pair = { certificates: text('tls.crt'), privateKey: text('tls.key') };
    const id = pair.certificates + pair.privateKey;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    const problem = mismatch(pair.certificates, pair.privateKey);
    if (problem) this.#violations.push(`Secret ${key}, version ${resourceVersion}: ${problem}`);
    else this.#pairs.add(pair);
  }

  #write(object: ApiObject): void {
    const { kind, metadata, status, message, reason } = object;
    const line = { kind, namespace: metadata.namespace, name: metadata.name, status, reason, message };
    appendFileSync(this.#folders.objects, `${JSON.stringify(line)}\n`);
  }
}

function secretsOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

function isCredential(key: string, value: string): boolean {
  return credentialKeys.has(key) && value.length >= pieceLength;
}

/** A write by somebody else that changes a field takes it away from its owner: whoever owns both wrote both. */
function isWrittenByOperator({ metadata }: Secret): boolean {
  const ours = (metadata.managedFields ?? []).filter(({ manager }) => manager === fieldManager);
  const owns = (field: string): boolean => ours.some(({ fieldsV1 }) => field in (fieldsV1?.['f:data'] ?? {}));
  return owns('f:tls.crt') && owns('f:tls.key');
}

/** @returns what is wrong with the pair, or undefined */
function mismatch(certificates: string, privateKey: string): string | undefined {
  try {
    const matches = new X509Certificate(certificates).checkPrivateKey(createPrivateKey(privateKey));
    return matches ? undefined : 'the key does not match the certificate';
  } catch (error) {
    return `the pair cannot be read: ${(error as Error).message}`;
  }
}
