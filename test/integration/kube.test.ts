import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Transport } from '../../src/kube/transport.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { conflictingManagers, isConflict, isNotFound } from '../../src/kube/errors.ts';
import type { KubeError } from '../../src/kube/errors.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { namespaces, objectKey, secrets } from '../../src/kube/objects.ts';
import type { KubeObject, Manifest, ObjectMeta, Resource, Secret } from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { isNewer } from '../../src/kube/versions.ts';
import { kubectl } from '../support/kubectl.ts';

const clock = systemClock;
const logger = pino({ level: 'silent' });
const connection = loadConnection({ kubeconfig: inject('kubeconfig'), clock, logger });
const client = new KubeClient(new Transport(connection, { clock, logger, userAgent: 'kube-test' }), { clock });
const { signal } = new AbortController();
const namespace = `kube-${randomUUID().slice(0, 8)}`;
const waiting = { timeout: 30_000, interval: 20 };

/** A custom resource with a status, made for these tests. */
const widgets: Resource = {
  group: 'kube-test.example',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};
const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

beforeAll(async () => {
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
  const definition: Manifest = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.kube-test.example' },
    spec: {
      group: 'kube-test.example',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
  await client.apply(definitions, definition, { signal, fieldManager: 'kube-test', force: true });
  await vi.waitFor(async () => {
    await client.pages(widgets, { signal }).next();
  }, waiting);
});

afterAll(async () => {
  await connection.close();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function secret(
  name: string,
  { data = 'one', ...rest }: { data?: string; [field: string]: unknown } = {},
  metadata: Partial<ObjectMeta> = {},
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, ...metadata },
    type: 'Opaque',
    data: { key: base64(data) },
    ...rest,
  };
}

function apply(
  object: Manifest,
  options: { fieldManager?: string; force?: boolean; metadataOnly?: boolean } = {},
): Promise<Secret> {
  return client.apply<Secret>(secrets, object, { fieldManager: 'kube-test', force: false, signal, ...options });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: 'KubeError' });
  return error as KubeError;
}

describe('server-side apply', () => {
  it('creates, and is refused for what others hold, who are named', async () => {
    await apply(secret('held'), { fieldManager: 'other' });
    const error = await failure(apply(secret('held', { data: 'two' })));
    expect(error).toMatchObject({ status: 409, reason: 'Conflict', retryable: false });
    expect(error.causes).toEqual([
      { reason: 'FieldManagerConflict', field: '.data.key', message: 'conflict with "other"' },
    ]);
    expect(conflictingManagers(error)).toEqual(['other']);
  });

  it('accepts the same bytes that others hold; managedFields tell of them', async () => {
    await apply(secret('shared'), { fieldManager: 'other' });
    const { metadata } = await apply(secret('shared'));
    expect(metadata.managedFields?.map(({ manager, operation }) => [manager, operation]).sort()).toEqual([
      ['kube-test', 'Apply'],
      ['other', 'Apply'],
    ]);
    expect(metadata.managedFields?.every(({ fieldsV1 }) => 'f:data' in (fieldsV1 ?? {}))).toBe(true);
  });

  it('with force and the version that was judged takes fields over; with any other it does not', async () => {
    const { metadata } = await apply(secret('judged'), { fieldManager: 'other' });
    const { uid, resourceVersion } = metadata;
    const written = await apply(secret('judged', { data: 'two' }, { uid, resourceVersion }), { force: true });
    expect(written.data).toEqual({ key: base64('two') });
    expect(isNewer(written.metadata.resourceVersion, resourceVersion)).toBe(true);

    const stale = await failure(apply(secret('judged', { data: 'three' }, { uid, resourceVersion }), { force: true }));
    expect(isConflict(stale)).toBe(true);
    expect(conflictingManagers(stale)).toEqual([]);
    const alien = await failure(apply(secret('judged', { data: 'three' }, { uid: randomUUID() }), { force: true }));
    expect(alien).toMatchObject({ status: 422, causes: [{ field: 'metadata.uid' }, {}] });
  });

  it('with the uid of an object that is gone does not create another', async () => {
    const { metadata } = await apply(secret('gone'));
    await client.delete(secrets, { namespace, name: 'gone' }, { signal });
    const { uid, resourceVersion } = metadata;
    const error = await failure(apply(secret('gone', {}, { uid, resourceVersion }), { force: true }));
    expect(isConflict(error)).toBe(true);
    expect(isNotFound(await failure(client.get(secrets, { namespace, name: 'gone' }, { signal })))).toBe(true);
    // The version alone would not hold it back.
    await apply(secret('gone', {}, { resourceVersion }), { force: true });
  });

  it('with a version that no object has can only create', async () => {
    const first = (data: string) => apply(secret('created', { data }, { resourceVersion: '1' }));
    const created = await first('one');
    expect(created.data).toEqual({ key: base64('one') });
    // Whoever holds it, and whatever is in it.
    for (const data of ['one', 'two']) expect(isConflict(await failure(first(data)))).toBe(true);
    expect(await client.get(secrets, { namespace, name: 'created' }, { signal })).toEqual(created);
  });

  it('cannot change an immutable Secret', async () => {
    await apply(secret('stone', { immutable: true }));
    const error = await failure(apply(secret('stone', { data: 'two', immutable: true }), { force: true }));
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', retryable: false });
    expect(error.message).not.toContain(base64('two'));
  });

  it('answers with metadata alone when asked for that: no data comes back', async () => {
    const { headers, pools } = await connection.obtain();
    const answer = await pools.calls.request({
      origin: connection.server.origin,
      path: `/api/v1/namespaces/${namespace}/secrets/quiet?fieldManager=kube-test&force=false`,
      method: 'PATCH',
      headers: {
        ...headers,
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        'content-type': 'application/apply-patch+yaml',
      },
      body: JSON.stringify(secret('quiet', { data: 'private' })),
    });
    const raw = await answer.body.text();
    expect(raw).not.toContain(base64('private'));
    expect(Object.keys(JSON.parse(raw)).sort()).toEqual(['apiVersion', 'kind', 'metadata']);

    const written = await apply(secret('quiet', { data: 'another' }), { metadataOnly: true });
    expect(written).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: written.metadata });
    const read = await client.get<Secret>(secrets, { namespace, name: 'quiet' }, { signal });
    expect(read.data).toEqual({ key: base64('another') });
    expect(read.metadata).toEqual(written.metadata);

    const patch = { metadata: { annotations: { touched: 'yes' } } };
    const patched = await client.mergePatch(secrets, { namespace, name: 'quiet' }, patch, {
      signal,
      metadataOnly: true,
    });
    expect(patched).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: patched.metadata });
  });
});

describe('other calls', () => {
  it('create on trial stores nothing', async () => {
    const created = await client.create<Secret>(secrets, secret('trial'), { signal, dryRun: true });
    expect(created.metadata.uid).toBeTruthy();
    expect(isNotFound(await failure(client.get(secrets, { namespace, name: 'trial' }, { signal })))).toBe(true);
  });

  it('replace only what was seen', async () => {
    const seen = await client.create<Secret>(secrets, secret('replaced'), { signal });
    const { resourceVersion } = seen.metadata;
    await client.replace(secrets, secret('replaced', { data: 'two' }, { resourceVersion }), { signal });
    const error = await failure(
      client.replace(secrets, secret('replaced', { data: 'x' }, { resourceVersion }), { signal }),
    );
    expect(isConflict(error)).toBe(true);
  });

  it('patch the status of the version that was seen; a uid alone is no guard there', async () => {
    const name = { namespace, name: 'patched' };
    const widget = { apiVersion: 'kube-test.example/v1', kind: 'Widget', metadata: name, spec: { size: 1 } };
    const created = await client.create(widgets, widget, { signal });
    const patch = (metadata: Partial<ObjectMeta>, step: number): Promise<KubeObject> =>
      client.mergePatch(
        widgets,
        name,
        { metadata, spec: { size: 2 }, status: { step } },
        { subresource: 'status', signal },
      );
    const { resourceVersion } = created.metadata;
    expect(await patch({ resourceVersion }, 1)).toMatchObject({ spec: { size: 1 }, status: { step: 1 } });
    expect(isConflict(await failure(patch({ resourceVersion }, 2)))).toBe(true);
    expect(await patch({ uid: randomUUID() }, 3)).toMatchObject({ status: { step: 3 } });
  });

  it('tell that a resource is not served', async () => {
    const error = await failure(client.get({ ...widgets, plural: 'gadgets' }, { namespace, name: 'x' }, { signal }));
    expect(error.status).toBe(404);
    expect(isNotFound(error)).toBe(false);
  });

  it('list in pages that show one moment', async () => {
    const names = Array.from({ length: 7 }, (_, nth) => `page-${nth}`);
    for (const name of names) await apply(secret(name, {}, { labels: { paged: 'yes' } }));
    const selection = { namespace, labelSelector: 'paged=yes', limit: 3, signal };
    const seen: string[][] = [];
    const versions = new Set<string>();
    for await (const page of client.pages<Secret>(secrets, { ...selection, metadataOnly: true })) {
      if (seen.length === 0) await apply(secret('page-late', {}, { labels: { paged: 'yes' } }));
      seen.push(page.items.map(({ metadata }) => metadata.name));
      versions.add(page.resourceVersion);
      expect(page.items.every((item) => item.kind === 'Secret' && !('data' in item))).toBe(true);
    }
    expect(seen).toEqual([names.slice(0, 3), names.slice(3, 6), names.slice(6)]);
    expect(versions.size).toBe(1);
  });
});

describe('watching', () => {
  it('tells changes, bookmarks and the end, in metadata alone', async () => {
    const labels = { watched: 'yes' };
    await apply(secret('kept', {}, { labels }));
    await apply(secret('unlabelled', {}, { labels }));
    const selection = { namespace, labelSelector: 'watched=yes', metadataOnly: true, signal };
    let resourceVersion = '';
    for await (const page of client.pages(secrets, selection)) ({ resourceVersion } = page);
    const watched = collect(client.watch(secrets, { ...selection, resourceVersion, timeoutSeconds: 6 }));
    await apply(secret('new', {}, { labels }));
    await apply(secret('kept', { data: 'two' }, { labels }));
    await apply(secret('unlabelled')); // the label goes
    await client.delete(secrets, { namespace, name: 'kept' }, { signal });
    const told = await watched;
    const changes = told.filter((event) => event.type !== 'BOOKMARK');
    expect(changes.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'ADDED new',
      'MODIFIED kept',
      'DELETED unlabelled',
      'DELETED kept',
    ]);
    expect(new Set(changes.flatMap(({ object }) => Object.keys(object)))).toEqual(
      new Set(['kind', 'apiVersion', 'metadata']),
    );
    const bookmark = told.findLast((event) => event.type === 'BOOKMARK');
    expect(isNewer(bookmark?.resourceVersion ?? '', resourceVersion)).toBe(true);
  });

  it('ends when the caller goes away', async () => {
    const stop = new AbortController();
    const watch = client.watch(secrets, { namespace, resourceVersion: '0', timeoutSeconds: 60, signal: stop.signal });
    await watch.next();
    stop.abort(new Error('enough'));
    await expect(collect(watch)).rejects.toThrow('enough');
  });
});

describe('a reflector', () => {
  it('follows labelled Secrets, for which a label that goes is a deletion', async () => {
    const store = new Store<KubeObject>({ logger });
    const told: string[] = [];
    store.subscribe(({ type, object }) => told.push(`${type} ${object.metadata.name}`));
    const labels = { reflected: 'yes' };
    await apply(secret('r-first', {}, { labels }));
    const selection = { namespace, labelSelector: 'reflected=yes', metadataOnly: true };
    const reflector = new Reflector({ client, resource: secrets, store, clock, logger, ...selection });
    const stop = new AbortController();
    const running = reflector.run(stop.signal);
    await reflector.synced;
    expect(told).toEqual(['added r-first']);

    const own = await apply(secret('r-own', {}, { labels }), { metadataOnly: true });
    store.absorb(own);
    expect(store.get(objectKey(own.metadata))).toEqual(own);
    await apply(secret('r-other', {}, { labels }));
    await apply(secret('r-first'));
    await client.delete(secrets, { namespace, name: 'r-own' }, { signal });
    await vi.waitFor(() => expect(told).toContain('deleted r-own'), waiting);
    // Whether "added r-own" is told depends on who is faster: the watch, or we with the answer to our write.
    const others = told.filter((event) => event !== 'added r-own');
    expect(others).toEqual(['added r-first', 'added r-other', 'deleted r-first', 'deleted r-own']);
    expect(store.size).toBe(1);
    expect(reflector.restarts).toBe(0);
    stop.abort();
    await running;
  });

  it('follows one object by its name', async () => {
    const store = new Store<KubeObject>({ logger });
    const selection = { namespace, fieldSelector: 'metadata.name=chosen', metadataOnly: true };
    const reflector = new Reflector({ client, resource: secrets, store, clock, logger, ...selection });
    const stop = new AbortController();
    const running = reflector.run(stop.signal);
    await reflector.synced;
    expect(store.size).toBe(0);
    await apply(secret('not-chosen'));
    await apply(secret('chosen'));
    await vi.waitFor(
      () => expect(Array.from(store.values(), ({ metadata }) => metadata.name)).toEqual(['chosen']),
      waiting,
    );
    await client.delete(secrets, { namespace, name: 'chosen' }, { signal });
    await vi.waitFor(() => expect(store.size).toBe(0), waiting);
    stop.abort();
    await running;
  });
});

describe('events', () => {
  it('are what kubectl shows, counted', async () => {
    const { metadata } = await apply(secret('eventful'));
    const { name, uid } = metadata;
    const recorder = new EventRecorder({ client, clock, logger, component: 'kube-test', instance: 'here' });
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    const regarding = { apiVersion: 'v1', kind: 'Secret', namespace, name, uid };
    const event = { type: 'Warning', reason: 'Tested', message: 'it works' } as const;
    recorder.record(regarding, event);
    const columns = 'TYPE:.type,REASON:.reason,COUNT:.count,SOURCE:.source.component,MESSAGE:.message';
    const shown = async (): Promise<string> => {
      const table = await kubectl([
        'get',
        'events',
        '-n',
        namespace,
        '--no-headers',
        '-o',
        `custom-columns=${columns}`,
      ]);
      return table.trim().replaceAll(/ {2,}/g, ' ');
    };
    await vi.waitFor(async () => expect(await shown()).toBe('Warning Tested 1 kube-test it works'), waiting);
    recorder.record(regarding, event);
    stop.abort();
    await running;
    expect(await shown()).toBe('Warning Tested 2 kube-test it works');
    expect(await kubectl(['events', '-n', namespace, '--for', `secret/${name}`])).toMatch(
      /Tested +Secret\/eventful +it works/,
    );
  });
});
