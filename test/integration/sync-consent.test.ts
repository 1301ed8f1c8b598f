import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';

import { namespaces, secrets } from '../../src/kube/objects.ts';
import { type ObservedControlPlane, startObserved } from '../support/observed.ts';
import { runFolders } from '../support/run.ts';
import { textOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

const signal = AbortSignal.timeout(300_000);

/** Cluster providers are served by operators that serve all namespaces: there may be one only. */
let observed: ObservedControlPlane;
let w: World;
beforeAll(async () => {
  observed = await startObserved(() => runFolders(inject('runDirectory')));
  w = await world({ kubeconfig: observed.controlPlane.adminKubeconfig, clusterWide: true });
});
afterAll(async () => {
  await w[Symbol.asyncDispose]();
  expect(await observed.stop()).toEqual([]);
});

const providerRef = (name: string) => ({ providerRef: { kind: 'ClusterCertificateProvider', name } as const });

function label(namespace: string, labels: Record<string, string | null>): Promise<unknown> {
  return w.client.mergePatch(namespaces, { name: namespace }, { metadata: { labels } }, { signal });
}

describe.concurrent('a cluster provider serves', () => {
  test('all namespaces, when it says so', async () => {
    await w.clusterProvider('for-all', { allowedNamespaces: { from: 'All' } });
    const issued = await w.upload('for-all');
    const [one, other] = await Promise.all([w.neighbour(), w.neighbour()]);
    for (const neighbour of [one, other]) {
      await neighbour.certificate('web', { ...providerRef('for-all'), remoteRef: { name: 'for-all' } });
    }
    for (const neighbour of [one, other]) {
      await neighbour.ready('web', 'Valid');
      await neighbour.holds('web', issued);
    }
    // They share the account, and what is downloaded.
    expect(w.nhn.counters.downloadsOf['for-all']).toBe(1);
  });

  test('none, when it says so', async () => {
    await w.clusterProvider('for-none', { allowedNamespaces: { from: 'None' } });
    await w.upload('for-none');
    const n = await w.neighbour();
    await n.certificate('web', { ...providerRef('for-none'), remoteRef: { name: 'for-none' } });
    expect(await n.synced('web', 'NamespaceNotAllowed')).toMatchObject({
      message: expect.stringContaining(n.namespace),
    });
    await n.ready('web', 'SecretMissing');
    expect(await n.secret('web')).toBeUndefined();
    expect(w.nhn.counters.downloadsOf).not.toHaveProperty('for-none');
  });

  test('those with the labels, as long as they have them', async () => {
    const selector = {
      matchLabels: { consent: 'labels' },
      matchExpressions: [{ key: 'blocked', operator: 'DoesNotExist' }],
    };
    await w.clusterProvider('for-labels', { allowedNamespaces: { from: 'Selector', selector } });
    const issued = await w.upload('for-labels');
    const n = await w.neighbour({ consent: 'other' });
    await n.certificate('web', { ...providerRef('for-labels'), remoteRef: { name: 'for-labels' } });
    await n.synced('web', 'NamespaceNotAllowed');
    expect(w.nhn.counters.downloadsOf).not.toHaveProperty('for-labels');

    await label(n.namespace, { consent: 'labels' });
    await n.ready('web', 'Valid');
    const before = await n.holds('web', issued);

    await label(n.namespace, { blocked: '' });
    await n.synced('web', 'NamespaceNotAllowed');
    await n.ready('web', 'Valid');
    // What is listed meanwhile, and what is asked for, is not downloaded.
    const next = await w.upload('for-labels');
    await n.refresh('web');
    await w.upload('probe');
    await w.certificate('probe');
    const probe = await w.upload('probe');
    await w.holds('probe', probe);
    expect(await n.secret('web')).toEqual(before);
    expect(w.nhn.counters.downloadsOf['for-labels']).toBe(1);

    await label(n.namespace, { blocked: null });
    await n.holds('web', next);
    await n.synced('web', 'Synced');
  });

  test('until its consent is withdrawn: the Secret stays, and not even its metadata are written', async () => {
    await w.clusterProvider('withdrawn', { allowedNamespaces: { from: 'All' } });
    const issued = await w.upload('withdrawn');
    const n = await w.neighbour();
    await n.certificate('web', { ...providerRef('withdrawn'), remoteRef: { name: 'withdrawn' } });
    await n.ready('web', 'Valid');
    const before = await n.holds('web', issued);

    await w.clusterProvider('withdrawn', { allowedNamespaces: { from: 'None' } });
    await n.synced('web', 'NamespaceNotAllowed');
    await n.patch('web', { secretTemplate: { labels: { team: 'a' } } });
    await n.synced('web', 'NamespaceNotAllowed');
    await n.ready('web', 'Valid');
    expect(await n.secret('web')).toEqual(before);

    await w.clusterProvider('withdrawn', { allowedNamespaces: { from: 'All' } });
    await n.synced('web', 'Synced');
    expect((await n.secret('web'))?.metadata.labels).toMatchObject({ team: 'a' });
    expect(w.nhn.counters.downloadsOf['withdrawn']).toBe(1);
  });

  test('the certificates that its globs cover, and no others', async () => {
    const allowedNamespaces = { from: 'All' };
    await w.clusterProvider('by-name', { allowedNamespaces, allowedCertificates: ['team-a-*', '*.shared.*'] });
    const names = ['team-a-web', 'xteam-a-web', 'www.shared.example.com', 'www.private.example.com'];
    for (const name of names) await w.upload(name, { dnsNames: ['www.example.com'] });
    const n = await w.neighbour();
    for (const name of names) await n.certificate(name, providerRef('by-name'));
    await n.ready('team-a-web', 'Valid');
    await n.ready('www.shared.example.com', 'Valid');
    await n.synced('xteam-a-web', 'NamespaceNotAllowed');
    await n.synced('www.private.example.com', 'NamespaceNotAllowed');
    expect(w.nhn.counters.downloadsOf).not.toHaveProperty('xteam-a-web');

    await w.clusterProvider('by-name', { allowedNamespaces, allowedCertificates: ['*team-a-*'] });
    await n.ready('xteam-a-web', 'Valid');
    await n.synced('www.shared.example.com', 'NamespaceNotAllowed');
    await n.ready('www.shared.example.com', 'Valid');
  });
});

describe.concurrent('an operator for all namespaces', () => {
  test('leaves a copy of a Secret in another namespace alone', async () => {
    const issued = await w.upload('copied');
    await w.certificate('copied');
    await w.ready('copied', 'Valid');
    const { metadata, type, data } = await w.holds('copied', issued);
    const n = await w.neighbour();
    const { labels, annotations } = metadata;
    const copy = await w.client.create(
      secrets,
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: n.namespace, name: 'copied', labels: labels ?? {}, annotations: annotations ?? {} },
        type,
        data,
      },
      { signal },
    );
    await w.clusterProvider('copies', { allowedNamespaces: { from: 'All' } });
    await n.certificate('copied', providerRef('copies'));
    await n.synced('copied', 'SecretConflict');
    expect(await n.secret('copied')).toEqual(copy);

    // Neither does a change of the copy disturb the original.
    await n.patchSecret('copied', { data: { 'ca.crt': null } });
    const next = await w.upload('copied');
    expect(textOf(await w.holds('copied', next), 'ca.crt')).toBe(next.root);
    expect((await n.secret('copied'))?.data?.['tls.crt']).toBe(data?.['tls.crt']);
  });

  test('keeps certificates of the same name in two namespaces apart', async () => {
    const [one, other] = await Promise.all([w.neighbour(), w.neighbour()]);
    await w.clusterProvider('twins', { allowedNamespaces: { from: 'All' } });
    const [first, second] = [await w.upload('twin-1'), await w.upload('twin-2')];
    await one.certificate('twin', { ...providerRef('twins'), remoteRef: { name: 'twin-1' } });
    await other.certificate('twin', { ...providerRef('twins'), remoteRef: { name: 'twin-2' } });
    await one.ready('twin', 'Valid');
    await other.ready('twin', 'Valid');
    await one.holds('twin', first);
    await other.holds('twin', second);
  });

  test('finds no CertificateProvider of another namespace', async () => {
    const n = await w.neighbour();
    await w.upload('elsewhere');
    await n.certificate('elsewhere');
    await n.synced('elsewhere', 'ProviderNotFound');
  });
});
