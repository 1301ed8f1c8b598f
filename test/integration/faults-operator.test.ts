import { describe, expect, inject, test, vi } from 'vitest';

import { type KubeObject, leases } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { FaultyProxy, type Held } from '../support/faulty-proxy.ts';
import type { Call } from '../support/kube-call.ts';
import { leader } from '../support/leader.ts';
import type { Operator } from '../support/operator.ts';
import { type World, world } from '../support/world.ts';

// They wait more than they work, and all of them wait for a machine that is busy.
vi.setConfig({ maxConcurrency: 20, testTimeout: 300_000 });

/** Two operators that elect a leader, each on a way of its own to the API server, and what the provider has from the start. */
interface Pair extends AsyncDisposable {
  w: World;
  leading: { operator: Operator; proxy: FaultyProxy };
  standby: { operator: Operator; proxy: FaultyProxy };
}

async function pair(uploaded: readonly string[]): Promise<Pair> {
  const proxies = [
    await FaultyProxy.start(inject('kubeconfig')),
    await FaultyProxy.start(inject('kubeconfig')),
  ] as const;
  const ways = proxies.values();
  const w = await world({
    operator: false,
    args: ['--leader-elect'],
    through: async (kubeconfig) => (await ways.next().value?.kubeconfig(kubeconfig)) ?? kubeconfig,
  });
  for (const name of uploaded) await w.upload(name);
  const first = await w.startOperator();
  await leader([first]);
  const second = await w.startOperator();
  return {
    w,
    leading: { operator: first, proxy: proxies[0] },
    standby: { operator: second, proxy: proxies[1] },
    async [Symbol.asyncDispose]() {
      await Promise.all([first.kill(), w[Symbol.asyncDispose]()]);
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    },
  };
}

const applied = (name: string): Partial<Call> => ({ verb: 'apply', resource: 'secrets', name });
const renewed: Partial<Call> = { verb: 'update', resource: 'leases' };
const { signal } = new AbortController();

type LeaseObject = KubeObject & { spec: { holderIdentity: string } };

function leaseOf(w: World): Promise<LeaseObject> {
  return w.client.get<LeaseObject>(leases, { namespace: w.namespace, name: 'provider-certificates' }, { signal });
}

async function holderOf(w: World): Promise<string> {
  return (await leaseOf(w)).spec.holderIdentity;
}

/** Writes the lease as somebody who has no right to it. */
function steal(w: World): Promise<void> {
  return eventually(async () => {
    const { apiVersion, kind, metadata, spec } = await leaseOf(w);
    const stolen = { apiVersion, kind, metadata, spec: { ...spec, holderIdentity: 'a thief' } };
    await w.client.replace(leases, stolen, { signal });
  });
}

/** Asks for a certificate, and stops the leader's write of its Secret on the way. */
async function heldWrite({ w, leading }: Pair, name: string): Promise<Held> {
  const held = leading.proxy.hold(applied(name));
  await w.certificate(name);
  await held.arrived;
  return held;
}

describe.concurrent('a leader that is killed with a write in flight', () => {
  test('has a successor, for whom the write comes too late', async () => {
    const name = 'later-write';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    await w.certificate(name);
    await w.synced(name, 'Synced');
    const first = await w.secretUntil(name);

    const late = leading.proxy.hold(applied(name));
    const second = await w.upload(name);
    await late.arrived;
    await leading.operator.kill();
    expect(await w.secret(name)).toEqual(first);
    await w.holds(name, second);
    const third = await w.holds(name, await w.upload(name));
    await w.synced(name, 'Synced');
    expect(await leader([standby.operator])).toBe(standby.operator);

    late.release();
    expect(await late.answered).toBe(409);
    expect(await w.secret(name)).toEqual(third);
    expect(third.metadata.uid).toBe(first.metadata.uid);
  });

  test('which would be the first of its Secret: the same', async () => {
    const name = 'first-write';
    await using p = await pair([name]);
    const { w, leading } = p;
    const late = await heldWrite(p, name);
    await leading.operator.kill();
    await w.synced(name, 'Synced');
    const second = await w.holds(name, await w.upload(name));
    await w.synced(name, 'Synced');

    late.release();
    expect(await late.answered).toBe(409);
    expect(await w.secret(name)).toEqual(second);
  });

  test('before it told of a write: the next one finds it done', async () => {
    const name = 'untold';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    const late = leading.proxy.hold({ verb: 'patch', resource: 'providercertificates', name });
    await w.certificate(name);
    await late.arrived;
    await leading.operator.kill();
    const written = await w.secretUntil(name);
    await w.synced(name, 'Synced');
    const told = await w.get(name);
    expect(await w.secret(name)).toEqual(written);
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);

    late.release();
    expect(await late.answered).toBe(409);
    expect(await w.get(name)).toEqual(told);
    expect(standby.proxy.count(applied(name))).toBe(0);
  });
});

describe.concurrent('a leader', () => {
  test('that is told to end finishes its write first, and only then gives up the lease', async () => {
    const name = 'finished';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    const held = await heldWrite(p, name);
    const holder = await holderOf(w);
    leading.operator.signal('SIGTERM');
    const renewals = leading.proxy.count(renewed, 200);
    await eventually(() => expect(leading.proxy.count(renewed, 200)).toBeGreaterThan(renewals));
    expect(await holderOf(w)).toBe(holder);
    expect(await w.secret(name)).toBeUndefined();

    held.release();
    expect(await leading.operator.exited).toEqual({ code: 0, signal: null });
    await w.secretUntil(name);
    expect(await leader([standby.operator])).toBe(standby.operator);
    await w.synced(name, 'Synced');
    expect(standby.proxy.count(applied(name))).toBe(0);
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
  });

  test('that cannot finish its write ends all the same, and its successor writes', async () => {
    const name = 'given-up';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    const late = await heldWrite(p, name);
    expect(await leading.operator.stop()).toEqual({ code: 0, signal: null });
    expect(await leader([standby.operator])).toBe(standby.operator);
    const written = await w.secretUntil(name);
    await w.synced(name, 'Synced');
    late.release();
    expect(await late.answered).toBe(409);
    expect(await w.secret(name)).toEqual(written);
  });

  test('that is told to end while nothing answers it ends in order, before another takes over', async () => {
    const name = 'unheard';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    await heldWrite(p, name);
    leading.proxy.fault({}, { silent: true });
    for (const watch of leading.proxy.watches()) watch.stall();
    leading.operator.signal('SIGTERM');
    const first = await Promise.race([
      leading.operator.exited,
      leader([standby.operator]).then(() => 'another took over'),
    ]);
    expect(first).toEqual({ code: 0, signal: null });
    const messages = (await leading.operator.logs()).map(({ msg }) => msg);
    expect(messages).toContain('the lease could not be given up; others take it when it expires');
    expect(messages.at(-1)).toBe('stopped');
    expect(await w.secret(name)).toBeUndefined();
    await w.secretUntil(name);
  });

  test('that is cut off from the API server ends before another takes over', async () => {
    const name = 'cut-off';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    await w.certificate(name);
    await w.synced(name, 'Synced');
    leading.proxy.fault({}, { drop: 'call' });
    const next = await w.upload(name);
    const first = await Promise.race([
      leading.operator.exited,
      leader([standby.operator]).then(() => 'another took over'),
    ]);
    expect(first).toEqual({ code: 1, signal: null });
    expect((await leading.operator.logs()).at(-1)).toMatchObject({ level: 'fatal', err: { reason: 'LeaseLost' } });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
  });

  test('that was stopped for a while and goes on finds that it leads no longer', async () => {
    const name = 'stopped';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    await w.certificate(name);
    await w.synced(name, 'Synced');
    const late = leading.proxy.hold(applied(name));
    await w.upload(name);
    await late.arrived;
    leading.operator.signal('SIGSTOP');
    expect(await leader([standby.operator])).toBe(standby.operator);
    const next = await w.holds(name, await w.upload(name));
    await w.synced(name, 'Synced');

    leading.operator.signal('SIGCONT');
    late.release();
    expect(await late.answered).toBe(409);
    expect(await leading.operator.exited).toEqual({ code: 1, signal: null });
    expect((await leading.operator.logs()).at(-1)).toMatchObject({ level: 'fatal', err: { reason: 'LeaseLost' } });
    expect(await w.secret(name)).toEqual(next);
  });

  test('that loses the lease while a write is on its way does not wait for its answer, and finishes nothing', async () => {
    const name = 'robbed';
    await using p = await pair([name]);
    const { w, leading, standby } = p;
    const late = await heldWrite(p, name);
    await steal(w);
    expect(await leading.operator.exited).toEqual({ code: 1, signal: null });
    expect((await leading.operator.logs()).at(-1)).toMatchObject({
      level: 'fatal',
      err: { reason: 'LeaseLost', message: 'The lease went to a thief.' },
    });
    expect(leading.proxy.count(applied(name))).toBe(0);
    expect(await w.secret(name)).toBeUndefined();
    expect(await holderOf(w)).toBe('a thief');

    // The thief does not renew it.
    expect(await leader([standby.operator])).toBe(standby.operator);
    const written = await w.secretUntil(name);
    await w.synced(name, 'Synced');
    late.release();
    expect(await late.answered).toBe(409);
    expect(await w.secret(name)).toEqual(written);
  });

  test('keeps the lease through single calls that fail', async () => {
    const name = 'kept';
    await using p = await pair([name]);
    const { w, leading } = p;
    const holder = await holderOf(w);
    const faults = [{ status: 500 }, { drop: 'call' }, { status: 429, retryAfter: 1 }, { drop: 'answer' }] as const;
    for (const fault of faults) {
      const seen = leading.proxy.count(renewed, 200);
      leading.proxy.fault(renewed, fault, 1);
      await eventually(() => expect(leading.proxy.count(renewed, 200)).toBeGreaterThan(seen + 1));
    }
    await w.certificate(name);
    await w.synced(name, 'Synced');
    expect(await holderOf(w)).toBe(holder);
  });
});
