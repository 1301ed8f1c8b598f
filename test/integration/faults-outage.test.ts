import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';

import type { Issued } from '../../sandbox/pki/index.ts';
import { eventually } from '../support/eventually.ts';
import type { FaultyProxy } from '../support/faulty-proxy.ts';
import type { ObservedControlPlane } from '../support/observed.ts';
import { type OwnCluster, ownCluster } from '../support/own-cluster.ts';
import { runFolders } from '../support/run.ts';
import type { World } from '../support/world.ts';

vi.setConfig({ testTimeout: 300_000 });

let cluster: OwnCluster | undefined;
let observed: ObservedControlPlane;
let proxy: FaultyProxy;
let w: World;

/** Nobody else shall lose the API server. */
beforeAll(async () => {
  cluster = await ownCluster(runFolders(inject('runDirectory')));
  ({ observed, proxy, w } = cluster);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

test('an API server killed in the middle of many writes, and away for 30 s: nothing is lost, nothing is half', async () => {
  const { controlPlane, observer } = observed;
  const old = Array.from({ length: 20 }, (_, index) => `old-${index}`);
  const fresh = Array.from({ length: 20 }, (_, index) => `new-${index}`);
  const issued = new Map<string, Issued>();
  const upload = async (name: string): Promise<unknown> => issued.set(name, await w.upload(name));
  for (const name of [...old, ...fresh]) await upload(name);
  await w.startOperator();
  for (const name of old) await w.certificate(name);
  for (const name of old) await w.synced(name, 'Synced');
  const before = await Promise.all(old.map((name) => w.secret(name)));

  // On a slow way, most writes are somewhere between operator and server when that dies.
  const applied = { verb: 'apply', resource: 'secrets' } as const;
  proxy.fault(applied, { delayMs: 300 });
  const written = (): number => proxy.count(applied, 200) + proxy.count(applied, 201);
  for (const name of old) await upload(name);
  await Promise.all(fresh.map((name) => w.certificate(name)));
  await eventually(() => expect(written()).toBeGreaterThan(old.length + 5), { intervalMs: 5 });
  await controlPlane.kill();
  expect(written()).toBeLessThan(2 * old.length + fresh.length);

  const { lists } = w.nhn.counters;
  await setTimeout(30_000);
  // It goes on with what it can do, and nobody has a reason to end it.
  expect(w.nhn.counters.lists).toBeGreaterThan(lists);
  expect((await fetch(`${w.operator.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${w.operator.url}/readyz`)).status).toBe(200);

  proxy.clear();
  await controlPlane.restart();
  for (const name of [...old, ...fresh]) await w.holds(name, issued.get(name) ?? expect.fail());
  for (const name of [...old, ...fresh]) {
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
  }
  const after = await Promise.all(old.map((name) => w.secret(name)));
  expect(after.map((secret) => secret?.metadata.uid)).toEqual(before.map((secret) => secret?.metadata.uid));
  expect(await w.operator.stop()).toEqual({ code: 0, signal: null });
  expect(await observer.stop()).toEqual([]);
});
