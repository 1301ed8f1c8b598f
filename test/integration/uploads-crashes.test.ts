import { X509Certificate } from 'node:crypto';

import { expect, test } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { UploadWorld } from '../support/uploads.ts';

const patience = { timeoutMs: 90_000 };
const statusPatch = { verb: 'patch', resource: 'certificateuploads', subresource: 'status' } as const;

/** A world whose operator can be stopped at each call that it makes, and killed there. */
async function stage() {
  let proxy: FaultyProxy | undefined;
  const u = await UploadWorld.start({
    operator: false,
    through: async (kubeconfig) => {
      proxy ??= await FaultyProxy.start(kubeconfig);
      return proxy.kubeconfig(kubeconfig);
    },
  });
  await u.world.startOperator();
  if (proxy === undefined) throw new Error('the operator goes through the proxy');
  const way = proxy;
  return {
    u,
    proxy: way,
    async [Symbol.asyncDispose]() {
      await u[Symbol.asyncDispose]();
      await way[Symbol.asyncDispose]();
    },
  };
}

type Stage = Awaited<ReturnType<typeof stage>>;

const fingerprints = ({ u }: Stage): (string | undefined)[] => u.scp.registered.map(({ leaf }) => leaf?.fingerprint256);

/** Kills the operator where it was stopped, and starts another. */
async function killAndRestart({ u, proxy }: Stage): Promise<void> {
  await u.world.operator.kill();
  u.scp.clearFaults();
  u.scp.dropConnections();
  proxy.clear();
  await u.world.startOperator();
}

/** Waits until the operator makes a certain call, and keeps it there. */
type Stop = (s: Stage) => Promise<void>;

const counters = { check: 'checks', create: 'creates', download: 'downloads', delete: 'deletes' } as const;

/** At a call to the cloud, which does what it is asked for, and never answers. */
const atCloud =
  (match: keyof typeof counters, before = 0): Stop =>
  async ({ u: { scp } }) => {
    const counter = counters[match];
    const seen = scp.counters[counter];
    if (before > 0) scp.fault({ match, times: before });
    scp.fault({ match, stall: 'headers' });
    await eventually(() => expect(scp.counters[counter]).toBeGreaterThan(seen + before), patience);
  };

/** At a change of the status, which reaches the API server or not. */
const atApiServer =
  (reaches: boolean, before = 0): Stop =>
  async ({ proxy }) => {
    for (let passed = 0; passed < before; passed += 1) {
      const earlier = proxy.hold(statusPatch);
      await earlier.arrived;
      earlier.release();
      await earlier.answered;
    }
    const held = proxy.hold(statusPatch);
    await held.arrived;
    if (!reaches) return;
    held.release();
    await held.answered;
  };

test.each<[string, Stop]>([
  ['before it is announced', atApiServer(false)],
  ['when it is announced', atApiServer(true)],
  ['while the name is checked', atCloud('check')],
  ['while the pair is checked', atCloud('check', 1)],
  ['while it is sent', atCloud('create')],
  ['while it is read back', atCloud('download')],
  ['before the status says more', atApiServer(false, 1)],
  ['when the status says more', atApiServer(true, 1)],
])('an upload whose operator is killed %s is there once', async (_when, stop) => {
  await using s = await stage();
  const { u } = s;
  const foreign = await u.world.issue('foreign');
  u.scp.upload('www-00000000', foreign);
  const leaves: X509Certificate[] = [];
  // A first upload, a renewal, and one more that makes the first one surplus.
  for (let round = 0; round < 3; round += 1) {
    const stopped = stop(s);
    leaves.push(new X509Certificate((await u.issueInto('www')).certificate));
    if (round === 0) await u.create('www');
    await stopped;
    await killAndRestart(s);
    await u.uploaded('www', leaves.at(-1)!);
  }
  const [, second, third] = leaves.map(({ fingerprint256 }) => fingerprint256);
  await eventually(
    () => expect(fingerprints(s)).toEqual([new X509Certificate(foreign.certificate).fingerprint256, second, third]),
    patience,
  );
  expect(u.scp.counters.creates).toBe(3);
});

test('a deletion whose operator is killed deletes one certificate, and nothing else', async () => {
  await using s = await stage();
  const { u } = s;
  const put = async (): Promise<X509Certificate> => new X509Certificate((await u.issueInto('www')).certificate);
  const first = await put();
  await u.create('www', { keepPrevious: 0 });
  await u.uploaded('www', first);
  const stopped = atCloud('delete')(s);
  const second = await put();
  await stopped;
  await killAndRestart(s);
  const { status } = await u.until('www', { synced: 'Uploaded' }, (upload) =>
    expect(upload.status?.history).toHaveLength(1),
  );
  expect(status.remote?.fingerprintSHA256).toBe(second.fingerprint256);
  expect(fingerprints(s)).toEqual([second.fingerprint256]);
  expect(u.scp.counters.deletes).toBe(1);
});
