import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { Lease, type LeaseLost } from '../../../src/kube/lease.ts';
import { type KubeObject, leases } from '../../../src/kube/objects.ts';
import type { Wire } from '../../../src/kube/transport.ts';
import { unlessAborted } from '../../../src/unless-aborted.ts';
import { ModelApiServer } from '../../simulation/api-server.ts';
import { VirtualTime } from '../../simulation/virtual-time.ts';
import { forever, recordingLogger } from './support.ts';

interface LeaseObject extends KubeObject {
  spec: {
    holderIdentity: string;
    leaseDurationSeconds: number;
    acquireTime: string;
    renewTime: string;
    leaseTransitions: number;
  };
}

const where = { namespace: 'default', name: 'lease' };
const hour = 3_600_000;
const origin = Date.UTC(2026, 0, 1);
/** Those of client-go, without a jitter. */
const [renewDeadlineMs, retryMs, leaseMs] = [10_000, 2_000, 15_000];

let time: VirtualTime;
let server: ModelApiServer;
/** What happened to whom, in its order. */
let told: string[];
/** Each version of the lease that was stored; undefined: deleted. */
let versions: (LeaseObject | undefined)[];

beforeEach(() => {
  time = new VirtualTime(origin);
  server = new ModelApiServer({ clock: time });
  [told, versions] = [[], []];
  server.observe(({ after }) => void versions.push(after as LeaseObject | undefined));
});

/** Wants the lease, by a clock and on a way to the server of its own. */
class Candidate {
  readonly name: string;
  readonly lease: Lease;
  readonly stop = new AbortController();
  readonly lines: { msg: string }[];
  /** By `Clock.elapsed`. */
  lostAt: number | undefined;
  /** Set: requests wait for it on their way to the server. */
  held: Promise<void> | undefined;

  /** @param ahead by how many milliseconds its clock is */
  constructor(name: string, ahead = 0) {
    this.name = name;
    const clock: Clock = {
      now: () => time.now() + ahead,
      elapsed: () => time.elapsed(),
      after: (ms, fn) => time.after(ms, fn),
    };
    const { logger, lines } = recordingLogger();
    this.lines = lines;
    const wire = server.as(name);
    const call: Wire['call'] = async (request, signal) => {
      if (this.held) await unlessAborted(this.held, signal);
      return wire.call(request, signal);
    };
    const client = new KubeClient({ ...wire, call }, { clock });
    this.lease = new Lease({ client, clock, logger, ...where, identity: name, random: () => 0 });
  }

  /** As a replica does it: wait, lead, and give it up when told to end. */
  async run(): Promise<void> {
    const { signal } = this.stop;
    await this.lease.acquire(signal).catch(() => {});
    if (signal.aborted) return;
    told.push(`${this.name} leads`);
    await this.lease.keep(signal).catch((error: LeaseLost) => {
      this.lostAt = time.elapsed();
      told.push(`${this.name}: ${error.reason}: ${error.message}`);
    });
    if (signal.aborted) await this.lease.release();
  }
}

/** One leads, the other waits. */
async function pair(ahead: [number, number] = [0, 0]): Promise<[Candidate, Candidate]> {
  const [one, other] = [new Candidate('one', ahead[0]), new Candidate('other', ahead[1])];
  void one.run();
  await time.pass(1_000);
  void other.run();
  await time.pass(4_000);
  expect(told).toEqual(['one leads']);
  return [one, other];
}

const somebody = (): KubeClient => new KubeClient(server.as('somebody'), { clock: time });
const current = (): Promise<LeaseObject> => somebody().get<LeaseObject>(leases, where, { signal: forever });

/** Writes what somebody else wants to be there. */
async function write(change: { spec?: Partial<LeaseObject['spec']>; metadata?: object }): Promise<void> {
  const { apiVersion, kind, metadata, spec } = await current();
  const next = { apiVersion, kind, metadata: { ...metadata, ...change.metadata }, spec: { ...spec, ...change.spec } };
  await somebody().replace<LeaseObject>(leases, next, { signal: forever });
}

describe.each([
  ['hours behind', 5 * hour, 0],
  ['hours ahead', 0, 5 * hour],
  ['right', 0, 0],
])('a waiting replica whose clock is %s', (_, first, second) => {
  test('leaves a lease alone that is renewed', async () => {
    await pair([first, second]);
    await time.pass(hour);
    expect(told).toEqual(['one leads']);
    expect(versions.every((lease) => lease?.spec.holderIdentity === 'one')).toBe(true);
  });

  test('takes it once it has not changed for its whole duration, when its holder has given up long since', async () => {
    const [one] = await pair([first, second]);
    const never = new Promise<void>(() => {});
    one.held = never;
    const changedAt = time.elapsed();
    await time.pass(leaseMs - 2 * retryMs);
    expect(told).toEqual(['one leads', 'one: LeaseLost: The lease could not be renewed in time.']);
    await time.pass(4 * retryMs);
    expect(told.slice(2)).toEqual(['other leads']);
    expect(one.lostAt).toBeLessThanOrEqual(changedAt + renewDeadlineMs);
    expect((await current()).spec).toMatchObject({ holderIdentity: 'other', leaseTransitions: 1 });
  });
});

describe('the lease on the wire', () => {
  test('has times with six digits of a second, and counts who had it', async () => {
    const [one] = await pair();
    one.stop.abort();
    await time.pass(10_000);
    expect(told).toEqual(['one leads', 'other leads']);
    for (const lease of versions) {
      expect(lease?.spec.renewTime).toMatch(/^2026-01-01T00:00:\d\d\.\d{6}Z$/);
      expect(lease?.spec.acquireTime).toMatch(/^2026-01-01T00:00:\d\d\.\d{6}Z$/);
    }
    const seen = versions.map((lease) => `${lease?.spec.holderIdentity} ${lease?.spec.leaseTransitions}`);
    expect([...new Set(seen)]).toEqual(['one 0', ' 0', 'other 1']);
    const [first, renewed] = versions;
    expect(renewed?.spec.acquireTime).toBe(first?.spec.acquireTime);
    expect(renewed?.spec.renewTime).not.toBe(first?.spec.renewTime);
  });
});

describe('a replica that is told to end', () => {
  test('gives the lease up, and the next try of the other takes it', async () => {
    const [one] = await pair();
    one.stop.abort();
    await time.pass(retryMs);
    expect(told).toEqual(['one leads', 'other leads']);
  });

  test('is not held up when nobody answers', async () => {
    const [one] = await pair();
    one.held = new Promise(() => {});
    one.stop.abort();
    let ended = false;
    void one.lease.release().then(() => (ended = true));
    await time.pass(retryMs);
    expect(ended).toBe(true);
    expect(one.lines.at(-1)?.msg).toContain('could not be given up');
  });

  test('before it has the lease leaves it as it is', async () => {
    const [, other] = await pair();
    const before = versions.length;
    other.stop.abort();
    await other.lease.release();
    expect(versions).toHaveLength(before);
    await time.pass(hour);
    expect(told).toEqual(['one leads']);
  });
});

describe('of two who write at the same time', () => {
  test('one makes the lease, and the other waits', async () => {
    const both = [new Candidate('one'), new Candidate('other')];
    const gate = Promise.withResolvers<void>();
    for (const each of both) void each.run();
    // Both were told that there is none; both go on to make it.
    for (const each of both) each.held = gate.promise;
    gate.resolve();
    await time.pass(hour);
    expect(told).toHaveLength(1);
  });

  test('one takes a lease that nobody renews, and the other sees that it came too late', async () => {
    const [one, other] = await pair();
    const third = new Candidate('third');
    void third.run();
    one.held = new Promise(() => {});
    const gate = Promise.withResolvers<void>();
    await time.pass(leaseMs - retryMs);
    // From here on nothing arrives until both want to write.
    [other.held, third.held] = [gate.promise, gate.promise];
    await time.pass(4 * retryMs);
    expect(told).toHaveLength(2);
    gate.resolve();
    await time.pass(hour);
    expect(told.slice(2)).toEqual([expect.stringMatching(/^(other|third) leads$/)]);
    expect((await current()).spec.leaseTransitions).toBe(1);
  });
});

describe('who holds the lease', () => {
  test('goes on when somebody else changed something in it, and writes over no change', async () => {
    await pair();
    await write({ metadata: { annotations: { note: 'hands off' } } });
    const before = versions.length;
    await time.pass(10 * renewDeadlineMs);
    expect(told).toEqual(['one leads']);
    expect(versions.length).toBeGreaterThan(before + 10);
    expect((await current()).metadata.annotations).toEqual({ note: 'hands off' });
  });

  test('makes it anew when it is deleted', async () => {
    const one = new Candidate('one');
    void one.run();
    await time.pass(1_000);
    const { metadata } = await current();
    await somebody().delete(leases, where, { signal: forever });
    await time.pass(hour);
    expect(told).toEqual(['one leads']);
    expect((await current()).metadata.uid).not.toBe(metadata.uid);
  });

  test('is told at its next renewal that it went to another, not when the time to renew is over', async () => {
    const [one] = await pair();
    await write({ spec: { holderIdentity: 'a thief' } });
    const stolenAt = time.elapsed();
    await time.pass(renewDeadlineMs);
    expect(told).toEqual(['one leads', 'one: LeaseLost: The lease went to a thief.']);
    expect(one.lostAt).toBeLessThanOrEqual(stolenAt + retryMs);
  });

  test('is told that it is lost while a renewal is still on its way, whose answer it does not wait for', async () => {
    const [one] = await pair();
    await time.pass(retryMs);
    const renewals = versions.length;
    one.held = new Promise(() => {});
    await time.pass(renewDeadlineMs - retryMs);
    expect(told).toEqual(['one leads']);
    await time.pass(retryMs);
    expect(told).toEqual(['one leads', 'one: LeaseLost: The lease could not be renewed in time.']);
    expect(versions).toHaveLength(renewals);
  });
});
