import { expect, test, vi } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { cloud, tlsOf, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

test.concurrent('what Observe compared does not stand in the way of adoption', async () => {
  await using w = await world();
  const issued = await w.upload('observed');
  await w.createSecret('observed', tlsOf(issued));
  await w.certificate('observed', { mode: 'Observe', secretName: 'observed' });
  await w.synced('observed', 'InSync');
  await w.patch('observed', { mode: 'Sync', adoptExisting: true });
  await w.ready('observed', 'Valid');
  await w.synced('observed', 'Synced');
});

test.concurrent('the pause of one account is not that of the next', async () => {
  await using w = await world();
  await w.upload('paused');
  w.nhn.fault({ match: 'download', status: 429, retryAfter: 600 });
  await w.certificate('paused');
  await w.synced('paused', 'RateLimited');

  const next = await cloud();
  await using _ = next.nhn;
  const issued = await w.issue('paused');
  next.nhn.upload('paused', issued.bundle);
  await w.credentials('nhn', next.access);
  await w.provider('nhn', next.nhn);
  await w.holds('paused', issued);
});

test.concurrent('a ca.crt of somebody is taken away again where the chain has no root', async () => {
  await using w = await world();
  const { certificate, chain, privateKey } = await w.issue('rootless');
  w.nhn.upload('rootless', certificate + chain + privateKey);
  await w.certificate('rootless');
  await w.ready('rootless', 'Valid');
  await w.patchSecret('rootless', { data: { 'ca.crt': Buffer.from(certificate).toString('base64') } });
  const secret = await w.secretUntil('rootless', ({ data }) => expect(data).not.toHaveProperty(['ca.crt']));
  expect(Object.keys(secret.data ?? {}).toSorted()).toEqual(['tls.crt', 'tls.key']);
  await w.ready('rootless', 'Valid');
});

test.concurrent('polls leave the provider object alone', async () => {
  await using w = await world();
  await w.upload('quiet');
  await w.certificate('quiet');
  await w.ready('quiet', 'Valid');
  const before = await w.providerReady('nhn', 'Valid');
  const { resourceVersion } = (await w.provider('nhn', w.nhn)).metadata;
  const { lists } = w.nhn.counters;
  await eventually(() => expect(w.nhn.counters.lists).toBeGreaterThan(lists + 1), { timeoutMs: 60_000 });
  expect((await w.provider('nhn', w.nhn)).metadata.resourceVersion).toBe(resourceVersion);
  expect(await w.providerReady('nhn', 'Valid')).toEqual(before);
});
