import { describe, expect, inject, test, vi } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { type Call, isWrite } from '../support/kube-call.ts';
import { leader } from '../support/leader.ts';
import { type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 20, testTimeout: 300_000 });

interface Stage extends AsyncDisposable {
  w: World;
  proxy: FaultyProxy;
}

/** A world whose operators, not started yet, reach the API server by a proxy only. */
async function stage(args: readonly string[] = []): Promise<Stage> {
  const proxy = await FaultyProxy.start(inject('kubeconfig'));
  const w = await world({ operator: false, args, through: (kubeconfig) => proxy.kubeconfig(kubeconfig) });
  return {
    w,
    proxy,
    async [Symbol.asyncDispose]() {
      await w[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

test('an operator that is told to end while the API server has not said anything yet ends', async () => {
  await using s = await stage(['--leader-elect']);
  const { w, proxy } = s;
  proxy.fault({}, { silent: true });
  const operator = await w.startOperator({ ready: false });
  await eventually(() => expect(proxy.count({ verb: 'list' })).toBeGreaterThan(0));
  expect(await operator.stop()).toEqual({ code: 0, signal: null });
});

describe.concurrent('an operator that starts', () => {
  test.each(['providercertificates', 'certificateproviders', 'secrets'])(
    'asks for no lease and writes nothing before its list of %s is there',
    async (resource) => {
      const name = 'early';
      await using s = await stage(['--leader-elect']);
      const { w, proxy } = s;
      await w.upload(name);
      await w.certificate(name);
      const seen = proxy.record();
      const list = proxy.hold({ verb: 'list', resource });
      const operator = await w.startOperator({ ready: false });
      await list.arrived;
      await eventually(() => expect(proxy.watches()).toHaveLength(2));
      expect((await fetch(`${operator.url}/readyz`)).status).toBe(503);
      const others = (): Call[] =>
        seen.map(({ call }) => call).filter((call) => call.resource === 'leases' || isWrite(call));
      expect(others()).toEqual([]);

      list.release();
      expect(await leader([operator])).toBe(operator);
      await w.synced(name, 'Synced');
      expect(others().slice(0, 2)).toMatchObject([
        { verb: 'get', resource: 'leases' },
        { verb: 'create', resource: 'leases' },
      ]);
    },
  );
});

test('an object whose reconcile always fails is tried again, and leaves the only worker to the others', async () => {
  await using s = await stage(['--concurrency=1']);
  const { w, proxy } = s;
  for (const name of ['poison', 'well']) await w.upload(name);
  const operator = await w.startOperator();
  const told = { verb: 'patch', resource: 'providercertificates', name: 'poison' } as const;
  const end = proxy.fault(told, { status: 500 });
  await w.certificate('poison');
  await eventually(() => expect(proxy.count(told, 500)).toBeGreaterThan(3));
  await w.certificate('well');
  await w.synced('well', 'Synced');
  await w.holds('well', await w.upload('well'));
  expect((await fetch(`${operator.url}/healthz`)).status).toBe(200);
  const metrics = await operator.metrics();
  expect(Number(/^provider_certificates_reconcile_total\{result="error"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(
    1,
  );

  end();
  await w.synced('poison', 'Synced');
});
