import { expect, test } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { tlsOf, world } from '../support/world.ts';

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

test('a new operator finds all as it was: no download, no write, no event', async () => {
  await using w = await world();
  const synced = ['one', 'two', 'three'];
  for (const name of synced) {
    await w.upload(name);
    await w.certificate(name);
  }
  await w.upload('ending', { notBefore: inDays(-80), notAfter: inDays(10) });
  await w.certificate('ending');
  await w.certificate('suspended', { suspend: true });
  await w.certificate('absent');
  await w.createSecret('seen', tlsOf(await w.upload('seen')));
  await w.certificate('seen', { mode: 'Observe', secretName: 'seen' });
  await w.upload('remote');
  await w.certificate('remote', { mode: 'Observe' });
  for (const name of [...synced, 'ending']) await w.synced(name, 'Synced');
  await w.synced('suspended', 'Suspended');
  await w.synced('absent', 'CertificateNotFound');
  await w.synced('seen', 'InSync');
  await w.synced('remote', 'NotCompared');
  await w.event('ending', 'Expiring');

  const names = [...synced, 'ending', 'suspended', 'absent', 'seen', 'remote'];
  const picture = async (): Promise<unknown> => ({
    certificates: await Promise.all(names.map((name) => w.get(name))),
    secrets: await Promise.all(names.map((name) => w.secret(name))),
    events: await Promise.all(names.map((name) => w.events(name))),
    downloads: names.map((name) => w.nhn.counters.downloadsOf[name]),
  });
  const before = await picture();
  expect(await w.operator.stop()).toMatchObject({ code: 0 });
  const { lists } = w.nhn.counters;

  await w.startOperator();
  // It lists, and what comes after that was decided upon what it found.
  await w.upload('late');
  await eventually(() => expect(w.nhn.counters.lists).toBeGreaterThan(lists));
  await w.certificate('late');
  await w.synced('late', 'Synced');
  expect(await picture()).toEqual(before);

  // And it does what there is to do.
  const next = await w.upload('two');
  await w.holds('two', next);
  await w.event('two', 'Rotated');
});

test('what happened while no operator ran is made good', async () => {
  await using w = await world();
  const issued = await w.upload('deleted');
  await w.certificate('deleted');
  await w.upload('renewed');
  await w.certificate('renewed');
  await w.upload('held');
  const other = await w.upload('waiting');
  await w.certificate('held', { secretName: 'shared' });
  await w.ready('held', 'Valid');
  await w.certificate('waiting', { secretName: 'shared' });
  for (const name of ['deleted', 'renewed', 'held']) await w.ready(name, 'Valid');
  await w.synced('waiting', 'SecretConflict');
  expect(await w.operator.stop()).toMatchObject({ code: 0 });

  await w.deleteSecret('deleted');
  const next = await w.upload('renewed');
  await w.remove('held');
  await w.startOperator();
  await w.holds('deleted', issued);
  await w.holds('renewed', next);
  await w.holds('shared', other);
  await w.event('renewed', 'Rotated');
  await w.ready('waiting', 'Valid');
});
