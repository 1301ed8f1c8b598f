import type { Clock } from '../clock.ts';
import { acceptFor, readEvent, readObject, readPage } from './answers.ts';
import type { Expected, Page, WatchEvent } from './answers.ts';
import { isTooLarge } from './errors.ts';
import { leases, objectKey } from './objects.ts';
import type { KubeObject, Manifest, ObjectName, Resource } from './objects.ts';
import { pathOf, queryOf } from './paths.ts';
import type { Request, Wire } from './transport.ts';

interface CallOptions {
  signal: AbortSignal;
}

interface ReadOptions extends CallOptions {
  /** Ask for metadata alone. */
  metadataOnly?: boolean | undefined;
}

/** Which objects of a resource. */
export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

/**
 * A thin client for one API server. Failures are `KubeError`s, except that an aborted call throws the reason of its
 * signal. A call has 30 s. Apart from refused credentials nothing is tried again: that is for the caller to decide.
 */
export class KubeClient {
  readonly #wire: Wire;
  readonly #clock: Clock;

  constructor(wire: Wire, { clock }: { clock: Clock }) {
    this.#wire = wire;
    this.#clock = clock;
  }

  async get<T extends KubeObject>(resource: Resource, name: ObjectName, options: ReadOptions): Promise<T> {
    const { signal, metadataOnly = false } = options;
    const expected = { operation: describe('get', resource, name), resource, metadataOnly };
    const path = pathOf(resource, name);
    return readObject(await this.#call(expected, { method: 'GET', path }, signal), expected);
  }

  /**
   * A list, page by page; pages that are too large are asked for with fewer objects. All pages show the same moment. A
   * list that takes longer than the server remembers it (some 5 min) ends with an error for which `isExpired` holds.
   */
  async *pages<T extends KubeObject>(
    resource: Resource,
    {
      namespace,
      limit = 500,
      signal,
      metadataOnly = false,
      ...selectors
    }: Selection & ReadOptions & { limit?: number },
  ): AsyncGenerator<Page<T>> {
    const expected = { operation: describe('list', resource, { namespace }), resource, metadataOnly };
    const accept = acceptFor(expected, true);
    let size = limit;
    let next: string | undefined;
    for (;;) {
      const path = pathOf(resource, { namespace }) + queryOf({ ...selectors, limit: size, continue: next });
      let answer: object;
      try {
        answer = await this.#call(expected, { method: 'GET', path, accept }, signal);
      } catch (error) {
        if (!isTooLarge(error) || size === 1) throw error;
        size = Math.ceil(size / 10);
        continue;
      }
      const page = readPage<T>(answer, expected);
      yield page;
      next = page.continue;
      if (!next) return;
    }
  }

  /** With `dryRun` the server checks everything and stores nothing. */
  async create<T extends KubeObject>(
    resource: Resource,
    object: Manifest,
    { signal, dryRun = false }: CallOptions & { dryRun?: boolean },
  ): Promise<T> {
    const { namespace } = object.metadata;
    const expected = { operation: describe('create', resource, object.metadata), resource, metadataOnly: false };
    const path = pathOf(resource, { namespace }) + queryOf({ dryRun: dryRun ? 'All' : undefined });
    const answer = await this.#call(expected, { method: 'POST', path, body: object, contentType: json }, signal);
    return readObject(answer, expected);
  }

  /** Replaces an object if it still has the `resourceVersion` of the new one's metadata; else it is a conflict. */
  async replace<T extends KubeObject>(resource: Resource, object: Manifest, { signal }: CallOptions): Promise<T> {
    const expected = { operation: describe('replace', resource, object.metadata), resource, metadataOnly: false };
    const path = pathOf(resource, object.metadata);
    const answer = await this.#call(expected, { method: 'PUT', path, body: object, contentType: json }, signal);
    return readObject(answer, expected);
  }

  /**
   * Server-side apply: creates the object, or makes the fields of `object` those of `fieldManager`. Without `force`,
   * another value in a field that another manager holds is a conflict (see `conflictingManagers`). In its metadata,
   * `resourceVersion` makes it a conflict that the object has changed, and `uid` that it is gone (kube-apiserver would
   * create it otherwise); that it is another one of the same name shows in its version.
   */
  async apply<T extends KubeObject>(
    resource: Resource,
    object: Manifest,
    { fieldManager, force, signal, metadataOnly = false }: ReadOptions & { fieldManager: string; force: boolean },
  ): Promise<T> {
    const expected = { operation: describe('apply', resource, object.metadata), resource, metadataOnly };
    const path = pathOf(resource, object.metadata) + queryOf({ fieldManager, force });
    // JSON is YAML.
    const contentType = 'application/apply-patch+yaml';
    return readObject(
      await this.#call(expected, { method: 'PATCH', path, body: object, contentType }, signal),
      expected,
    );
  }

  /**
   * JSON merge patch: null removes a field, lists are replaced. With a `resourceVersion` in its metadata it is a conflict
   * that the object has changed or is another one of the same name. A `uid` is no such guard: kube-apiserver 1.36 does
   * not look at it in a patch of the status of a custom resource.
   */
  async mergePatch<T extends KubeObject>(
    resource: Resource,
    name: ObjectName,
    patch: object,
    { subresource, signal, metadataOnly = false }: ReadOptions & { subresource?: 'status' },
  ): Promise<T> {
    const verb = subresource ? `patch ${subresource} of` : 'patch';
    const expected = { operation: describe(verb, resource, name), resource, metadataOnly };
    const path = pathOf(resource, name, subresource);
    const contentType = 'application/merge-patch+json';
    return readObject(
      await this.#call(expected, { method: 'PATCH', path, body: patch, contentType }, signal),
      expected,
    );
  }

  /** Asks for metadata in return: the server may answer with what it deleted. */
  async delete(resource: Resource, name: ObjectName, { signal }: CallOptions): Promise<void> {
    const expected = { operation: describe('delete', resource, name), resource, metadataOnly: true };
    await this.#call(expected, { method: 'DELETE', path: pathOf(resource, name) }, signal);
  }

  /**
   * The changes after `resourceVersion`, until the server ends the watch (after `timeoutSeconds`). Bookmarks tell about
   * every minute how far it has come. An error that the server tells in the stream is thrown.
   */
  async *watch<T extends KubeObject>(
    resource: Resource,
    {
      namespace,
      signal,
      metadataOnly = false,
      ...query
    }: Selection & ReadOptions & { resourceVersion: string; timeoutSeconds: number },
  ): AsyncGenerator<WatchEvent<T>> {
    const operation = describe('watch', resource, { namespace });
    const expected = { operation, resource, metadataOnly };
    const path = pathOf(resource, { namespace }) + queryOf({ ...query, watch: true, allowWatchBookmarks: true });
    const request = { operation, method: 'GET', path, accept: acceptFor(expected) } as const;
    for await (const event of this.#wire.stream(request, signal)) {
      yield readEvent<T>(event, expected, this.#clock.now());
    }
  }

  #call(expected: Expected, request: Omit<Request, 'operation'>, signal: AbortSignal): Promise<object> {
    const { operation, resource } = expected;
    // Who cannot renew a lease in time loses it, and the work of many others would be the reason.
    const urgent = resource === leases;
    return this.#wire.call({ operation, accept: acceptFor(expected), urgent, ...request }, signal);
  }
}

const json = 'application/json';

/** `get secrets default/web`: for messages. */
function describe(verb: string, { plural }: Resource, { namespace, name }: Partial<ObjectName>): string {
  const where = name === undefined ? namespace : objectKey({ namespace, name });
  return where ? `${verb} ${plural} ${where}` : `${verb} ${plural}`;
}
