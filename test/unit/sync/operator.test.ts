import { beforeEach, expect, test } from 'vitest';
import type { ProviderCertificate } from '../../../src/api/certificate.ts';
import { providerCertificates } from '../../../src/api/group.ts';
import type { Clock } from '../../../src/clock.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { refusal } from '../../../src/kube/errors.ts';
import { Lease } from '../../../src/kube/lease.ts';
import { apiVersionOf } from '../../../src/kube/objects.ts';
import type { Wire } from '../../../src/kube/transport.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { unlessAborted } from '../../../src/unless-aborted.ts';
import { Operator, type OperatorObserver, type OperatorOptions } from '../../../src/sync/operator.ts';
import { ModelApiServer } from '../../simulation/api-server.ts';
import { VirtualTime } from '../../simulation/virtual-time.ts';
import { forever, recordingLogger, silent } from '../kube/support.ts';

const namespace = 'default';
const minute = 60_000;

let time: VirtualTime;
let server: ModelApiServer;
/** Timers that are set now never fire. */
let losesTimers: boolean;
/** How reconciles ended. */
let outcomes: string[];

const clock: Clock = {
  now: () => time.now(),
  elapsed: () => time.elapsed(),
  after: (ms, fn) => (losesTimers ? () => {} : time.after(ms, fn)),
};

beforeEach(() => {
  time = new VirtualTime(Date.UTC(2026, 0, 1));
  server = new ModelApiServer({ clock: time });
  [losesTimers, outcomes] = [false, []];
});

type Options = Partial<Omit<OperatorOptions, 'observer'>> & { wire?: Wire; observer?: Partial<OperatorObserver> };

function start({ observer, wire = server, ...options }: Options = {}): Operator {
  const operator = new Operator({
    client: new KubeClient(wire, { clock }),
    clock,
    logger: silent,
    endpoints: new Endpoints(),
    watchNamespaces: [namespace],
    concurrency: 1,
    instance: 'one',
    random: () => 0,
    observer: {
      reconciled: ({ outcome }) => void outcomes.push(outcome),
      providerCalled: () => {},
      certificate: () => {},
      ...observer,
    },
    ...options,
  });
  void operator.run(forever);
  return operator;
}

const somebody = (): KubeClient => new KubeClient(server.as('somebody'), { clock: time });

async function certificate(name: string): Promise<void> {
  const spec = { providerRef: { name: 'none' }, remoteRef: { name } };
  const { kind } = providerCertificates;
  const manifest = { apiVersion: apiVersionOf(providerCertificates), kind, metadata: { namespace, name }, spec };
  await somebody().create<ProviderCertificate>(providerCertificates, manifest, { signal: forever });
}

/** Why Synced is as it is. */
async function reasonOf(name: string): Promise<string | undefined> {
  const where = { namespace, name };
  const { status } = await somebody().get<ProviderCertificate>(providerCertificates, where, { signal: forever });
  return status?.conditions?.find(({ type }) => type === 'Synced')?.reason;
}

test('an operator that does its work is never stalled', async () => {
  const operator = start();
  for (const name of ['one', 'two']) await certificate(name);
  for (let minutes = 0; minutes < 60; minutes++) {
    await time.pass(minute);
    expect(operator.stalled).toBeUndefined();
  }
  expect(await reasonOf('one')).toBe('ProviderNotFound');
});

test.each(['certificate', 'provider'] as const)(
  'an operator is stalled when a %s is due for two minutes, and a worker waits',
  async (kind) => {
    const operator = start();
    await time.pass(1_000);
    const queue = operator.queues[kind];
    losesTimers = true;
    queue.schedule('default/one', minute);
    await time.pass(2.9 * minute);
    expect(queue.oldestDueMs()).toBeGreaterThan(minute);
    expect(operator.stalled).toBeUndefined();
    await time.pass(0.2 * minute);
    expect(operator.stalled).toBe('work is due, and nobody does it');
    expect(outcomes).toEqual([]);

    // Whatever makes the key due anew ends it.
    queue.add('default/one');
    await time.pass(0);
    expect(outcomes).toEqual(['success']);
    expect(operator.stalled).toBeUndefined();
  },
);

test('an operator is not stalled when all of its workers are busy', async () => {
  const wire: Wire = {
    call: (request, signal) =>
      request.method === 'PATCH' ? unlessAborted(new Promise<never>(() => {}), signal) : server.call(request, signal),
    stream: (request, signal) => server.stream(request, signal),
  };
  const operator = start({ wire });
  for (const name of ['one', 'two', 'three']) await certificate(name);
  await time.pass(3 * minute);
  expect(operator.queues.certificate.oldestDueMs()).toBeGreaterThan(2 * minute);
  expect(operator.stalled).toBeUndefined();
});

test('an operator that waits for the lease is not stalled', async () => {
  const lease = new Lease({
    client: new KubeClient(server, { clock }),
    clock,
    logger: silent,
    namespace,
    name: 'lease',
    identity: 'one',
  });
  const other = new Lease({
    client: new KubeClient(server.as('other'), { clock }),
    clock,
    logger: silent,
    namespace,
    name: 'lease',
    identity: 'other',
  });
  await other.acquire(forever);
  void other.keep(forever);
  await certificate('one');
  const operator = start({ lease });
  await time.pass(5 * minute);
  expect(operator.ready).toBe(true);
  expect(operator.leading).toBe(false);
  expect(operator.queues.certificate.oldestDueMs()).toBeGreaterThan(2 * minute);
  expect(operator.stalled).toBeUndefined();
});

test('an object whose reconcile always throws is tried again later and later, and the only worker serves the others', async () => {
  let tries = 0;
  const poisoned = (key: string): void => {
    if (key !== 'default/poison') return;
    tries++;
    throw new TypeError('what nobody foresaw');
  };
  const operator = start({ observer: { certificate: poisoned } });
  await certificate('poison');
  await time.pass(10 * minute);
  const triesAtFirst = tries;
  expect(triesAtFirst).toBeGreaterThan(5);
  await certificate('late');
  await time.pass(minute);
  expect(await reasonOf('late')).toBe('ProviderNotFound');
  await time.pass(49 * minute);
  expect(tries - triesAtFirst).toBeGreaterThan(3);
  expect(tries - triesAtFirst).toBeLessThan(12);
  expect(outcomes.filter((outcome) => outcome === 'panic')).toHaveLength(tries);
  expect(operator.stalled).toBeUndefined();
});

test('what is logged of one reconcile, from the decision to the failure, has one id', async () => {
  const { logger, lines } = recordingLogger();
  const wire: Wire = {
    call: async (request, signal) => {
      if (request.method === 'PATCH') throw refusal(request.operation, 500, {}, undefined, time.now());
      return server.call(request, signal);
    },
    stream: (request, signal) => server.stream(request, signal),
  };
  start({ wire, logger, concurrency: 4 });
  for (const name of ['one', 'two']) await certificate(name);
  await time.pass(minute);
  const ofReconciles = lines.filter(({ controller }) => controller === 'certificate');
  const byId = [...Map.groupBy(ofReconciles, (line) => line['reconcileID']).values()];
  expect(byId.length).toBeGreaterThan(4);
  for (const its of byId) expect(new Set(its.map(({ object }) => object)).size).toBe(1);
  const failed = byId.map((its) => its.map(({ msg }) => msg)).filter((messages) => messages.length > 1);
  expect(failed.length).toBeGreaterThan(2);
  for (const messages of failed) expect(messages).toEqual(['decided', 'The reconcile failed; it is tried again']);
});
