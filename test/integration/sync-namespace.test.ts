import { expect, test } from 'vitest';

import { namespaces } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { world } from '../support/world.ts';

const signal = AbortSignal.timeout(300_000);

test('in a namespace that is going away the operator stops writing, quietly', async () => {
  await using w = await world();
  const issued = await w.upload('deleted');
  await w.certificate('deleted');
  await w.holds('deleted', issued);
  await w.upload('probe');
  await w.certificate('probe');
  await w.certificate('late');
  await w.ready('probe', 'Valid');
  await w.synced('late', 'CertificateNotFound');

  // Nobody ends it here: it goes on terminating, as one does that holds many objects.
  await w.client.delete(namespaces, { name: w.namespace }, { signal });
  await w.deleteSecret('deleted');
  await w.upload('late');
  await w.refresh('late');
  await eventually(() => {
    expect(w.nhn.counters.downloadsOf['late']).toBeGreaterThan(0);
    expect(w.nhn.counters.downloadsOf['deleted']).toBeGreaterThan(0);
  });
  // What exists may still be changed. Until this is there, what is tried again and again was.
  await w.holds('probe', await w.upload('probe'));

  expect(await w.secret('late')).toBeUndefined();
  expect(await w.secret('deleted')).toBeUndefined();
  expect(w.nhn.counters.downloadsOf['late']).toBeLessThanOrEqual(2);
  expect(w.nhn.counters.downloadsOf['deleted']).toBeLessThanOrEqual(3);
  const loud = (await w.operator.logs()).filter(({ level }) => level === 'warn' || level === 'error');
  expect(loud).toEqual([]);
});

test('an operator for single namespaces serves no cluster provider, and says so', async () => {
  await using w = await world();
  await w.upload('web');
  await w.certificate('web', { providerRef: { kind: 'ClusterCertificateProvider', name: 'nhn' } });
  expect(await w.synced('web', 'ProviderNotFound')).toMatchObject({
    message: expect.stringContaining('--watch-namespace'),
  });
});
