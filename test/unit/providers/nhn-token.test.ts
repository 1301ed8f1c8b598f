import { describe, expect, onTestFinished, test } from 'vitest';
import type { Fault } from '../../../sandbox/providers/fault.ts';
import { type NhnSimulator, startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import type { ProviderReason } from '../../../src/providers/errors.ts';
import { HttpClient } from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';
import type { ProviderClient } from '../../../src/providers/provider.ts';
import { ManualClock } from '../../support/clock.ts';
import { call, canaries, refusal } from './support.ts';
import { eventually } from '../../support/eventually.ts';

const file = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

interface Scene {
  provider: NhnSimulator;
  clock: ManualClock;
  client: ProviderClient;
}

/** A client of v1.3, whose time a test moves. */
async function scene(credentials: Partial<typeof canaries> = {}): Promise<Scene> {
  const provider = await startNhnSimulator(canaries);
  onTestFinished(() => provider[Symbol.asyncDispose]());
  const clock = new ManualClock(Date.now());
  const http = new HttpClient({ clock, endpoints: new Endpoints(['127.0.0.1']) });
  onTestFinished(() => http.close());
  const spec = { nhn: { apiVersion: 'v1.3', endpoint: provider.url, tokenEndpoint: provider.url } } as const;
  const client = nhn.connect({ spec, credentials: { ...canaries, ...credentials }, http, clock });
  return { provider, clock, client };
}

async function onlyEntry(client: ProviderClient): Promise<InventoryEntry> {
  const [entry] = await client.list(call());
  if (entry === undefined) throw new Error('nothing is listed');
  return entry;
}

test('a certificate is known by id and by name, and asked for by id', async () => {
  const { provider, client } = await scene();
  provider.upload('www.example.com', file, { created: '2026-01-02', expires: '2999-03-04' });
  const entry = await onlyEntry(client);
  expect(entry).toEqual({
    id: provider.idOf('www.example.com'),
    name: 'www.example.com',
    revision: '2026-01-02/2999-03-04',
    day: '2026-01-02',
    notAfter: '2999-03-04',
  });
  const [part] = await client.download(entry, call());
  expect(Buffer.from(part ?? []).toString()).toBe(file);
  expect(provider.counters.downloadsOf).toEqual({ 'www.example.com': 1 });
});

test('without ids in the list, the name serves as one', async () => {
  const { provider, client } = await scene();
  provider.upload('name', file);
  provider.fault({
    match: 'list',
    body: JSON.stringify({ header: { isSuccessful: true }, body: { data: [{ certificateName: 'name' }] } }),
  });
  expect(await onlyEntry(client)).toMatchObject({ id: 'name', name: 'name' });
});

test('a file that is missing, with its own code and status', async () => {
  const { provider, client } = await scene();
  provider.register('name');
  const error = await refusal(client.download(await onlyEntry(client), call()), 'CertificateUnavailable');
  expect(error).toMatchObject({ code: '52009' });
  await refusal(client.download({ id: 'unknown', name: 'unknown', revision: '1' }, call()), 'CertificateNotFound');
});

describe('the token', () => {
  test('is fetched once for everybody, and kept', async () => {
    const { provider, client } = await scene();
    provider.latencyMs = 20;
    await Promise.all(Array.from({ length: 10 }, () => client.list(call())));
    await client.list(call());
    expect(provider.counters).toMatchObject({ tokens: 1, lists: 11, refused: 0 });
  });

  test('counts as a request of the call that needs it', async () => {
    const { client } = await scene();
    let turns = 0;
    await client.list({ ...call(), another: async () => void turns++ });
    expect(turns).toBe(1);
    await client.list({ ...call(), another: async () => void turns++ });
    expect(turns).toBe(1);
  });

  test.each([
    [86_400, 86_100],
    [60, 54],
  ])('of %d s is renewed after %d s', async (life, renewedAfter) => {
    const { provider, clock, client } = await scene();
    provider.tokenSeconds = life;
    await client.list(call());
    await clock.advance((renewedAfter - 1) * 1_000);
    await client.list(call());
    expect(provider.counters.tokens).toBe(1);
    await clock.advance(1_000);
    await client.list(call());
    expect(provider.counters).toMatchObject({ tokens: 2, refused: 0 });
  });

  test('that is refused is replaced, and the request repeated once', async () => {
    const { provider, client } = await scene();
    provider.upload('name', file);
    const entry = await onlyEntry(client);
    provider.revokeTokens();
    await client.download(entry, call());
    expect(provider.counters).toMatchObject({ tokens: 2, refused: 1, downloads: 1 });
  });

  test('that is refused although it is new is not asked for again and again', async () => {
    const { provider, client } = await scene();
    await client.list(call());
    provider.fault({ match: 'list', status: 401 });
    await refusal(client.list(call()), 'AuthenticationFailed');
    expect(provider.counters).toMatchObject({ tokens: 2, lists: 3 });
  });

  test('may not do something: that is no reason for another one', async () => {
    const { provider, client } = await scene();
    provider.fault({ match: 'list', status: 403 });
    await refusal(client.list(call()), 'AuthenticationFailed');
    expect(provider.counters).toMatchObject({ tokens: 1, lists: 1 });
  });

  test('is still fetched for those who wait, when who asked first gives up', async () => {
    const { provider, client } = await scene();
    provider.fault({ match: 'token', latencyMs: 200 });
    const abort = new AbortController();
    const first = client.list(call(abort.signal));
    const second = client.list(call());
    await eventually(() => expect(provider.counters.tokens).toBe(1));
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect(await second).toEqual([]);
    expect(provider.counters).toMatchObject({ tokens: 1, lists: 1 });
  });

  test.each<[string, Fault, ProviderReason]>([
    ['400', { status: 400, body: '{"error":"invalid_client"}' }, 'AuthenticationFailed'],
    ['401', { status: 401, body: '' }, 'AuthenticationFailed'],
    ['403', { status: 403, body: '' }, 'AuthenticationFailed'],
    ['404', { status: 404, body: '' }, 'InvalidResponse'],
    ['429', { status: 429, body: '' }, 'RateLimited'],
    ['503', { status: 503, body: '' }, 'ProviderUnavailable'],
    ['a reset', { reset: true }, 'ProviderUnavailable'],
    ['a page', { body: '<html>' }, 'InvalidResponse'],
    ['no token', { body: '{"token_type":"Bearer","expires_in":86400}' }, 'InvalidResponse'],
    ['a token that no header can carry', { body: '{"access_token":"a\\r\\nb","expires_in":9}' }, 'InvalidResponse'],
    ['a redirect', { redirect: 'http://127.0.0.1:1/' }, 'InvalidResponse'],
  ])('endpoint that answers with %s', async (_, fault, reason) => {
    const { provider, client } = await scene();
    provider.fault({ match: 'token', times: 1, ...fault });
    await refusal(client.list(call()), reason);
    expect(provider.counters.lists).toBe(0);
    await client.list(call());
  });

  test.each(['accessKeyId', 'secretAccessKey'] as const)('is not sold for a wrong %s', async (key) => {
    const { provider, client } = await scene({ [key]: 'another' });
    const error = await refusal(client.list(call()), 'AuthenticationFailed');
    expect(error.message).toContain('token endpoint');
    expect(provider.counters).toMatchObject({ tokens: 0, lists: 0 });
  });
});
