import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';

import { certificateProviders, providerCertificates } from '../../src/api/group.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { namespaces } from '../../src/kube/objects.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import type { FaultyProxy } from '../support/faulty-proxy.ts';
import { kubectl } from '../support/kubectl.ts';
import type { ObservedControlPlane } from '../support/observed.ts';
import { type OwnCluster, ownCluster } from '../support/own-cluster.ts';
import { runFolders } from '../support/run.ts';
import { encoded, tlsOf, type World } from '../support/world.ts';

const definitions = join(import.meta.dirname, '..', '..', 'crds');
const kinds = ['providercertificates', 'certificateproviders', 'clustercertificateproviders'] as const;
const { signal } = new AbortController();

vi.setConfig({ testTimeout: 300_000 });

let cluster: OwnCluster | undefined;
let observed: ObservedControlPlane;
let proxy: FaultyProxy;
let w: World;

/** What happens here would happen to all tests. */
beforeAll(async () => {
  cluster = await ownCluster(runFolders(inject('runDirectory')));
  ({ observed, proxy, w } = cluster);
  for (const name of ['one', 'two', 'three']) await w.upload(name);
  await w.startOperator();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

function admin(args: readonly string[], input?: object): Promise<string> {
  const { adminKubeconfig: kubeconfig } = observed.controlPlane;
  return kubectl(args, { kubeconfig, ...(input && { input }) });
}

async function inPlace(name: string): Promise<Secret> {
  await w.certificate(name);
  await w.synced(name, 'Synced');
  return w.secretUntil(name);
}

/** Lets etcd forget all versions but the last, as it does every five minutes. */
async function compact(): Promise<void> {
  const { metadata } = JSON.parse(await admin(['get', '--raw', '/api/v1/secrets'])) as {
    metadata: { resourceVersion: string };
  };
  const socketPath = join(observed.controlPlane.directory, 'localhost:2379');
  const answer = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: '/v3/kv/compaction', method: 'POST' }, (response) =>
      text(response).then(resolve, reject),
    );
    asked.on('error', reject).end(JSON.stringify({ revision: metadata.resourceVersion, physical: true }));
  });
  expect(JSON.parse(answer)).toMatchObject({ header: { revision: expect.any(String) } });
}

// One after the other: each begins where the former has left off.
describe('a cluster', () => {
  test('that has forgotten the versions last seen: everything is listed anew, and made good', async () => {
    const [one, two] = [await inPlace('one'), await inPlace('two')];
    const watches = proxy.watches();
    for (const watch of watches) watch.stall();
    await w.deleteSecret('one');
    await w.patchSecret('two', { data: encoded(tlsOf(await w.issue('two'))) });
    await w.certificate('three');
    await compact();
    const listed = kinds.map((resource) => proxy.count({ verb: 'list', resource }, 200));
    await observed.controlPlane.restart();

    const after = await w.secretUntil('one');
    expect(after.data).toEqual(one.data);
    expect(after.metadata.uid).not.toBe(one.metadata.uid);
    await w.secretUntil('two', ({ data }) => expect(data).toEqual(two.data));
    for (const name of ['one', 'two', 'three']) {
      await w.synced(name, 'Synced');
      await w.ready(name, 'Valid');
    }
    await eventually(() => {
      for (const [index, resource] of kinds.entries())
        expect(proxy.count({ verb: 'list', resource }, 200)).toBeGreaterThan(listed[index] ?? 0);
    });
  });

  test('that loses our CRDs and gets them back: Secrets stay, and are taken back as they are', async () => {
    const names = ['one', 'two', 'three'];
    const before = await Promise.all(names.map((name) => w.secret(name)));
    const downloads = { ...w.nhn.counters.downloadsOf };
    await admin(['delete', '-f', definitions, '--wait']);
    await eventually(() => {
      for (const resource of kinds) expect(proxy.count({ resource }, 404)).toBeGreaterThan(0);
    });
    expect(await Promise.all(names.map((name) => w.secret(name)))).toEqual(before);
    expect((await fetch(`${w.operator.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${w.operator.url}/readyz`)).status).toBe(200);

    await admin(['apply', '--server-side', '-f', definitions]);
    await admin(['wait', '--for=condition=Established', '-f', definitions]);
    await eventually(() => w.provider('nhn', w.nhn));
    for (const name of names) await eventually(() => w.certificate(name));
    for (const name of names) {
      await w.synced(name, 'Synced');
      await w.ready(name, 'Valid');
    }
    expect(await Promise.all(names.map((name) => w.secret(name)))).toEqual(before);
    expect(w.nhn.counters.downloadsOf).toEqual(downloads);
    await w.holds('one', await w.upload('one'));
  });

  test('that loses a namespace, which later comes back: the others do not notice', async () => {
    const other = await w.neighbour();
    const { client, namespace } = other;
    const furnish = async (): Promise<void> => {
      await other.credentials('nhn', other.access);
      await other.provider('nhn', other.nhn);
      await other.certificate('one');
      await other.certificate('two', { deletionPolicy: 'Delete' });
      for (const name of ['one', 'two']) await other.synced(name, 'Synced');
    };
    await furnish();
    const logged = (await w.operator.logs()).length;

    // What the controllers of a real cluster do.
    await client.delete(namespaces, { name: namespace }, { signal });
    for (const name of ['one', 'two']) await client.delete(providerCertificates, { namespace, name }, { signal });
    await client.delete(certificateProviders, { namespace, name: 'nhn' }, { signal });
    for (const name of ['one', 'nhn-credentials', 'two']) await other.deleteSecret(name);
    const { metadata } = await client.get(namespaces, { name: namespace }, { signal });
    const finalized = { apiVersion: 'v1', kind: 'Namespace', metadata, spec: { finalizers: [] } };
    await admin(['replace', '--raw', `/api/v1/namespaces/${namespace}/finalize`, '-f', '-'], finalized);
    await eventually(async () => {
      const gone = await client.get(namespaces, { name: namespace }, { signal }).then(() => false, isNotFound);
      expect(gone).toBe(true);
    });
    await w.holds('two', await w.upload('two'));
    await w.synced('two', 'Synced');
    const loud = (await w.operator.logs()).slice(logged).filter(({ level }) => level === 'error' || level === 'fatal');
    expect(loud).toEqual([]);

    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
    await furnish();
    await other.holds('one', await other.upload('one'));
  });

  test('in all of this had no pair that does not fit', async () => {
    expect(await w.operator.stop()).toEqual({ code: 0, signal: null });
    expect(await observed.observer.stop()).toEqual([]);
  });
});
