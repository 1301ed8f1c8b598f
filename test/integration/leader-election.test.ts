import { expect, test } from 'vitest';

import type { KubeObject } from '../../src/kube/objects.ts';
import { leases } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { isLeading, leader } from '../support/leader.ts';
import { type World, world } from '../support/world.ts';

interface LeaseObject extends KubeObject {
  spec: { holderIdentity: string; leaseTransitions: number; leaseDurationSeconds: number; renewTime: string };
}

const args = ['--leader-elect'];
const { signal } = new AbortController();

function leaseOf(w: World): Promise<LeaseObject> {
  return w.client.get<LeaseObject>(leases, { namespace: w.namespace, name: 'provider-certificates' }, { signal });
}

test('one of several works, the others are ready and take over: at once when it ends, later when it dies', async () => {
  await using w = await world({ operator: false, args });
  await using first = await w.startOperator();
  await leader([first]);
  await using second = await w.startOperator();
  await using third = await w.startOperator();
  await w.upload('one');
  await w.certificate('one');
  await w.synced('one', 'Synced');
  expect(await isLeading(second)).toBe(false);
  expect(await isLeading(third)).toBe(false);
  expect(w.nhn.counters).toMatchObject({ downloads: 1 });

  expect(await first.stop()).toEqual({ code: 0, signal: null });
  // It gave the lease up: nobody had to wait for it to expire.
  expect((await first.logs()).map(({ msg }) => msg)).toContain('the lease was given up');
  const successor = await leader([second, third]);
  expect(await leaseOf(w)).toMatchObject({ spec: { leaseTransitions: 1, leaseDurationSeconds: 15 } });
  await w.upload('two');
  await w.certificate('two');
  await w.synced('two', 'Synced');

  await successor.kill();
  const last = await leader([second, third].filter((operator) => operator !== successor));
  const renewed = await w.upload('one');
  await w.holds('one', renewed);
  expect(await leaseOf(w)).toMatchObject({ spec: { leaseTransitions: 2 } });
  expect(await last.stop()).toEqual({ code: 0, signal: null });
  expect(await leaseOf(w)).toMatchObject({ spec: { holderIdentity: '' } });
});

test('who loses the lease ends at once, with one line that says so', async () => {
  await using w = await world({ operator: false, args });
  await using operator = await w.startOperator();
  await leader([operator]);
  await eventually(async () => {
    const { apiVersion, kind, metadata, spec } = await leaseOf(w);
    const stolen = { apiVersion, kind, metadata, spec: { ...spec, holderIdentity: 'a thief' } };
    await w.client.replace(leases, stolen, { signal });
  });
  expect(await operator.exited).toEqual({ code: 1, signal: null });
  const last = (await operator.logs()).at(-1);
  expect(last).toMatchObject({ level: 'fatal', err: { reason: 'LeaseLost', message: 'The lease went to a thief.' } });
  expect(last).not.toHaveProperty('err.stack');
});

test('a lease that was deleted is made anew, and nobody stops for that', async () => {
  await using w = await world({ operator: false, args });
  await using operator = await w.startOperator();
  await leader([operator]);
  const { metadata } = await leaseOf(w);
  await w.client.delete(leases, { namespace: w.namespace, name: metadata.name }, { signal });
  await eventually(async () => expect((await leaseOf(w)).metadata.uid).not.toBe(metadata.uid));
  expect(await isLeading(operator)).toBe(true);
});
