import { createHash } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import { refusal } from '../../src/kube/errors.ts';
import { apiVersionOf, namespaces, objectKey, timestamp } from '../../src/kube/objects.ts';
import type { KubeObject, Resource } from '../../src/kube/objects.ts';
import type { Request, Wire } from '../../src/kube/transport.ts';
import { Collection } from './collection.ts';
import type { Change, Stored } from './collection.ts';
import { copyOf } from './copy.ts';
import { customResources } from './custom-resources.ts';
import { draftOfApply, draftOfNew, draftOfUpdate, newObject, nextVersion } from './drafts.ts';
import type { Draft } from './drafts.ts';
import { builtIns } from './kinds.ts';
import type { AnyObject, Kind } from './kinds.ts';
import { mergePatch } from './merge-patch.ts';
import { Refusal, alreadyExists, conflict, expired, immortal, notFound, otherUid, terminating } from './refusals.ts';
import { render, renderBookmark, renderList } from './render.ts';
import { readBody, readTarget, wantsMetadata } from './request.ts';
import type { Target } from './request.ts';
import { readSelection } from './selectors.ts';
import type { Selects } from './selectors.ts';
import type { Writer } from './server-side-apply.ts';
import { Watch, eventOf } from './watch.ts';

/** A version of an object that was stored: nothing is before the first, and nothing after a deletion. */
export interface StoredVersion {
  resource: Resource;
  before: KubeObject | undefined;
  after: KubeObject | undefined;
}

interface Watching {
  collection: Collection;
  selects: Selects;
  metadataOnly: boolean;
}

/** Namespaces that every cluster has, and that cannot be deleted. */
const immortals = ['default', 'kube-public', 'kube-system'];

/**
 * The API server as the operator sees it, in memory: no sockets, no timers, no chance. It serves Secrets, Events, Leases,
 * Namespaces and our own kinds, and behaves as kube-apiserver 1.36 does; `support/api-conformance.ts` holds it to that.
 * It throws a plain Error for whatever it does not know, so that no test passes by chance.
 *
 * There are no permissions, and as in the integration tests no controllers: a namespace that is terminating stays so. A
 * watch goes on until it is cut, whatever time limit it asks for. Rules in CEL are not looked at.
 *
 * As a wire itself it is the operator's; {@link as} gives those of others.
 */
export class ModelApiServer implements Wire {
  readonly #clock: Clock;
  readonly #collections: ReadonlyMap<string, Collection>;
  readonly #watches = new Map<Watch, Watching>();
  readonly #listeners = new Set<(version: StoredVersion) => void>();
  readonly #operator: Wire;
  /** Of the last write, whatever was written. */
  #version = 0;
  #uids = 0;
  /** What was before this version is forgotten. */
  #oldest = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
    const kinds = [...builtIns, ...customResources];
    this.#collections = new Map(kinds.map((kind) => [addressOf(kind.resource), new Collection(kind)]));
    this.#operator = this.as('provider-certificates');
    for (const name of immortals) this.#makeNamespace(name);
  }

  call(request: Request, signal: AbortSignal): Promise<object> {
    return this.#operator.call(request, signal);
  }

  stream(request: Request, signal: AbortSignal): AsyncIterable<object> {
    return this.#operator.stream(request, signal);
  }

  /** The wire of somebody else: who writes without naming a field manager is known by the user agent. */
  as(userAgent: string): Wire {
    return {
      call: async (request, signal) => {
        signal.throwIfAborted();
        return this.#telling(request, () => this.#answer(request, userAgent));
      },
      stream: (request, signal) => this.#stream(request, signal),
    };
  }

  /** Calls `listener` with each version that is stored, before anybody else hears of it; returns how to end that. */
  observe(listener: (version: StoredVersion) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells all watches how far they have come, as happens every minute. */
  bookmark(): void {
    for (const [watch, { collection, metadataOnly }] of this.#watches) {
      watch.push(renderBookmark(collection.kind, metadataOnly, this.#version));
    }
  }

  /** Ends all watches, as happens when a server restarts. */
  cutWatches(): void {
    for (const watch of this.#watches.keys()) watch.end();
    this.#watches.clear();
  }

  /** Forgets all that was before now: no watch and no list can go on from an older version. */
  compact(): void {
    this.#oldest = this.#version;
    for (const collection of this.#collections.values()) collection.compact();
  }

  #answer(request: Request, userAgent: string): object {
    const { collection, target } = this.#find(request);
    const metadataOnly = wantsMetadata(request);
    if (request.method === 'GET' && target.name === undefined) {
      return renderList(collection, target, { metadataOnly, now: this.#version, oldest: this.#oldest });
    }
    const answer = this.#act(request, { collection, target, userAgent });
    return 'metadata' in answer ? render(answer as AnyObject, metadataOnly) : answer;
  }

  #act(
    request: Request,
    { collection, target, userAgent }: { collection: Collection; target: Target; userAgent: string },
  ): object {
    const { kind } = collection;
    const { name = '', namespace, subresource, query } = target;
    const writer = this.#writer(query.get('fieldManager') ?? userAgent.replace(/\/.*/, ''), kind, subresource);
    const live = collection.get(objectKey({ namespace, name }));
    const existing = (): Stored => {
      if (!live) throw notFound(kind.resource, name);
      return live;
    };
    const body = readBody(request, namespace);
    switch (`${request.method} ${request.contentType ?? ''}`.trim()) {
      case 'GET':
        return existing().object;
      case 'POST application/json':
        return this.#create(collection, body, { writer, dryRun: query.has('dryRun') });
      case 'PUT application/json':
        return this.#replace(collection, live, body, writer);
      case 'PATCH application/merge-patch+json': {
        const patched = mergePatch(existing().object, body) as AnyObject;
        return this.#update(collection, existing(), draftOfUpdate(kind, existing(), patched, writer), subresource);
      }
      case 'PATCH application/apply-patch+yaml': {
        const draft = draftOfApply(kind, live, { manifest: body, force: query.get('force') === 'true' }, writer);
        if (live) return this.#update(collection, live, draft, subresource);
        const { uid } = draft.object.metadata;
        if (uid) throw conflict(kind.resource, name, noSuchUid(uid));
        return this.#insert(collection, draft);
      }
      case 'DELETE':
        return this.#delete(collection, existing());
      default:
        throw new Error(`The model of the API server does not know ${request.method} ${request.contentType}.`);
    }
  }

  #create(collection: Collection, body: AnyObject, { writer, dryRun }: { writer: Writer; dryRun: boolean }): object {
    if (body.metadata.resourceVersion) {
      throw new Refusal(500, undefined, 'resourceVersion should not be set on objects to be created');
    }
    return this.#insert(collection, draftOfNew(collection.kind, body, writer), dryRun);
  }

  #replace(collection: Collection, live: Stored | undefined, body: AnyObject, writer: Writer): object {
    const { resource, createsByReplace } = collection.kind;
    const { name, uid } = body.metadata;
    if (!live && !createsByReplace) throw notFound(resource, name);
    const found = live?.object.metadata.uid ?? '';
    if (uid && uid !== found) throw otherUid(resource, name, uid, found);
    if (!live) return this.#insert(collection, draftOfNew(collection.kind, body, writer));
    return this.#update(collection, live, draftOfUpdate(collection.kind, live, body, writer), undefined);
  }

  #insert(collection: Collection, draft: Draft, dryRun = false): object {
    const { kind } = collection;
    const { name, namespace } = draft.object.metadata;
    this.#expectAlive(kind.resource, name, namespace);
    const object = newObject(kind, draft, {
      uid: uidOf(++this.#uids),
      creationTimestamp: timestamp(this.#clock.now()),
    });
    if (collection.get(objectKey(object.metadata))) throw alreadyExists(kind.resource, name);
    return dryRun ? object : this.#store(collection, { ...draft, object });
  }

  /** Nothing can be created where no namespace is, or one that goes away. */
  #expectAlive(resource: Resource, name: string, namespace: string | undefined): void {
    if (namespace === undefined) return;
    const found = this.#namespaces.get(namespace)?.object;
    if (!found) throw notFound(namespaces, namespace);
    if (found.metadata.deletionTimestamp) throw terminating(resource, name, namespace);
  }

  #update(collection: Collection, live: Stored, draft: Draft, subresource: string | undefined): object {
    const next = nextVersion(collection.kind, live, draft, subresource);
    if (next === live) return live.object;
    if (!live.object.metadata.deletionTimestamp || hasFinalizers(next.object)) return this.#store(collection, next);
    // Whoever held it back has let it go.
    this.#remove(collection, live);
    return next.object;
  }

  #delete(collection: Collection, live: Stored): object {
    const { resource } = collection.kind;
    const { metadata } = live.object;
    const isNamespace = collection === this.#namespaces;
    if (isNamespace && immortals.includes(metadata.name)) throw immortal(resource, metadata.name);
    if (!isNamespace && !hasFinalizers(live.object)) {
      this.#remove(collection, live);
      return { kind: 'Status', apiVersion: 'v1', status: 'Success' };
    }
    if (metadata.deletionTimestamp) return live.object;
    const object: AnyObject = {
      ...live.object,
      metadata: {
        ...metadata,
        deletionTimestamp: timestamp(this.#clock.now()),
        ...(metadata.generation !== undefined && { generation: metadata.generation + 1 }),
        ...(!isNamespace && { deletionGracePeriodSeconds: 0 }),
      },
      ...(isNamespace && { status: { phase: 'Terminating' } }),
    };
    return this.#store(collection, { ...live, object, form: '' });
  }

  #store(collection: Collection, stored: Stored): object {
    const resourceVersion = String(++this.#version);
    const object = { ...stored.object, metadata: { ...stored.object.metadata, resourceVersion } };
    this.#tell(collection, collection.put({ ...stored, object }, this.#version));
    return object;
  }

  #remove(collection: Collection, live: Stored): void {
    this.#tell(collection, collection.delete(live, ++this.#version));
  }

  #tell(collection: Collection, change: Change): void {
    for (const listener of this.#listeners) {
      const { before, after } = copyOf(change);
      listener({ resource: collection.kind.resource, before, after });
    }
    for (const [watch, watching] of this.#watches) {
      if (watching.collection === collection) forward(watch, watching, change);
    }
  }

  async *#stream(request: Request, signal: AbortSignal): AsyncGenerator<object> {
    signal.throwIfAborted();
    const watch = new Watch();
    this.#telling(request, () => this.#startWatch(watch, request));
    try {
      yield* watch.events(signal);
    } finally {
      this.#watches.delete(watch);
    }
  }

  #startWatch(watch: Watch, request: Request): void {
    const { collection, target } = this.#find(request);
    const { namespace, query } = target;
    const from = Number(query.get('resourceVersion') ?? 0);
    if (!from) throw new Error('The model of the API server watches only from a version on.');
    if (from < this.#oldest) {
      const { status } = expired(`too old resource version: ${from} (${this.#oldest})`);
      watch.push({ type: 'ERROR', object: status });
      watch.end();
      return;
    }
    const watching: Watching = {
      collection,
      selects: readSelection(collection.kind, namespace, query),
      metadataOnly: wantsMetadata(request),
    };
    for (const change of collection.since(from)) forward(watch, watching, change);
    this.#watches.set(watch, watching);
  }

  #find({ path }: Request): { collection: Collection; target: Target } {
    const target = readTarget(path);
    const collection = target && this.#collections.get(`${target.apiVersion}/${target.plural}`);
    const isStatus = target?.subresource === 'status' && collection?.kind.hasStatus;
    if (!target || !collection || (target.subresource !== undefined && !isStatus)) throw new Unserved();
    return { collection, target };
  }

  #telling<T>(request: Request, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const now = this.#clock.now();
      if (error instanceof Unserved) throw refusal(request.operation, 404, error.message, undefined, now);
      if (!(error instanceof Refusal)) throw error;
      throw refusal(request.operation, error.status.code, error.status, undefined, now);
    }
  }

  #writer(name: string, { hasStatus }: Kind, subresource?: string): Writer {
    const unreachable = subresource === 'status' ? ['metadata', 'spec'] : ['status'];
    return { name, subresource, time: timestamp(this.#clock.now()), unreachable: hasStatus ? unreachable : [] };
  }

  #makeNamespace(name: string): void {
    const writer = this.#writer('kube-apiserver', this.#namespaces.kind);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } as AnyObject;
    this.#create(this.#namespaces, body, { writer, dryRun: false });
  }

  get #namespaces(): Collection {
    const found = this.#collections.get(addressOf(namespaces));
    if (!found) throw new Error('there is no collection of namespaces');
    return found;
  }
}

/** The path leads nowhere; the answer to that is not a `Status`. */
class Unserved extends Error {
  override readonly name = 'Unserved';

  constructor() {
    super('404 page not found\n');
  }
}

/** Looks like chance, so that nothing can be told from the order of uids, but is the same in every run. */
function uidOf(nth: number): string {
  const hash = createHash('sha256').update(String(nth)).digest('hex');
  return hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

function addressOf(resource: Resource): string {
  return `${apiVersionOf(resource)}/${resource.plural}`;
}

function forward(watch: Watch, { selects, metadataOnly }: Watching, change: Change): void {
  const event = eventOf(change, selects);
  if (event) watch.push({ type: event.type, object: render(event.object, metadataOnly) });
}

function hasFinalizers({ metadata }: AnyObject): boolean {
  return (metadata.finalizers ?? []).length > 0;
}

function noSuchUid(uid: string): string {
  return `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
}
