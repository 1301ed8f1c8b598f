import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import { type Authority, type Issued, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Simulator } from '../../../sandbox/providers/simulator.ts';
import { judge } from '../../../src/certificate/gate.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import type { HttpClient } from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { ProviderClient, ProviderSpec } from '../../../src/providers/provider.ts';
import { providerFor, providers } from '../../../src/providers/registry.ts';
import {
  call,
  canaries,
  connectTo,
  httpClient,
  naverSimulator,
  observedHttp,
  refusal,
  scpSimulator,
  simulator,
} from './support.ts';

/**
 * What every cloud has to hold to, whatever its API looks like. A new one is a row of `clouds`: how it is started and
 * spoken to, and how a certificate comes, changes and goes there.
 */
interface Cloud {
  start(): Promise<Simulator>;
  spec(url: string): ProviderSpec;
  /** Puts a certificate there, under a name that is not taken. */
  upload(at: Simulator, issued: Issued): void;
  /** Renews it as owners do there. */
  renew(at: Simulator, issued: Issued): void;
  remove(at: Simulator): void;
  /** Does not hand out private keys. */
  keyless?: boolean;
}

/** One cloud, with its simulator typed where it is used. */
function cloud<S extends Simulator>(o: {
  start(): Promise<S>;
  spec(url: string): ProviderSpec;
  upload(at: S, issued: Issued): void;
  renew(at: S, issued: Issued): void;
  remove(at: S): void;
  keyless?: boolean;
}): Cloud {
  return o as unknown as Cloud;
}

const ids = new WeakMap<Simulator, string>();
const numbers = new WeakMap<Simulator, number>();

const clouds: Record<string, Cloud> = {
  'NHN v1.1': cloud({
    start: simulator,
    spec: (endpoint) => ({ nhn: { endpoint } }),
    upload: (at, { bundle }) => at.upload('www', bundle),
    renew: (at, { bundle }) => at.upload('www', bundle),
    remove: (at) => at.remove('www'),
  }),
  'NHN v1.3': cloud({
    start: simulator,
    spec: (endpoint) => ({ nhn: { endpoint, apiVersion: 'v1.3', tokenEndpoint: endpoint } }),
    upload: (at, { bundle }) => at.upload('www', bundle),
    renew: (at, { bundle }) => at.upload('www', bundle),
    remove: (at) => at.remove('www'),
  }),
  SCP: cloud({
    start: scpSimulator,
    spec: (endpoint) => ({ scp: { endpoint } }),
    upload: (at, issued) => void ids.set(at, at.upload('www', withRoot(issued))),
    renew: (at, issued) => {
      at.remove(ids.get(at) ?? '');
      ids.set(at, at.upload('www', withRoot(issued)));
    },
    remove: (at) => at.remove(ids.get(at) ?? ''),
  }),
  'NAVER v2': cloud({
    start: naverSimulator,
    spec: (endpoint) => ({ naver: { endpoint, apiVersion: 'v2' } }),
    upload: (at, issued) => void numbers.set(at, at.upload('www', issued)),
    renew: (at, issued) => at.renew(numbers.get(at) ?? 0, issued),
    remove: (at) => at.remove(numbers.get(at) ?? 0),
    keyless: true,
  }),
};

function withRoot({ certificate, chain, root, privateKey }: Issued): { body: string; chain: string; key: string } {
  return { body: certificate, chain: chain + root, key: privateKey };
}

let authority: Authority;
beforeAll(async () => {
  authority = await (await createAuthority()).intermediate();
});

test('every provider is held to this', () => {
  const held = Object.values(clouds).map(({ spec }) => providerFor(spec('https://host')));
  expect(new Set(held)).toEqual(new Set(providers));
});

describe.each(Object.entries(clouds))('%s', (_, cloud) => {
  interface Scene {
    at: Simulator;
    client: ProviderClient;
    issued: Issued;
    entry: InventoryEntry;
  }

  /** A cloud with one certificate, which was listed. */
  async function scene(o: { http?: HttpClient } = {}): Promise<Scene> {
    const at = await cloud.start();
    const client = connectTo(cloud.spec(at.url), o);
    const issued = await authority.issue();
    cloud.upload(at, issued);
    return { at, client, issued, entry: await only(client) };
  }

  async function only(client: ProviderClient): Promise<InventoryEntry> {
    const [entry, ...others] = await client.list(call());
    if (entry === undefined || others.length > 0) throw new Error(`${others.length + 1} certificates are listed`);
    return entry;
  }

  test('lists a certificate once, and alike as long as it is the same', async () => {
    const { client, entry, issued } = await scene();
    expect(entry).toMatchObject({ id: expect.stringMatching(/./), name: 'www', revision: expect.stringMatching(/./) });
    expect(entry).not.toHaveProperty('problem');
    expect(entry).not.toHaveProperty('withheld');
    expect(await only(client)).toEqual(entry);
    if (entry.notAfter === undefined) return; // some lists do not tell
    const end = Date.parse(entry.notAfter) - Date.parse(new X509Certificate(issued.certificate).validTo);
    expect(Math.abs(end)).toBeLessThan(36 * 3_600_000);
  });

  test('an empty account is an empty list', async () => {
    const { at, client } = await scene();
    cloud.remove(at);
    expect(await client.list(call())).toEqual([]);
  });

  test('a renewal shows as another id or another revision', async () => {
    const { at, client, entry } = await scene();
    await delay(1_000); // some clouds tell the second in which something changed
    cloud.renew(at, await authority.issue({ notBefore: new Date() }));
    const { id, revision } = await only(client);
    expect([id, revision]).not.toEqual([entry.id, entry.revision]);
  });

  test('what it hands out passes the gate', async () => {
    const { client, entry, issued } = await scene();
    const verdict = judge({
      parts: await client.download(entry, call()),
      ...(cloud.keyless && { privateKey: Buffer.from(issued.privateKey) }),
      dnsNames: ['www.example.com'],
      allowOlder: false,
      allowIncompleteChain: false,
      caCertificate: 'Include',
      now: Date.now(),
    });
    if (!verdict.accepted) throw new Error(verdict.message);
    expect(verdict.pair.certificates).toBe(issued.certificate + issued.chain);
    expect(verdict.pair.privateKey.toString()).toBe(issued.privateKey);
    expect(verdict.pair.ca).toBe(issued.root);
  });

  test('a certificate that is gone is not found, which is said of nothing else', async () => {
    const { at, client, entry } = await scene();
    cloud.remove(at);
    const error = await refusal(client.download(entry, call()), 'CertificateNotFound');
    expect(error.concernsCertificate).toBe(true);
    at.fault({ match: 'download', status: 404, body: 'no route' });
    await refusal(client.download(entry, call()), 'InvalidResponse');
  });

  test.each<[string, Fault, ProviderReason, ProviderReason]>([
    ['does not know the credentials', { status: 401 }, 'AuthenticationFailed', 'AuthenticationFailed'],
    ['forbids', { status: 403 }, 'AuthenticationFailed', 'PermissionDenied'],
    ['throttles', { status: 429 }, 'RateLimited', 'RateLimited'],
    ['is out of order', { status: 500 }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['is overloaded', { status: 503 }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['says so in plain text', { status: 502, body: 'upstream' }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['sends a web page', { body: '<!doctype html><h1>Maintenance</h1>' }, 'InvalidResponse', 'InvalidResponse'],
    ['sends half of JSON', { body: '{"half":' }, 'InvalidResponse', 'InvalidResponse'],
    ['sends another JSON', { body: '{"hello":"world"}' }, 'InvalidResponse', 'InvalidResponse'],
    ['sends too much', { body: 'x'.repeat(10_000_000) }, 'InvalidResponse', 'InvalidResponse'],
    ['sends elsewhere', { redirect: 'http://127.0.0.1:1/' }, 'InvalidResponse', 'InvalidResponse'],
    ['compresses', { headers: { 'content-encoding': 'gzip' } }, 'InvalidResponse', 'InvalidResponse'],
    ['resets', { reset: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
    ['cuts off', { cut: true }, 'ProviderUnavailable', 'ProviderUnavailable'],
  ])('when it %s, that is said, and it is over when it is over', async (_case, fault, listed, downloaded) => {
    const { at, client, entry } = await scene();
    at.fault(fault);
    const errors = [
      await refusal(client.list(call()), listed),
      await refusal(client.download(entry, call()), downloaded),
    ];
    for (const error of errors) expect(error.concernsCertificate).toBe(false);
    at.clearFaults();
    expect(await only(client)).toEqual(entry);
    await client.download(entry, call());
  });

  test.each(['headers', 'body'] as const)('when its %s never come, time runs out', async (stall) => {
    const { at, client, entry } = await scene({ http: httpClient({ timeouts: { totalMs: 300 } }) });
    at.fault({ stall });
    for (const attempt of [client.list(call()), client.download(entry, call())])
      expect((await refusal(attempt, 'ProviderUnavailable')).message).toContain('in time');
    await vi.waitFor(() => expect(at.counters.inFlight).toBe(0));
  });

  test('Retry-After is handed on', async () => {
    const { at, client, entry } = await scene();
    at.fault({ status: 429, retryAfter: 7 });
    for (const attempt of [client.list(call()), client.download(entry, call())])
      expect(await refusal(attempt, 'RateLimited')).toMatchObject({ retryAfterMs: 7_000, retryable: true });
  });

  test('an abort ends a call with the reason of the signal', async () => {
    const { at, client, entry } = await scene();
    at.fault({ stall: 'headers' });
    for (const begin of [
      (signal: AbortSignal) => client.list(call(signal)),
      (signal: AbortSignal) => client.download(entry, call(signal)),
    ]) {
      const abort = new AbortController();
      const { requests } = at.counters;
      const attempt = begin(abort.signal);
      await vi.waitFor(() => expect(at.counters.requests).toBeGreaterThan(requests));
      abort.abort(new Error('enough'));
      await expect(attempt).rejects.toThrow('enough');
    }
  });

  test.each(Object.keys(canaries))('another %s than the right one does not pass', async (key) => {
    const { at } = await scene();
    const spec = cloud.spec(at.url);
    const provider = providerFor(spec);
    if (!provider.credentialKeys(spec).some(({ name }) => name === key)) return;
    const client = connectTo(spec, { credentials: { ...canaries, [key]: 'another' } });
    await refusal(client.list(call()), 'AuthenticationFailed');
  });

  test('every request but the first of a call is announced, and told of with its operation and status', async () => {
    const { http, calls } = observedHttp();
    const at = await cloud.start();
    const client = connectTo(cloud.spec(at.url), { http });
    for (let i = 0; i < 2; i++) {
      const { requests } = at.counters;
      let announced = 0;
      await client.list({ ...call(), another: async () => void announced++ });
      expect(announced).toBe(at.counters.requests - requests - 1);
    }
    expect(calls).toHaveLength(at.counters.requests);
    expect(new Set(calls.map(({ code }) => code))).toEqual(new Set(['200']));
    for (const { clockSkewMs } of calls) expect(Math.abs(clockSkewMs ?? NaN)).toBeLessThan(60_000);
  });
});
