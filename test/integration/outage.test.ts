import { expect, test } from 'vitest';

import { world } from '../support/world.ts';

test('three downloads that fail do not keep the account from being tried again', async () => {
  // The list, which only comes after an hour, is not what finds out that it is over.
  await using w = await world({ pollInterval: '1h', operator: false });
  const names = ['one', 'two', 'three', 'four'];
  for (const name of names) await w.upload(name);
  for (const name of names) await w.certificate(name);
  w.nhn.fault({ match: 'download', times: 4, status: 503 });
  await w.startOperator();
  for (const name of names) await w.synced(name, 'Synced');
  expect(w.nhn.counters.lists).toBe(1);
  await w.providerReady('nhn', 'Valid');
});
