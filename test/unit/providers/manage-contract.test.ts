import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type Authority, type Issued, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import type { NaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import type { ScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import { judge } from '../../../src/certificate/gate.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import type { HttpClient } from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { ListFilter, NewCertificate, ProviderManager } from '../../../src/providers/manager.ts';
import type { Call, ProviderSpec } from '../../../src/providers/provider.ts';
import { providerFor, providers } from '../../../src/providers/registry.ts';
import {
  call,
  connectTo,
  httpClient,
  managerOf,
  naverSimulator,
  observedHttp,
  pairOf,
  refusal,
  scpSimulator,
} from './support.ts';

type Managed = ScpSimulator | NaverSimulator;

/** What every cloud that can be managed has to hold to. A new one is a row of `clouds`. */
interface Cloud {
  start(): Promise<Managed>;
  spec(url: string): ProviderSpec;
  /** Lets something use a certificate, or no more. */
  use(at: Managed, id: string, used: boolean): void;
  /** Does not hand out certificates. */
  withholds?: boolean;
  keyless?: boolean;
  validates?: boolean;
  replaces?: boolean;
  selfSigns?: boolean;
}

const scp = (apiVersion: 'v1.2' | 'v1.1' | 'v1.0'): Cloud => ({
  start: scpSimulator,
  spec: (endpoint) => ({ scp: { endpoint, apiVersion, region: 'kr-west1' } }),
  use: (at, id, used) => void (at as ScpSimulator).inUse[used ? 'add' : 'delete'](id),
  validates: true,
  selfSigns: true,
});

const naver = (apiVersion: 'v1' | 'v2'): Cloud => ({
  start: naverSimulator,
  spec: (endpoint) => ({ naver: { endpoint, apiVersion } }),
  use: (at, id, used) => (at as NaverSimulator).use(Number(id), used ? [7] : []),
  keyless: true,
  withholds: apiVersion === 'v1',
  replaces: apiVersion === 'v2',
});

const clouds: Record<string, Cloud> = {
  'SCP v1.2': scp('v1.2'),
  'SCP v1.1': scp('v1.1'),
  'SCP v1.0': scp('v1.0'),
  'NAVER v1': naver('v1'),
  'NAVER v2': naver('v2'),
};

let authority: Authority;
beforeAll(async () => {
  authority = await (await createAuthority()).intermediate();
});

test('every provider that can be managed is held to this, and NHN Cloud cannot', () => {
  const held = Object.values(clouds).map(({ spec }) => providerFor(spec('https://host')));
  expect(new Set(held)).toEqual(new Set(providers.filter(({ manage }) => manage !== undefined)));
  expect(providers.filter(({ manage }) => manage === undefined).map(({ type }) => type)).toEqual(['NHN']);
});

describe.each(Object.entries(clouds))('%s', (_, cloud) => {
  interface Scene {
    at: Managed;
    manager: ProviderManager;
    issued: Issued;
    certificate: NewCertificate;
  }

  /** A cloud that is empty, and a certificate that is not there yet. */
  async function scene(o: { http?: HttpClient } = {}): Promise<Scene> {
    const at = await cloud.start();
    const issued = await authority.issue();
    return { at, manager: managerOf(cloud.spec(at.url), o), issued, certificate: named('www', issued) };
  }

  const named = (name: string, issued: Issued): NewCertificate => ({
    name,
    ...pairOf(issued),
    scp: { timezone: 'Asia/Seoul' },
  });

  const another = async (name: string): Promise<NewCertificate> => named(name, await authority.issue());

  test('what is made is listed as it was answered, and what is handed out of it passes the gate', async () => {
    const { at, manager, issued, certificate } = await scene();
    const entry = await manager.create(certificate, call());
    expect(entry).toMatchObject({ id: expect.stringMatching(/./), name: 'www', commonName: 'www.example.com' });
    expect(await manager.list(call())).toEqual([entry]);
    const client = connectTo(cloud.spec(at.url));
    expect(await client.list(call())).toEqual([entry]);
    expect(at.counters).toMatchObject({ creates: 1, refused: 0 });
    if (cloud.withholds) return;
    const verdict = judge({
      parts: await client.download(entry, call()),
      ...(cloud.keyless && { privateKey: Buffer.from(issued.privateKey) }),
      dnsNames: ['www.example.com'],
      allowOlder: false,
      allowIncompleteChain: false,
      caCertificate: 'Omit',
      now: Date.now(),
    });
    if (!verdict.accepted) throw new Error(verdict.message);
    expect(verdict.pair.certificates).toBe(issued.certificate + issued.chain);
    expect(verdict.pair.privateKey.toString()).toBe(issued.privateKey);
  });

  test('has what the cloud has, and nothing else', async () => {
    const { manager } = await scene();
    const has = (['validate', 'replace', 'selfSign'] as const).filter((deed) => manager[deed] !== undefined);
    expect(has).toEqual([
      ...(cloud.validates ? ['validate'] : []),
      ...(cloud.replaces ? ['replace'] : []),
      ...(cloud.selfSigns ? ['selfSign'] : []),
    ]);
  });

  test('a name is free until there is a certificate of it, and again when that is gone', async () => {
    const { manager, certificate } = await scene();
    expect(await manager.isNameFree('www', call())).toBe(true);
    const entry = await manager.create(certificate, call());
    expect(await manager.isNameFree('www', call())).toBe(false);
    expect(await manager.isNameFree('www2', call())).toBe(true);
    await refusal(manager.create(await another('www'), call()), 'NameTaken');
    await manager.delete(entry, call());
    expect(await manager.isNameFree('www', call())).toBe(true);
    await manager.create(certificate, call());
  });

  test('a name that the cloud does not take opens no connection; the longest that it takes is taken', async () => {
    const { at, manager, certificate } = await scene();
    const { longest, pattern } = manager.names;
    for (const name of [
      '',
      'ab',
      'a'.repeat(longest + 1),
      'a.b',
      'a b',
      '인증서',
      'a/b',
      '../x',
      'abc\n',
      "it's",
      'a"b',
    ]) {
      expect(pattern.test(name)).toBe(false);
      const error = await refusal(manager.create({ ...certificate, name }, call()), 'InvalidRequest');
      expect(error.message).toContain('name of a certificate must have');
      await refusal(manager.isNameFree(name, call()), 'InvalidRequest');
    }
    expect(at.counters.connections).toBe(0);
    for (const name of ['abc', 'a-1', 'A'.repeat(longest)]) await manager.create(await another(name), call());
    expect(at.counters.refused).toBe(0);
  });

  test('what no certificate or key is in is refused, and nothing is kept', async () => {
    const { manager, issued, certificate } = await scene();
    const other = await authority.issue();
    const wrong: Partial<NewCertificate>[] = [
      { privateKey: pairOf(other).privateKey },
      { privateKey: Buffer.from('no key') },
      { privateKey: certificate.certificate },
      { certificate: Buffer.from('no certificate') },
      { certificate: certificate.privateKey },
      { chain: Buffer.from('no chain') },
    ];
    for (const change of wrong) {
      const attempt = { ...certificate, ...change };
      await refusal(manager.create(attempt, call()), 'UploadRefused', issued.privateKey);
      if (cloud.validates) await refusal(check(manager, attempt), 'UploadRefused', issued.privateKey);
    }
    expect(await manager.list(call())).toEqual([]);
    if (cloud.validates) await check(manager, certificate);
    await manager.create(certificate, call());
  });

  async function check(manager: ProviderManager, certificate: NewCertificate): Promise<void> {
    await (manager.validate?.(certificate, call()) ?? expect.fail('cannot validate'));
  }

  test('what is in use is not deleted; what is gone is not there', async () => {
    const { at, manager, certificate } = await scene();
    const entry = await manager.create(certificate, call());
    cloud.use(at, entry.id, true);
    const error = await refusal(manager.delete(entry, call()), 'InUse');
    expect([error.concernsCertificate, error.retryable]).toEqual([true, false]);
    expect(await manager.list(call())).toHaveLength(1);
    cloud.use(at, entry.id, false);
    await manager.delete(entry, call());
    expect(await manager.list(call())).toEqual([]);
    await refusal(manager.delete(entry, call()), 'CertificateNotFound');
  });

  test('only what is asked for is deleted', async () => {
    const { manager } = await scene();
    const entries: InventoryEntry[] = [];
    for (const name of ['one', 'two', 'three']) entries.unshift(await manager.create(await another(name), call()));
    const [, two] = entries;
    await manager.delete(two ?? expect.fail(), call());
    expect((await manager.list(call())).map(({ name }) => name).sort()).toEqual(['one', 'three']);
  });

  test('a key that may only read lists, and changes nothing', async () => {
    const { at, manager, certificate } = await scene();
    const entry = await manager.create(certificate, call());
    at.readOnly = true;
    const attempts = [manager.create(await another('other'), call()), manager.delete(entry, call())];
    for (const attempt of attempts) {
      const error = await refusal(attempt, 'PermissionDenied');
      expect(error.message).toMatch(/may not|permission/);
      expect(error.concernsCertificate).toBe(false);
    }
    expect(await manager.list(call())).toEqual([entry]);
    expect(await manager.isNameFree('other', call())).toBe(true);
  });

  test('the list can be asked for what is wanted of it', async () => {
    const { at, manager } = await scene();
    const www = await manager.create(await another('www'), call());
    const issued = await authority.issue({ dnsNames: ['API.example.com'] });
    const api = await manager.create(named('www-api', issued), call());
    const rows: [ListFilter, InventoryEntry[]][] = [
      [{ name: 'www' }, [www]],
      [{ name: 'WWW' }, []],
      [{ id: api.id }, [api]],
      [{ commonName: 'api.EXAMPLE.com' }, [api]],
      [{ name: 'www', id: api.id }, []],
      [{ name: undefined, id: www.id }, [www]],
    ];
    for (const [filter, entries] of rows) expect(await manager.list(call(), filter)).toEqual(entries);
    const { requests } = at.counters;
    for (const name of ['name', 'id', 'commonName', 'instance'] as const) {
      if (manager.filters.includes(name)) continue;
      const error = await refusal(manager.list(call(), { [name]: '7' }), 'InvalidRequest');
      expect(error.message).toContain(`by ${name}: it knows name`);
    }
    expect(at.counters.requests).toBe(requests);
  });

  /** What changes something, in a cloud where there is `www`. */
  const deeds: Record<string, (manager: ProviderManager, entry: InventoryEntry) => Promise<unknown>> = {
    create: async (manager) => manager.create(await another('other'), call()),
    delete: (manager, entry) => manager.delete(entry, call()),
    ...(cloud.validates && { validate: async (manager) => manager.validate?.(await another('other'), call()) }),
    ...(cloud.replaces && {
      replace: async (manager, entry) => manager.replace?.(entry, await another('www'), call()),
    }),
    ...(cloud.selfSigns && { selfSign: (manager) => manager.selfSign?.(selfSigned, call()) ?? Promise.resolve() }),
  };
  const selfSigned = {
    name: 'other',
    commonName: 'www.example.com',
    organization: 'Sandbox',
    notBefore: '2026-01-01',
    notAfter: '2036-12-31',
    scp: { timezone: 'Asia/Seoul' },
  };

  test.each<[string, Fault, ProviderReason]>([
    ['does not know the credentials', { status: 401 }, 'AuthenticationFailed'],
    ['forbids', { status: 403 }, 'PermissionDenied'],
    ['has no such route', { status: 404 }, 'InvalidResponse'],
    ['throttles', { status: 429, retryAfter: 7 }, 'RateLimited'],
    ['is out of order', { status: 500 }, 'ProviderUnavailable'],
    ['is overloaded', { status: 503 }, 'ProviderUnavailable'],
    ['says so in plain text', { status: 502, body: 'upstream' }, 'ProviderUnavailable'],
  ])('when it %s, nothing is changed, and that is said', async (_case, fault, reason) => {
    const { at, manager, certificate, issued } = await scene();
    const entry = await manager.create(certificate, call());
    for (const deed of Object.values(deeds)) {
      at.fault({ ...fault, times: 1 });
      const error = await refusal(deed(manager, entry), reason, issued.privateKey);
      expect(error.concernsCertificate).toBe(false);
      expect(error.retryAfterMs).toBe(fault.retryAfter && 7_000);
    }
    at.clearFaults();
    expect(await manager.list(call())).toEqual([entry]);
  });

  test.each<[string, Fault, RegExp]>([
    ['is reset', { reset: true }, /broke off|failed/],
    ['is cut', { cut: true }, /broke off/],
    ['never comes', { stall: 'headers' }, /in time/],
  ])('when the answer to what was done %s, the next list tells', async (_case, fault, message) => {
    const { at, manager, certificate } = await scene({ http: httpClient({ timeouts: { totalMs: 500 } }) });
    at.fault({ ...fault, match: 'create', times: 1 });
    const error = await refusal(manager.create(certificate, call()), 'ProviderUnavailable');
    expect(error.message).toMatch(message);
    const [entry, ...others] = await manager.list(call());
    expect([entry?.name, others]).toEqual(['www', []]);
    await refusal(manager.create(certificate, call()), 'NameTaken');
    expect(await manager.list(call())).toHaveLength(1);
    if (fault.cut) return; // there is nothing in the answer that could be cut
    at.fault({ ...fault, match: 'delete', times: 1 });
    await refusal(manager.delete(entry ?? expect.fail(), call()), 'ProviderUnavailable');
    expect(await manager.list(call())).toEqual([]);
    await refusal(manager.delete(entry ?? expect.fail(), call()), 'CertificateNotFound');
  });

  test('when a question about a refusal is not answered, the refusal stands', async () => {
    const { at, manager, certificate } = await scene();
    await manager.create(certificate, call());
    const wrong = { ...(await another('www')), privateKey: certificate.privateKey };
    at.fault({ match: 'check', status: 503, times: 1 });
    at.fault({ match: 'list', status: 503, times: 1 });
    const error = await refusal(manager.create(wrong, call()), 'UploadRefused');
    expect(error.requestId).toMatch(/./);
    await refusal(manager.create(wrong, call()), 'NameTaken');
  });

  test('an abort ends a call with the reason of the signal', async () => {
    const { at, manager, certificate } = await scene();
    const entry = await manager.create(certificate, call());
    at.fault({ stall: 'headers' });
    const begin: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => manager.create({ ...certificate, name: 'other' }, call(signal)),
      (signal) => manager.delete(entry, call(signal)),
      (signal) => manager.isNameFree('other', call(signal)),
      (signal) => manager.list(call(signal), { name: 'www' }),
    ];
    for (const start of begin) {
      const abort = new AbortController();
      const { requests } = at.counters;
      const attempt = start(abort.signal);
      await vi.waitFor(() => expect(at.counters.requests).toBeGreaterThan(requests));
      abort.abort(new Error('enough'));
      await expect(attempt).rejects.toThrow('enough');
    }
  });

  test('every request but the first of a call is announced, and told of by what it is for', async () => {
    const { http, calls } = observedHttp();
    const { at, manager, certificate } = await scene({ http });
    const counted = async (deed: (call: Call) => Promise<unknown>): Promise<void> => {
      const { requests } = at.counters;
      let announced = 0;
      await deed({ ...call(), another: async () => void announced++ }).catch(() => {});
      expect(announced).toBe(at.counters.requests - requests - 1);
    };
    const other = await another('www');
    await counted((call) => manager.isNameFree('www', call));
    await counted((call) => manager.create(certificate, call));
    await counted((call) => manager.create(other, call)); // the name is taken
    const [entry = expect.fail()] = await manager.list(call());
    cloud.use(at, entry.id, true);
    await counted((call) => manager.delete(entry, call));
    cloud.use(at, entry.id, false);
    await counted((call) => manager.delete(entry, call));
    expect(calls).toHaveLength(at.counters.requests);
    const { lists, checks, creates, deletes } = at.counters;
    const told = (operation: string): number => calls.filter((one) => one.operation === operation).length;
    expect(['list', 'check', 'create', 'delete'].map(told)).toEqual([lists, checks, creates, deletes]);
    expect([creates, deletes]).toEqual([2, 2]);
  });

  test('the pair is left as it is, and goes out in buffers that are zeroed', async () => {
    const http = httpClient();
    const request = vi.spyOn(http, 'request');
    const { manager, issued, certificate } = await scene({ http });
    const entry = await manager.create(certificate, call());
    await manager.validate?.(certificate, call());
    await manager.replace?.(entry, await another('www'), call());
    await refusal(manager.create({ ...certificate, name: 'other', chain: Buffer.from('x') }, call()), 'UploadRefused');
    expect(certificate.privateKey.toString()).toBe(issued.privateKey);
    const bodies = request.mock.calls.flatMap(([{ body }]) => (body === undefined ? [] : [body]));
    expect(bodies.length).toBeGreaterThan(1);
    for (const body of bodies) expect(body).toEqual(Buffer.alloc(body.length));
  });

  test('ids and names that no certificate can have open no connection', async () => {
    const { at, manager } = await scene();
    for (const id of ['', '.', '..', 'a\nb', 'a\r\nHost: evil.example', 'a\u0000b', '\ud800'])
      await refusal(manager.delete({ id, name: 'www' }, call()), 'InvalidRequest');
    expect(at.counters.connections).toBe(0);
  });
});
