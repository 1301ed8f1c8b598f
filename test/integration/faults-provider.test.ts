import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Issued } from '../../sandbox/pki/index.ts';
import type { Fault } from '../../sandbox/providers/fault.ts';
import { startNaverSimulator } from '../../sandbox/providers/naver/simulator.ts';
import { startNhnSimulator } from '../../sandbox/providers/nhn/simulator.ts';
import { startScpSimulator } from '../../sandbox/providers/scp/simulator.ts';
import type { Simulator } from '../../sandbox/providers/simulator.ts';
import type { ProviderReadyReason, SyncedReason } from '../../src/api/reasons.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { canary } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { loopbackTls } from '../support/loopback.ts';
import { says } from '../support/told.ts';
import { type CertificateSpec, cloud, type World, world } from '../support/world.ts';

// They wait more than they work, and all of them wait for a machine that is busy.
vi.setConfig({ maxConcurrency: 60, testTimeout: 300_000 });

let w: World;
const simulators: Simulator[] = [];
beforeAll(async () => {
  w = await world({ args: ['--allow-endpoint', 'provider.invalid'] });
});
afterAll(async () => {
  await w[Symbol.asyncDispose]();
  for (const simulator of simulators) await simulator[Symbol.asyncDispose]();
});

/** An account of its own at a cloud, with a provider object of the same name. */
interface Account {
  provider: string;
  simulator: Simulator;
  /** Issues a certificate and puts it in the place of the former, with the key wherever it belongs. */
  upload(name: string): Promise<Issued>;
  spec(name: string): Partial<CertificateSpec>;
}

const kinds = ['nhn', 'scp', 'naver'] as const;
type Kind = (typeof kinds)[number];

async function account(kind: Kind, provider: string): Promise<Account> {
  const made = await { nhn: nhnAccount, scp: scpAccount, naver: naverAccount }[kind](provider);
  simulators.push(made.simulator);
  await w.providerReady(provider, 'Valid');
  return made;
}

function key(): { accessKey: string; secretKey: string } {
  const made = { accessKey: `AK${randomBytes(9).toString('hex')}`, secretKey: `sk${randomBytes(12).toString('hex')}` };
  canary(made.secretKey);
  return made;
}

const ref = (provider: string): object => ({ credentialsSecretRef: { name: `${provider}-credentials` } });

async function nhnAccount(provider: string): Promise<Account> {
  const { access, nhn } = await cloud();
  await w.credentials(provider, access);
  await w.provider(provider, nhn);
  return {
    provider,
    simulator: nhn,
    async upload(name) {
      const issued = await w.issue(name);
      nhn.upload(name, issued.bundle);
      return issued;
    },
    spec: () => ({ providerRef: { name: provider } }),
  };
}

async function scpAccount(provider: string): Promise<Account> {
  const access = key();
  const scp = await startScpSimulator(access);
  await w.putSecret(`${provider}-credentials`, { ...access });
  await w.provider(provider, scp, { nhn: undefined, scp: { endpoint: scp.url, ...ref(provider) } });
  let uploads = 0;
  return {
    provider,
    simulator: scp,
    async upload(name) {
      // Whichever ends last is the renewal.
      const notAfter = new Date(Date.now() + (90 + uploads) * 86_400_000);
      const issued = await w.issue(name, { notAfter });
      scp.upload(`upload-${uploads++}`, issued);
      return issued;
    },
    spec: (name) => ({ providerRef: { name: provider }, remoteRef: { commonName: `${name}.example.com` } }),
  };
}

async function naverAccount(provider: string): Promise<Account> {
  const access = key();
  const naver = await startNaverSimulator(access);
  await w.putSecret(`${provider}-credentials`, { ...access });
  const settings = { endpoint: naver.url, apiVersion: 'v2', ...ref(provider) };
  await w.provider(provider, naver, { nhn: undefined, naver: settings });
  const numbers = new Map<string, number>();
  return {
    provider,
    simulator: naver,
    async upload(name) {
      const issued = await w.issue(name);
      await w.putSecret(`${name}-key`, { 'tls.key': issued.privateKey });
      const number = numbers.get(name);
      if (number === undefined) numbers.set(name, naver.upload(name, issued));
      else naver.renew(number, issued);
      return issued;
    },
    spec: (name) => ({
      providerRef: { name: provider },
      remoteRef: { name },
      privateKeySecretRef: { name: `${name}-key` },
    }),
  };
}

/** What both the provider object and who uses it can say. */
type Reason = ProviderReadyReason & SyncedReason;

/** A ProviderCertificate whose Secret is in place. */
async function inPlace(made: Account, name: string): Promise<Secret> {
  const issued = await made.upload(name);
  await w.certificate(name, made.spec(name));
  const secret = await w.holds(name, issued);
  await w.synced(name, 'Synced');
  return secret;
}

async function eventsOf(provider: string): Promise<string[]> {
  return (await w.events(provider, 'CertificateProvider')).map(({ reason }) => reason);
}

/**
 * While the fault lasts, what is in place stays as it is, in Secret and status; the provider object and a new certificate tell
 * of it. Afterwards what was renewed and asked for meanwhile is there, and the provider object told twice.
 */
async function outage(
  made: Account,
  { spoil, mend, reason, seen }: { spoil(): void; mend(): void; reason: Reason; seen: string | RegExp },
): Promise<void> {
  const { provider } = made;
  const [old, fresh] = [`${provider}-old`, `${provider}-new`];
  const secret = await inPlace(made, old);
  const before = await w.get(old);
  spoil();
  const renewed = await made.upload(old);
  const issued = await made.upload(fresh);
  await w.certificate(fresh, made.spec(fresh));
  const { message } = await w.providerReady(provider, reason);
  expect(message).toMatch(seen);
  await says(w, fresh, { reason, seen, kept: undefined });
  expect(await w.secret(old)).toEqual(secret);
  expect(await w.get(old)).toEqual(before);

  mend();
  await w.holds(fresh, issued);
  const { metadata } = await w.holds(old, renewed);
  expect(metadata.uid).toBe(secret.metadata.uid);
  for (const name of [old, fresh]) {
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
  }
  await w.providerReady(provider, 'Valid');
  await eventually(async () => expect(await eventsOf(provider)).toEqual(['Valid', reason, 'Valid']), {
    timeoutMs: 60_000,
  });
}

const page = { body: '<!DOCTYPE html><title>Maintenance</title>', headers: { 'content-type': 'text/html' } };
const faults: { how: string; fault: Fault; reason: Reason; seen: string | RegExp }[] = [
  { how: 'reset', fault: { reset: true }, reason: 'ProviderUnavailable', seen: 'connection' },
  { how: 'cut', fault: { cut: true }, reason: 'ProviderUnavailable', seen: 'broke off' },
  { how: 'silent', fault: { stall: 'headers' }, reason: 'ProviderUnavailable', seen: 'did not answer in time' },
  { how: 'failing', fault: { status: 500 }, reason: 'ProviderUnavailable', seen: 'status 500' },
  { how: 'overrun', fault: { status: 429 }, reason: 'RateLimited', seen: 'too many requests' },
  { how: 'html', fault: page, reason: 'InvalidResponse', seen: /cannot be understood|web page/ },
  { how: 'huge', fault: { body: Buffer.alloc(10 * 2 ** 20, '{') }, reason: 'InvalidResponse', seen: 'larger than' },
  { how: 'revoked', fault: { status: 401 }, reason: 'AuthenticationFailed', seen: 'status 401' },
];

describe.concurrent.each(kinds)('%s', (kind) => {
  test.each(faults)('everything is $how', async ({ how, fault, reason, seen }) => {
    const made = await account(kind, `${kind}-${how}`);
    const { simulator } = made;
    await outage(made, {
      spoil: () => void simulator.fault(fault),
      mend() {
        simulator.clearFaults();
        if (fault.stall) simulator.dropConnections();
      },
      reason,
      seen: kind === 'scp' && how === 'revoked' ? 'does not accept the signature' : seen,
    });
  });
});

describe.concurrent.each(['scp', 'naver'] as const)('%s', (kind) => {
  test.each([
    { how: 'ahead', offset: -600_000, seen: /clock of this machine is (59\d|60\d) s ahead of the provider's/ },
    { how: 'behind', offset: 600_000, seen: /clock of this machine is (59\d|60\d) s behind the provider's/ },
  ])('a clock that is ten minutes $how is named', async ({ how, offset, seen }) => {
    const made = await account(kind, `${kind}-${how}`);
    const { simulator } = made;
    await outage(made, {
      spoil: () => void (simulator.clockOffsetMs = offset),
      mend: () => void (simulator.clockOffsetMs = 0),
      reason: 'AuthenticationFailed',
      seen,
    });
  });
});

describe.concurrent('the way to a provider', () => {
  test('whose name is not resolved', async () => {
    const provider = 'nameless';
    const made = await account('nhn', provider);
    const spec = (endpoint: string) => ({ nhn: { endpoint, ...ref(provider) } });
    await inPlace(made, `${provider}-old`);
    const before = await w.get(`${provider}-old`);
    await w.provider(provider, made.simulator, spec('https://provider.invalid'));
    const { message } = await w.providerReady(provider, 'ProviderUnavailable');
    expect(message).toMatch(/host was not resolved \((ENOTFOUND|EAI_AGAIN)\)/);
    const renewed = await made.upload(`${provider}-old`);
    expect(await w.get(`${provider}-old`)).toEqual(before);

    await w.provider(provider, made.simulator, spec(made.simulator.url));
    await w.providerReady(provider, 'Valid');
    await w.holds(`${provider}-old`, renewed);
    await w.synced(`${provider}-old`, 'Synced');
  });

  test('whose certificate is of an authority that nobody trusts, until caBundle does', async () => {
    const provider = 'untrusted';
    const { access, nhn } = await cloud();
    await nhn[Symbol.asyncDispose]();
    const [first, second] = [await loopbackTls(), await loopbackTls()];
    let simulator = await startNhnSimulator({ ...access, tls: first });
    simulators.push(simulator);
    const { url } = simulator;
    const issued = await w.issue(provider);
    simulator.upload(provider, issued.bundle);
    await w.credentials(provider, access);
    await w.provider(provider, { url });
    await w.certificate(provider, { providerRef: { name: provider } });
    const seen = /TLS connection to the provider failed \(\w+\)/;
    expect((await w.providerReady(provider, 'ProviderUnavailable')).message).toMatch(seen);
    await says(w, provider, { reason: 'ProviderUnavailable', seen, kept: undefined });
    expect(simulator.counters.requests).toBe(0);

    await w.provider(provider, { url }, { caBundle: first.ca });
    await w.providerReady(provider, 'Valid');
    const secret = await w.holds(provider, issued);
    await w.synced(provider, 'Synced');
    const before = await w.get(provider);

    // The authority is replaced over there, and here only later.
    await simulator[Symbol.asyncDispose]();
    simulator = await startNhnSimulator({ ...access, tls: second, port: Number(new URL(url).port) });
    simulators.push(simulator);
    const renewed = await w.issue(provider);
    simulator.upload(provider, renewed.bundle, { created: '2026-01-02' });
    expect((await w.providerReady(provider, 'ProviderUnavailable')).message).toMatch(seen);
    expect(await w.secret(provider)).toEqual(secret);
    expect(await w.get(provider)).toEqual(before);
    await w.provider(provider, { url }, { caBundle: first.ca + second.ca });
    await w.holds(provider, renewed);
    await w.synced(provider, 'Synced');
    await w.providerReady(provider, 'Valid');
  });
});

describe.concurrent('one download', () => {
  test.each([
    { how: 'stops-halfway', fault: { stall: 'body' } },
    { how: 'drips-for-ever', fault: { dripMs: 2_000 } },
  ] as const)('that $how holds up nobody else, and is made again', async ({ how, fault }) => {
    const made = await account('nhn', how);
    const { simulator } = made;
    const stuck = `${how}-stuck`;
    const secret = await inPlace(made, stuck);
    const before = await w.get(stuck);
    simulator.fault({ match: stuck, ...fault });
    const renewed = await made.upload(stuck);
    await eventually(() => expect(simulator.counters.downloadsOf[stuck]).toBe(2));
    for (const name of ['a', 'b', 'c']) await inPlace(made, `${how}-${name}`);
    expect(await w.secret(stuck)).toEqual(secret);
    expect((await w.get(stuck)).status?.certificate).toEqual(before.status?.certificate);
    await w.ready(stuck, 'Valid');
    await w.providerReady(how, 'Valid');

    simulator.clearFaults();
    simulator.dropConnections();
    await w.holds(stuck, renewed);
    await w.synced(stuck, 'Synced');
  });

  test('that comes byte by byte is whole in the end', async () => {
    const made = await account('nhn', 'slow');
    made.simulator.fault({ match: 'slow', dripMs: 1 });
    await inPlace(made, 'slow');
    expect(made.simulator.counters.downloadsOf).toEqual({ slow: 1 });
  });
});

describe.concurrent('a storm', () => {
  test.each([
    { how: 'of-429', fault: { status: 429 }, reason: 'RateLimited' },
    { how: 'of-500', fault: { status: 500 }, reason: 'ProviderUnavailable' },
  ] as const)(
    '$how on many downloads is met with few requests, and all are there afterwards',
    async ({ how, fault, reason }) => {
      const made = await account('nhn', how);
      const { simulator } = made;
      const kept = `${how}-kept`;
      const secret = await inPlace(made, kept);
      const before = await w.get(kept);
      const names = Array.from({ length: 20 }, (_, index) => `${how}-${index}`);
      const issued = await Promise.all(names.map((name) => made.upload(name)));
      simulator.resetCounters();
      simulator.fault({ match: 'download', ...fault });
      await Promise.all(names.map((name) => w.certificate(name, made.spec(name))));
      await w.providerReady(how, reason);
      await setTimeout(12_000);
      // Eight may be on their way before the first one fails; then the account waits, longer each time.
      expect(simulator.counters.downloads).toBeLessThanOrEqual(30);
      expect(await w.secret(kept)).toEqual(secret);
      expect(await w.get(kept)).toEqual(before);

      simulator.clearFaults();
      for (const [index, name] of names.entries()) await w.holds(name, issued[index] ?? expect.fail());
      for (const name of names) await w.synced(name, 'Synced');
      await w.providerReady(how, 'Valid');
      expect(simulator.counters.maxInFlight).toBeLessThanOrEqual(64);
    },
  );
});
