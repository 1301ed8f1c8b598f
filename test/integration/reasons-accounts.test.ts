import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { NhnAccount, NhnSimulator } from '../../sandbox/providers/nhn/simulator.ts';
import { certificateProviders } from '../../src/api/group.ts';
import type { ProviderReadyReason } from '../../src/api/reasons.ts';
import type { KubeObject, Secret } from '../../src/kube/objects.ts';
import { canary } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { says, told } from '../support/told.ts';
import { cloud, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 60 });

let w: World;
const clouds: NhnSimulator[] = [];
beforeAll(async () => {
  w = await world();
});
afterAll(async () => {
  await w[Symbol.asyncDispose]();
  for (const nhn of clouds) await nhn[Symbol.asyncDispose]();
});

interface Account {
  access: NhnAccount;
  nhn: NhnSimulator;
}

/** An account of its own. */
async function account(): Promise<Account> {
  const made = await cloud();
  clouds.push(made.nhn);
  return made;
}

/** An account with its provider object, which is Ready. */
async function readyAccount(provider: string, spec: Record<string, unknown> = {}): Promise<Account> {
  const made = await account();
  await w.credentials(provider, made.access);
  await w.provider(provider, made.nhn, spec);
  await w.providerReady(provider, 'Valid');
  return made;
}

/** Certificates of an account as the provider lists them, and ProviderCertificates for them. */
async function wanted(provider: string, { nhn }: Account, names: readonly string[]): Promise<void> {
  for (const name of names) nhn.upload(name, (await w.issue(name)).bundle);
  for (const name of names) await w.certificate(name, { providerRef: { name: provider } });
}

/** The same, and their Secrets are in place. */
async function inPlace(provider: string, made: Account, names: readonly string[]): Promise<Secret[]> {
  await wanted(provider, made, names);
  const secrets: Secret[] = [];
  for (const name of names) {
    await w.synced(name, 'Synced');
    const secret = await w.secret(name);
    expect(secret).toBeDefined();
    if (secret) secrets.push(secret);
  }
  return secrets;
}

/** Waits until the provider object is not Ready for this reason, and told so by one event. */
async function faulty(name: string, reason: ProviderReadyReason, seen: string | RegExp): Promise<void> {
  const { status, message } = await w.providerReady(name, reason);
  expect(status).toBe('False');
  expect(message).toMatch(seen);
  await eventually(async () => {
    const events = (await w.events(name, 'CertificateProvider')).filter((event) => event.reason === reason);
    expect(events).toEqual([{ type: 'Warning', reason, message, count: 1 }]);
  });
}

/** Waits until the events about a provider object have these reasons, in this order: they come a moment after the status. */
async function expectEvents(provider: string, reasons: readonly string[]): Promise<void> {
  await eventually(async () =>
    expect((await w.events(provider, 'CertificateProvider')).map(({ reason }) => reason)).toEqual(reasons),
  );
}

describe.concurrent('credentials', () => {
  test('that are missing or cannot be used: nothing is asked, and it says which key', async () => {
    const name = 'credentials';
    const { access, nhn } = await account();
    const odd = 'gehëimnisvoll-and-long-enough';
    canary(odd);
    await w.provider(name, nhn);
    await wanted(name, { access, nhn }, [name]);
    const missing = (seen: string | RegExp, kept?: Secret) =>
      says(w, name, { reason: 'CredentialsMissing', seen, kept });
    const secret = `Secret ${w.namespace}/credentials-credentials`;
    await missing(`credentials ${secret} does not exist`);
    await faulty(name, 'CredentialsMissing', 'does not exist');
    const { appKey, ...others } = access;
    await w.credentials(name, others);
    await missing(`${secret} has no key appKey; it has accessKeyId, secretAccessKey.`);
    await w.credentials(name, { ...others, appKey: ' \n' });
    await missing(`key appKey of ${secret} is empty`);
    await w.credentials(name, { ...others, appKey: 'with/slash' });
    await missing(`key appKey of ${secret} must hold only letters`);
    await w.credentials(name, { ...access, secretAccessKey: odd });
    expect(await missing(`key secretAccessKey of ${secret} must hold only printable ASCII`)).not.toContain(odd);
    await w.credentials(name, { ...access, accessKeyId: 'with\ncontrol' });
    await missing(`key accessKeyId of ${secret} must hold only printable ASCII`);
    expect(nhn.counters.connections).toBe(0);

    // As editors leave it.
    await w.credentials(name, { ...others, appKey: `${appKey}\n` });
    await w.synced(name, 'Synced');
    await w.providerReady(name, 'Valid');
    const kept = await w.secret(name);
    await w.deleteSecret('credentials-credentials');
    await missing('does not exist', kept);
    await w.providerReady(name, 'CredentialsMissing');
    const { requests } = nhn.counters;
    await w.credentials(name, access);
    await w.synced(name, 'Synced');
    expect(nhn.counters.downloads).toBe(1);
    expect(nhn.counters.requests).toBeLessThanOrEqual(requests + 1);
  });

  test('that are wrong: the account pauses, and new ones are tried at once', async () => {
    const name = 'wrong';
    const made = await account();
    const { access, nhn } = made;
    const first = ['wrong-1', 'wrong-2', 'wrong-3', 'wrong-4', 'wrong-5'];
    await w.credentials(name, { ...access, secretAccessKey: 'not-the-right-one' });
    await w.provider(name, nhn, { pollInterval: '5m' });
    await wanted(name, made, first);
    await faulty(name, 'AuthenticationFailed', /status 401.*\(code 4011001\)/);
    await Promise.all(
      first.map((one) =>
        told(w, one, { reason: 'AuthenticationFailed', seen: /status 401.*\(code 4011001\)/, kept: undefined }),
      ),
    );
    // One probe for everybody, not one for each.
    expect(nhn.counters.requests).toBeLessThanOrEqual(4);

    await w.credentials(name, access);
    await w.providerReady(name, 'Valid');
    for (const one of first) await w.synced(one, 'Synced');
    expect(nhn.counters).toMatchObject({ lists: 1, downloads: first.length });

    // Who has a pair is not bothered with it.
    const before = await Promise.all(first.map((one) => w.get(one)));
    await w.credentials(name, { ...access, secretAccessKey: 'not-the-right-one' });
    await w.providerReady(name, 'AuthenticationFailed');
    await w.credentials(name, access);
    await w.providerReady(name, 'Valid');
    expect(await Promise.all(first.map((one) => w.get(one)))).toEqual(before);
    expect(nhn.counters.downloads).toBe(first.length);
  });

  test('that may not list', async () => {
    const name = 'may-not-list';
    const made = await account();
    made.nhn.fault({ match: 'list', status: 403 });
    await w.credentials(name, made.access);
    await w.provider(name, made.nhn);
    await wanted(name, made, [name]);
    await told(w, name, {
      reason: 'AuthenticationFailed',
      seen: /status 403.*may not list.*\(code 4031007\)/,
      kept: undefined,
    });
    await faulty(name, 'AuthenticationFailed', 'may not list');
    made.nhn.clearFaults();
    await w.synced(name, 'Synced');
    await expectEvents(name, ['AuthenticationFailed', 'Valid']);
  });
});

describe.concurrent('a fault of one download', () => {
  const faults = [
    {
      name: 'denied',
      reason: 'PermissionDenied',
      seen: /status 403.*\(code 4031007\)/,
      fault: { status: 403 },
    },
    { name: 'broken', reason: 'ProviderUnavailable', seen: /status 503.*\(code 5030001\)/, fault: { status: 503 } },
    { name: 'reset', reason: 'ProviderUnavailable', seen: 'connection', fault: { reset: true } },
    {
      name: 'page',
      reason: 'InvalidResponse',
      seen: 'web page',
      fault: { body: '<!DOCTYPE html><html><body>Sign in</body></html>', headers: { 'content-type': 'text/html' } },
    },
    { name: 'huge', reason: 'InvalidResponse', seen: 'larger than 512 KiB', fault: { body: Buffer.alloc(600 * 1024) } },
    { name: 'odd-code', reason: 'InvalidResponse', seen: '(code 77777)', fault: { code: 77777 } },
  ] as const;

  test.each(faults)('$name: $reason, for that certificate alone', async ({ name, reason, seen, fault }) => {
    const made = await readyAccount(name);
    const good = `${name}-good`;
    await wanted(name, made, [good, name]);
    await w.synced(good, 'Synced');
    await w.synced(name, 'Synced');
    const kept = await w.secret(name);
    made.nhn.fault({ match: name, ...fault });
    const next = await w.issue(name);
    made.nhn.upload(name, next.bundle);
    await told(w, name, { reason, seen, kept });
    await w.providerReady(name, 'Valid');
    await expectEvents(name, ['Valid']);
    const before = await w.get(good);

    made.nhn.clearFaults();
    await w.holds(name, next);
    await w.synced(name, 'Synced');
    expect(await w.get(good)).toEqual(before);
  });
});

describe.concurrent('the same fault of three downloads', () => {
  test.each([
    { provider: 'three-denied', reason: 'PermissionDenied', status: 403 },
    { provider: 'three-broken', reason: 'ProviderUnavailable', status: 502 },
  ] as const)('$reason is of the account', async ({ provider, reason, status }) => {
    const made = await readyAccount(provider);
    const names = ['a', 'b', 'c', 'd', 'e'].map((one) => `${provider}-${one}`);
    const [kept, ...others] = names;
    const [secret] = await inPlace(provider, made, [kept ?? '']);
    const before = await w.get(kept ?? '');

    made.nhn.fault({ match: 'download', status });
    await wanted(provider, made, others);
    await faulty(provider, reason, `status ${status}`);
    for (const name of others) await told(w, name, { reason, seen: `status ${status}`, kept: undefined });
    expect(await w.get(kept ?? '')).toEqual(before);
    expect(await w.secret(kept ?? '')).toEqual(secret);

    made.nhn.clearFaults();
    for (const name of others) await w.synced(name, 'Synced');
    await w.providerReady(provider, 'Valid');
    expect(await w.get(kept ?? '')).toEqual(before);
    await expectEvents(provider, ['Valid', reason, 'Valid']);
  });
});

describe.concurrent('a provider that asks to wait', () => {
  /** When the number goes up; sees it a little late. */
  const rises = (count: () => number, from: number): Promise<number> =>
    eventually(() => (expect(count()).toBeGreaterThan(from), Date.now()), { timeoutMs: 60_000, intervalMs: 10 });

  test('with its list: nothing is asked until then', async () => {
    const provider = 'busy-list';
    const made = await account();
    made.nhn.fault({ match: 'list', status: 429, retryAfter: 12, times: 1 });
    await w.credentials(provider, made.access);
    await w.provider(provider, made.nhn);
    await wanted(provider, made, [provider]);
    const asked = await rises(() => made.nhn.counters.requests, 0);
    await told(w, provider, {
      reason: 'RateLimited',
      seen: /status 429.*\(code 4291000\)/,
      kept: undefined,
    });
    await faulty(provider, 'RateLimited', 'too many requests');
    expect((await rises(() => made.nhn.counters.requests, 1)) - asked).toBeGreaterThan(11_500);
    await w.synced(provider, 'Synced');
    await w.providerReady(provider, 'Valid');
  });

  test('with one download: nobody downloads until then, nor is it listed', async () => {
    const provider = 'busy-download';
    const made = await readyAccount(provider);
    const names = ['a', 'b', 'c'].map((one) => `${provider}-${one}`);
    for (const name of names) made.nhn.upload(name, (await w.issue(name)).bundle);
    await eventually(async () => {
      const { namespace } = w;
      const object = await w.client.get<KubeObject & { status: { certificates: number } }>(
        certificateProviders,
        { namespace, name: provider },
        { signal: AbortSignal.timeout(10_000) },
      );
      expect(object.status.certificates).toBe(3);
    });
    made.nhn.fault({ match: 'download', status: 429, retryAfter: 12 });
    const [first = '', ...others] = names;
    await w.certificate(first, { providerRef: { name: provider } });
    const asked = await rises(() => made.nhn.counters.downloads, 0);
    const { requests } = made.nhn.counters;
    for (const name of others) await w.certificate(name, { providerRef: { name: provider } });
    for (const name of names) {
      await told(w, name, { reason: 'RateLimited', seen: 'status 429', kept: undefined });
    }
    await faulty(provider, 'RateLimited', 'status 429');
    expect(made.nhn.counters.requests).toBe(requests);
    made.nhn.clearFaults();
    expect((await rises(() => made.nhn.counters.requests, requests)) - asked).toBeGreaterThan(11_500);
    for (const name of names) await w.synced(name, 'Synced');
    await w.providerReady(provider, 'Valid');
  });
});

describe.concurrent('a list that fails', () => {
  test.each([
    { provider: 'down', reason: 'ProviderUnavailable', seen: 'status 503', fault: { status: 503 } },
    {
      provider: 'html',
      reason: 'InvalidResponse',
      seen: 'cannot be understood',
      fault: { body: '<html></html>' },
    },
    { provider: 'away', reason: 'InvalidResponse', seen: 'redirects', fault: { redirect: 'https://example.com/' } },
    { provider: 'wrong-route', reason: 'InvalidResponse', seen: 'no such route', fault: { status: 404 } },
  ] as const)(
    '$provider: the provider object and who has no pair tell it, the others do not',
    async ({ provider, reason, seen, fault }) => {
      const made = await readyAccount(provider);
      const [old, fresh] = [`${provider}-old`, `${provider}-new`];
      const [secret] = await inPlace(provider, made, [old]);
      const before = await w.get(old);
      made.nhn.fault({ match: 'list', ...fault });
      await faulty(provider, reason, seen);
      await wanted(provider, made, [fresh]);
      await told(w, fresh, { reason, seen, kept: undefined });
      expect(await w.get(old)).toEqual(before);
      expect(await w.secret(old)).toEqual(secret);

      made.nhn.clearFaults();
      await w.synced(fresh, 'Synced');
      await w.providerReady(provider, 'Valid');
      expect(await w.get(old)).toEqual(before);
      await expectEvents(provider, ['Valid', reason, 'Valid']);
    },
  );

  test('nobody is there', async () => {
    const name = 'nobody';
    const made = await account();
    await w.credentials(name, made.access);
    await made.nhn[Symbol.asyncDispose]();
    await w.provider(name, made.nhn);
    await w.certificate(name, { providerRef: { name } });
    await told(w, name, { reason: 'ProviderUnavailable', seen: 'ECONNREFUSED', kept: undefined });
    await faulty(name, 'ProviderUnavailable', 'ECONNREFUSED');
  });

  test('no answer at all: pending first, quietly, then unavailable', async () => {
    const name = 'silent';
    const made = await account();
    made.nhn.fault({ match: 'list', stall: 'headers' });
    await w.credentials(name, made.access);
    await w.provider(name, made.nhn);
    await wanted(name, made, [name]);
    expect(await w.synced(name, 'Pending')).toMatchObject({
      status: 'Unknown',
      message: expect.stringMatching(/first answer/),
    });
    await w.ready(name, 'SecretMissing');
    expect((await w.get(name)).status?.message).toMatch(/first answer/);
    await told(w, name, { reason: 'ProviderUnavailable', seen: 'did not answer in time', kept: undefined });
    expect((await w.events(name)).map(({ reason }) => reason)).toEqual(['ProviderUnavailable']);
    made.nhn.clearFaults();
    await w.synced(name, 'Synced');
  });
});

describe.concurrent('a provider object', () => {
  test('that is not there, comes and goes', async () => {
    const name = 'absent';
    const made = await account();
    await w.credentials(name, made.access);
    await wanted(name, made, [name]);
    const seen = 'There is no CertificateProvider absent in this namespace';
    await says(w, name, { reason: 'ProviderNotFound', seen, kept: undefined });
    await w.provider(name, made.nhn);
    await w.synced(name, 'Synced');
    // It was being set up: nothing else to tell.
    await w.event(name, 'Synced');
    expect(await w.events(name)).toHaveLength(1);

    const kept = await w.secret(name);
    await w.client.delete(
      certificateProviders,
      { namespace: w.namespace, name },
      { signal: AbortSignal.timeout(10_000) },
    );
    await says(w, name, { reason: 'ProviderNotFound', seen, kept });
    const { requests } = made.nhn.counters;
    await w.provider(name, made.nhn);
    await w.synced(name, 'Synced');
    expect(made.nhn.counters).toMatchObject({ requests: requests + 1, downloads: 1 });
  });

  test('of the cluster: an operator that watches namespaces says that it serves none', async () => {
    const name = 'of-the-cluster';
    await w.certificate(name, { providerRef: { kind: 'ClusterCertificateProvider', name } });
    await says(w, name, { reason: 'ProviderNotFound', seen: '--watch-namespace', kept: undefined });
  });

  test.each([
    {
      name: 'elsewhere',
      reason: 'EndpointNotAllowed',
      seen: '--allow-endpoint not.allowed.example.com',
      nhn: { endpoint: 'https://not.allowed.example.com', credentialsSecretRef: { name: 'nhn-credentials' } },
    },
  ] as const)('$name: $reason, and who uses it is told', async ({ name, reason, seen, ...clouds }) => {
    await w.provider(name, w.nhn, clouds);
    await faulty(name, reason, seen);
    await w.certificate(name, { providerRef: { name } });
    await says(w, name, { reason: 'ProviderNotReady', seen, kept: undefined });

    await w.upload(name);
    await w.provider(name, w.nhn, { nhn: { endpoint: w.nhn.url, credentialsSecretRef: { name: 'nhn-credentials' } } });
    await w.synced(name, 'Synced');
    await w.providerReady(name, 'Valid');
  });

  test('shares an account with another one: it is listed once, and the message says whose interval holds', async () => {
    const made = await readyAccount('shared-quick', { pollInterval: '10m' });
    await w.credentials('shared-slow', made.access);
    await w.provider('shared-slow', made.nhn, { pollInterval: '1h' });
    const slow = await w.providerReady('shared-slow', 'Valid');
    expect(slow.message).toMatch(/pollInterval is .*shared-quick asks, which uses the same account/);
    expect((await w.providerReady('shared-quick', 'Valid')).message).not.toContain('shared-slow');
    expect(made.nhn.counters).toMatchObject({ requests: 1, lists: 1 });
  });
});

describe.concurrent('a list', () => {
  test('with several certificates of the name that is asked for', async () => {
    const name = 'ambiguous';
    const made = await account();
    // One letter, written in two ways, and the spec has it in a third.
    const rows = ['\u212b.example.com', 'A\u030a.example.com'].map((certificateName) => ({
      certificateName,
      authority: 'Sandbox',
      signatureAlgorithm: 'SHA256withRSA',
      fileCreationDate: '2026-01-01',
      expirationDate: '2999-12-31',
    }));
    const header = { resultCode: 0, resultMessage: 'success', isSuccessful: true };
    const body = { totalCount: 2, totalPage: 1, currentPage: 1, pageSize: 100, data: rows };
    made.nhn.fault({ match: 'list', body: JSON.stringify({ header, body }) });
    await w.credentials(name, made.access);
    await w.provider(name, made.nhn);
    await w.certificate(name, { providerRef: { name }, remoteRef: { name: '\u00c5.example.com' } });
    await told(w, name, { reason: 'Ambiguous', seen: 'lists 2 certificates with this name', kept: undefined });
    expect(made.nhn.counters.downloads).toBe(0);
  });

  test('without the certificate: it is looked for at each poll, without a download', async () => {
    const name = 'not-listed';
    const made = await readyAccount(name);
    await w.certificate(name, { providerRef: { name } });
    const seen = 'lists no certificate with this name';
    await told(w, name, { reason: 'CertificateNotFound', seen, kept: undefined });
    const issued = await w.issue(name);
    made.nhn.upload(name, issued.bundle);
    await w.holds(name, issued);
    await w.synced(name, 'Synced');
    expect(made.nhn.counters.downloads).toBe(1);
  });

  test('asked for by something that it does not know', async () => {
    const name = 'by-common-name';
    const made = await readyAccount(name);
    const [kept] = await inPlace(name, made, [name]);
    for (const remoteRef of [{ commonName: name }, { id: name }]) {
      await w.patch(name, { remoteRef: { name: null, id: null, commonName: null, ...remoteRef } });
      const { message } = await w.synced(name, 'InvalidSpec');
      expect(message).toContain('remoteRef must hold name, and nothing else');
      expect(message).toContain('is kept');
      await w.ready(name, 'SpecNotMet');
      expect(await w.secret(name)).toEqual(kept);
    }
    await w.patch(name, { remoteRef: { id: null, name } });
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
  });
});
