import { beforeEach, describe, expect, test } from 'vitest';
import { KubeClient } from '../../../src/kube/client.ts';
import { transportFault } from '../../../src/kube/errors.ts';
import { Lease } from '../../../src/kube/lease.ts';
import { type KubeObject, leases } from '../../../src/kube/objects.ts';
import type { Request, Wire } from '../../../src/kube/transport.ts';
import { unlessAborted } from '../../../src/unless-aborted.ts';
import { ModelApiServer } from '../../simulation/api-server.ts';
import { VirtualTime } from '../../simulation/virtual-time.ts';
import { forever, silent } from './support.ts';

/** How long a request takes to the server, and its answer back. An answer that takes for ever never comes. */
interface Way {
  there: number;
  back: number;
  broken?: boolean;
}

const quick: Way = { there: 0, back: 0 };
const time = new VirtualTime(Date.UTC(2026, 0, 1));
let server: ModelApiServer;
let way: (request: Request, nth: number) => Way;
let sent: string[];

const wire: Wire = {
  call(request, signal) {
    sent.push(`${request.method} ${time.elapsed() - began}`);
    const { there, back, broken } = way(request, sent.length);
    const exchange = async (): Promise<object> => {
      if (there > 0) await time.sleep(there);
      const answer = server.call(request, forever); // whoever asked may not be there any more
      answer.catch(() => {});
      if (back > 0) await time.sleep(back);
      if (broken) throw transportFault(request.operation, new Error('simulated'));
      return answer;
    };
    return unlessAborted(exchange(), signal);
  },
  stream: () => expect.fail('nobody watches a lease'),
};

let began = 0;
const client = new KubeClient(wire, { clock: time });

beforeEach(() => {
  server = new ModelApiServer({ clock: time });
  way = () => quick;
  sent = [];
});

function leaseOf(identity: string): Lease {
  const where = { namespace: 'default', name: 'leader' };
  return new Lease({ client, clock: time, logger: silent, ...where, identity, random: () => 0 });
}

/** One that is held from now on, and how long it was, once it is lost. */
async function held(): Promise<{ lostAfter: () => number | undefined; stop: () => Promise<void> }> {
  const lease = leaseOf('us');
  await lease.acquire(forever);
  began = time.elapsed();
  sent = [];
  let lost: number | undefined;
  const stop = new AbortController();
  const kept = lease.keep(stop.signal).catch(() => (lost = time.elapsed() - began));
  return {
    lostAfter: () => lost,
    async stop() {
      stop.abort();
      await kept;
    },
  };
}

describe('a lease is kept', () => {
  test.each([
    [6_000, 0],
    [0, 6_000],
    [3_000, 3_000],
  ])('while each request takes %i ms and its answer %i', async (there, back) => {
    const { lostAfter, stop } = await held();
    way = () => ({ there, back });
    await time.pass(300_000);
    expect(lostAfter()).toBeUndefined();
    await stop();
  });

  test('through one answer that takes 7 s', async () => {
    const { lostAfter, stop } = await held();
    way = (_, nth) => (nth === 3 ? { there: 7_000, back: 0 } : quick);
    await time.pass(60_000);
    expect(lostAfter()).toBeUndefined();
    await stop();
  });

  test.each<[string, Way]>([
    ['request', { there: Infinity, back: 0 }],
    ['answer', { there: 0, back: Infinity }],
  ])('although one %s is stuck on its connection: another goes beside it', async (_, stuck) => {
    const { lostAfter, stop } = await held();
    way = (_request, nth) => (nth === 3 ? stuck : quick);
    await time.pass(60_000);
    expect(lostAfter()).toBeUndefined();
    await stop();
  });

  test('when the answer to a renewal is lost: the conflict of the next one is not waited out', async () => {
    const { lostAfter, stop } = await held();
    way = (_, nth) => (nth === 1 ? { ...quick, broken: true } : quick);
    await time.pass(4_000);
    expect(sent).toEqual(['PUT 2000', 'PUT 4000', 'GET 4000', 'PUT 4000']);
    expect(lostAfter()).toBeUndefined();
    await stop();
  });

  test('when somebody annotates it all the time', async () => {
    const { lostAfter, stop } = await held();
    const name = { namespace: 'default', name: 'leader' };
    const editor = new KubeClient(server.as('kubectl'), { clock: time });
    for (let nth = 0; nth < 60; nth++) {
      const annotations = { nth: String(nth) };
      await editor.mergePatch<KubeObject>(leases, name, { metadata: { annotations } }, { signal: forever });
      await time.pass(1_000);
    }
    expect(lostAfter()).toBeUndefined();
    await stop();
  });
});

describe('a lease is lost', () => {
  test('10 s after the last renewal when nothing comes back any more', async () => {
    const { lostAfter } = await held();
    way = () => ({ there: Infinity, back: 0 });
    await time.pass(60_000);
    expect(lostAfter()).toBe(10_000);
  });

  test('before others may take it, however late the answer to the last renewal came', async () => {
    const { lostAfter } = await held();
    way = (_, nth) => (nth === 1 ? { there: 0, back: 7_500 } : { there: Infinity, back: 0 });
    await time.pass(60_000);
    // Sent after 2 s, and seen by others from then on.
    expect(lostAfter()).toBe(17_000);
  });

  test('before others may take it, however late the answer to the first write came', async () => {
    const slowly: Record<string, Way> = { GET: quick, POST: { there: 0, back: 9_000 } };
    way = ({ method }) => slowly[method] ?? { there: Infinity, back: 0 };
    const holding = held();
    const since = time.elapsed();
    await time.pass(9_000);
    const { lostAfter } = await holding;
    await time.pass(60_000);
    expect(began - since + (lostAfter() ?? 0)).toBe(15_000);
  });
});
