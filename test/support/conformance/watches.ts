import { beforeAll, expect, it } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import type { WatchEvent } from '../../../src/kube/answers.ts';
import type { Selection } from '../../../src/kube/client.ts';
import { isExpired } from '../../../src/kube/errors.ts';
import { secrets } from '../../../src/kube/objects.ts';
import type { Resource } from '../../../src/kube/objects.ts';
import { isNewer } from '../../../src/kube/versions.ts';
import type { Candidate } from '../api-conformance.ts';
import { base64, Bench, data, signal } from './bench.ts';
import type { Any } from './bench.ts';

type Change = Exclude<WatchEvent<Any>, { type: 'BOOKMARK' }>;
type Options = Selection & { metadataOnly?: boolean; resourceVersion: string };

export function watches(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  /** The version to watch from. */
  async function now(resource: Resource = secrets): Promise<string> {
    const { value } = await bench.client.pages(resource, { namespace: bench.namespace, limit: 1, signal }).next();
    return (value as { resourceVersion: string }).resourceVersion;
  }

  const watch = (resource: Resource, options: Options, timeoutSeconds = 60): AsyncGenerator<WatchEvent<Any>> =>
    bench.client.watch<Any>(resource, { namespace: bench.namespace, signal, ...options, timeoutSeconds });

  /** The changes until one of an object of this name. */
  async function until(last: string, events: AsyncIterable<WatchEvent<Any>>): Promise<Change[]> {
    const changes: Change[] = [];
    for await (const event of events) {
      if (event.type !== 'BOOKMARK') changes.push(event);
      if (event.type !== 'BOOKMARK' && event.object.metadata.name === last) return changes;
    }
    throw new Error(`the watch ended without ${last}`);
  }
  const short = ({ type, object }: Change): string => `${type} ${object.metadata.name}`;

  it('tells what happens to objects, each as it was then', async () => {
    const resourceVersion = await now();
    const told = until('end', watch(secrets, { resourceVersion }));
    const made = await bench.secret('told', 'one', data({ key: 'x' }));
    const changed = await bench.patch(secrets, 'told', data({ key: 'y' }));
    await bench.patch(secrets, 'told', data({ key: 'y' })); // nothing new
    await bench.delete(secrets, 'told');
    const again = await bench.secret('told', 'two', data({ key: 'z' }));
    await bench.secret('end', 'one');
    const changes = await told;
    expect(changes.map(short)).toEqual(['ADDED told', 'MODIFIED told', 'DELETED told', 'ADDED told', 'ADDED end']);
    expect([changes[0]?.object, changes[1]?.object, changes[3]?.object]).toEqual([made, changed, again]);
    // It is shown as it was last, at a version of its own.
    const { resourceVersion: gone } = changes[2]!.object.metadata;
    expect(changes[2]?.object).toEqual({ ...changed, metadata: { ...changed.metadata, resourceVersion: gone } });
    expect(isNewer(gone, changed.metadata.resourceVersion)).toBe(true);
    expect(isNewer(again.metadata.resourceVersion, gone)).toBe(true);
  });

  it('begins after the version that it is given, also when that is long ago', async () => {
    const { metadata } = await bench.secret('past', 'one', data({ key: 'x' }));
    await bench.patch(secrets, 'past', data({ key: 'y' }));
    await bench.delete(secrets, 'past');
    await bench.secret('present', 'one');
    const changes = await until('present', watch(secrets, { resourceVersion: metadata.resourceVersion }));
    expect(changes.map(short)).toEqual(['MODIFIED past', 'DELETED past', 'ADDED present']);
  });

  it('by label tells that an object came when it got the label, and that it was deleted when it lost it', async () => {
    const labels = { watched: 'yes' };
    const kept = await bench.secret('kept', 'one', { ...data({ key: 'x' }), metadata: { labels } });
    await bench.secret('plain', 'one', data({ key: 'x' }));
    const resourceVersion = await now();
    const told = until('end-label', watch(secrets, { resourceVersion, labelSelector: 'watched=yes' }));
    await bench.patch(secrets, 'plain', data({ key: 'y' }));
    await bench.patch(secrets, 'plain', { metadata: { labels } });
    const lost = await bench.patch(secrets, 'kept', { ...data({ key: 'y' }), metadata: { labels: { watched: 'no' } } });
    await bench.patch(secrets, 'kept', data({ key: 'z' }));
    await bench.delete(secrets, 'kept');
    await bench.patch(secrets, 'plain', data({ key: 'z' }));
    await bench.patch(secrets, 'plain', { metadata: { labels: null } });
    await bench.secret('end-label', 'one', { metadata: { labels } });
    const changes = await told;
    expect(changes.map(short)).toEqual([
      'ADDED plain',
      'DELETED kept',
      'MODIFIED plain',
      'DELETED plain',
      'ADDED end-label',
    ]);
    // What lost the label is shown as it was before, but at the version at which it lost it.
    const { resourceVersion: then } = lost.metadata;
    expect(changes[1]?.object).toEqual({ ...kept, metadata: { ...kept.metadata, resourceVersion: then } });
  });

  it('of one object by its name tells of no other', async () => {
    const elsewhere = await Bench.make(candidate);
    const resourceVersion = await now();
    const told = until('chosen', watch(secrets, { resourceVersion, fieldSelector: 'metadata.name=chosen' }));
    await bench.secret('not-chosen', 'one');
    await elsewhere.secret('chosen', 'two');
    await bench.secret('chosen', 'one');
    const changes = await told;
    expect(changes.map(short)).toEqual(['ADDED chosen']);
    expect(changes[0]?.object.metadata.namespace).toBe(bench.namespace);
  });

  it('of metadata shows nothing else', async () => {
    const resourceVersion = await now();
    const told = until('end-quiet', watch(secrets, { resourceVersion, metadataOnly: true }));
    const { metadata } = await bench.secret('quiet', 'one', data({ key: 'x' }));
    await bench.delete(secrets, 'quiet');
    await bench.secret('end-quiet', 'one', data({ key: 'x' }));
    const changes = await told;
    expect(changes[0]).toEqual({ type: 'ADDED', object: { apiVersion: 'v1', kind: 'Secret', metadata } });
    expect(changes.flatMap(({ object }) => Object.keys(object).sort())).toEqual(
      changes.flatMap(() => ['apiVersion', 'kind', 'metadata']),
    );
    expect(JSON.stringify(changes)).not.toContain(base64('x'));
  });

  it('of custom resources tells of spec and status, and of all namespaces when asked', async () => {
    const elsewhere = await Bench.make(candidate);
    const team = `t-${bench.namespace}`;
    const metadata = { labels: { team } };
    const resourceVersion = await now(providerCertificates);
    const selection = { namespace: undefined, labelSelector: `team=${team}`, resourceVersion };
    const told = until('last', watch(providerCertificates, selection));
    const made = await bench.certificate('web', { metadata });
    const patched = await bench.patchStatus(providerCertificates, 'web', { status: { message: 'Fine.' } });
    await elsewhere.certificate('last', { metadata });
    const changes = await told;
    expect(changes.map(short)).toEqual(['ADDED web', 'MODIFIED web', 'ADDED last']);
    expect(changes.slice(0, 2).map(({ object }) => object)).toEqual([made, patched]);
  });

  it('tells when an object that was held back is let go', async () => {
    const resourceVersion = await now(providerCertificates);
    const told = until('end', watch(providerCertificates, { resourceVersion }));
    await bench.certificate('held', { metadata: { finalizers: ['example.io/held'] } });
    await bench.delete(providerCertificates, 'held');
    await bench.patch(providerCertificates, 'held', { metadata: { finalizers: null } });
    await bench.certificate('end');
    const changes = await told;
    expect(changes.map(short)).toEqual(['ADDED held', 'MODIFIED held', 'DELETED held', 'ADDED end']);
    expect(changes.map(({ object }) => object.metadata.deletionTimestamp !== undefined)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('ends with a bookmark, from which the next one goes on', async () => {
    const resourceVersion = await now();
    const seen: WatchEvent<Any>[] = [];
    await bench.secret('before', 'one', data({ key: 'x' }));
    for await (const event of watch(secrets, { resourceVersion }, 6)) {
      seen.push(event);
      if (event.type === 'BOOKMARK') continue;
      // The real one sends no bookmark as long as nothing happens after the beginning.
      if (event.object.metadata.name === 'before') await bench.secret('during', 'one', data({ key: 'x' }));
      else candidate.endWatches();
    }
    const bookmark = seen.at(-1);
    expect(seen.filter(({ type }) => type !== 'BOOKMARK')).toHaveLength(2);
    expect(bookmark).toEqual({ type: 'BOOKMARK', resourceVersion: expect.any(String) });
    const from = bookmark?.type === 'BOOKMARK' ? bookmark.resourceVersion : '';
    expect(isNewer(from, resourceVersion)).toBe(true);
    await bench.secret('after', 'one');
    const rest = await until('after', watch(secrets, { resourceVersion: from }));
    expect(rest.map(short)).toEqual(['ADDED after']);
  });

  it('cannot go on from a version that is forgotten', async () => {
    const resourceVersion = await candidate.forgottenVersion();
    const error: unknown = await watch(providerCertificates, { resourceVersion })
      .next()
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'KubeError', status: 410, reason: 'Expired' });
    expect(isExpired(error)).toBe(true);
  });

  it('throws the reason of its signal when that is aborted', async () => {
    const stop = new AbortController();
    const resourceVersion = await now();
    const told = bench.client.watch(secrets, {
      namespace: bench.namespace,
      resourceVersion,
      timeoutSeconds: 60,
      signal: stop.signal,
    });
    await bench.secret('last', 'one');
    expect(await told.next()).toMatchObject({ done: false });
    const next = told.next();
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });
}
