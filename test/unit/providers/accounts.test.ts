import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AccountRequest, Accounts } from '../../../src/providers/accounts.ts';
import { systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { ManualClock } from '../../support/clock.ts';
import { failure, ModelProvider } from './model.ts';
import { canaries, entryOf, quiet, simulator } from './support.ts';
import { eventually } from '../../support/eventually.ts';

const minute = 60_000;
const forever = new AbortController().signal;

function world(): {
  accounts: Accounts;
  clock: ManualClock;
  models: ModelProvider[];
  request: (o?: Partial<AccountRequest>) => AccountRequest;
} {
  const clock = new ManualClock();
  const models: ModelProvider[] = [];
  const provider: Provider = {
    ...nhn,
    connect() {
      const model = new ModelProvider(clock);
      model.entries = [entryOf('a'), entryOf('b')];
      models.push(model);
      return model;
    },
  };
  const accounts = new Accounts({ clock, logger: quiet, endpoints: new Endpoints(), random: () => 0 });
  onTestFinished(() => accounts.stop());
  const request = (o: Partial<AccountRequest> = {}): AccountRequest => ({
    provider,
    spec: { nhn: {} },
    credentials: { appKey: 'a', accessKeyId: 'b', secretAccessKey: 'c' },
    settings: { pollIntervalMs: 5 * minute },
    ...o,
  });
  return { accounts, clock, models, request };
}

describe('holders', () => {
  test('with the same endpoint and credentials share one account, which is listed once', async () => {
    const { accounts, clock, models, request } = world();
    const one = accounts.obtain('one', request());
    expect(
      accounts.obtain('two', request({ credentials: { secretAccessKey: 'c', accessKeyId: 'b', appKey: 'a' } })),
    ).toBe(one);
    expect(accounts.obtain('one', request())).toBe(one);
    await clock.advance(0);
    expect(models.map((model) => model.asked('list'))).toEqual([1]);
  });

  test.each<[string, Partial<AccountRequest>]>([
    ['credentials', { credentials: { appKey: 'a', accessKeyId: 'b', secretAccessKey: 'd' } }],
    ['credentials that look alike', { credentials: { appKey: 'a', accessKeyId: 'c', secretAccessKey: 'b' } }],
    ['endpoint', { spec: { nhn: { endpoint: 'https://another.example' } } }],
    ['API version', { spec: { nhn: { apiVersion: 'v1.3' } } }],
    ['CA', { ca: '-----BEGIN CERTIFICATE-----' }],
  ])('with another %s have another account', async (_, other) => {
    const { accounts, request } = world();
    expect(accounts.obtain('two', request(other))).not.toBe(accounts.obtain('one', request()));
  });

  test('keep an account open until the last has left', async () => {
    const { accounts, clock, models, request } = world();
    accounts.obtain('one', request());
    accounts.obtain('two', request());
    accounts.release('one');
    accounts.release('nobody');
    await clock.advance(5 * minute);
    expect(models[0]?.asked('list')).toBe(2);
    accounts.release('two');
    await clock.advance(60 * minute);
    expect(models[0]?.asked('list')).toBe(2);
    expect(clock.pending).toBe(0);
    accounts.obtain('two', request());
    expect(models).toHaveLength(2);
  });

  test('with new credentials give the old account back', async () => {
    const { accounts, clock, models, request } = world();
    const before = accounts.obtain('one', request());
    await clock.advance(0);
    const after = accounts.obtain(
      'one',
      request({ credentials: { appKey: 'a', accessKeyId: 'b', secretAccessKey: 'new' } }),
    );
    expect(after).not.toBe(before);
    await clock.advance(5 * minute);
    expect(models.map((model) => model.asked('list'))).toEqual([1, 2]);
    await expect(before.download(entryOf('a'), { urgent: false, signal: forever })).rejects.toMatchObject({
      reason: 'ProviderUnavailable',
    });
  });
});

describe('settings', () => {
  test('are the smallest of the holders, by name, and change with them', async () => {
    const { accounts, request } = world();
    const account = accounts.obtain(
      'slow',
      request({ settings: { pollIntervalMs: 10 * minute, requestsPerMinute: 60 } }),
    );
    expect(accounts.effective('slow')).toEqual({
      pollIntervalMs: { value: 10 * minute, holder: 'slow' },
      requestsPerMinute: { value: 60, holder: 'slow' },
      inFlight: undefined,
    });
    accounts.obtain('quick', request({ settings: { pollIntervalMs: minute, requestsPerMinute: 600, inFlight: 4 } }));
    expect(account.pollIntervalMs).toBe(minute);
    expect(accounts.effective('slow')).toEqual({
      pollIntervalMs: { value: minute, holder: 'quick' },
      requestsPerMinute: { value: 60, holder: 'slow' },
      inFlight: { value: 4, holder: 'quick' },
    });
    accounts.obtain('quick', request({ settings: { pollIntervalMs: 2 * minute } }));
    expect(account.pollIntervalMs).toBe(2 * minute);
    accounts.release('quick');
    expect(account.pollIntervalMs).toBe(10 * minute);
    expect(accounts.effective('quick')).toBeUndefined();
  });

  test('hold on the wire', async () => {
    const { accounts, clock, models, request } = world();
    const account = accounts.obtain(
      'one',
      request({ settings: { pollIntervalMs: 60 * minute, inFlight: 3, requestsPerMinute: 60 } }),
    );
    await clock.advance(0);
    const [model] = models;
    if (!model) throw new Error('unreachable');
    model.latencyMs = 500;
    const all = Promise.all(
      Array.from({ length: 60 }, (_, i) => account.download(entryOf(`c${i}`), { urgent: true, signal: forever })),
    );
    await clock.advance(minute);
    await all;
    expect(model.maxRunning).toBe(3);
    const { at: start } = model.requests[0] ?? { at: 0 };
    expect(model.requests.filter(({ at }) => at - start < 10_000)).toHaveLength(14); // 5 s worth at once, then 1 per second
  });

  test('of limits are shared by accounts that only differ in API version or CA, and so are pauses', async () => {
    const { accounts, clock, models, request } = world();
    const one = accounts.obtain('one', request({ settings: { pollIntervalMs: 60 * minute } }));
    const two = accounts.obtain(
      'two',
      request({ ca: '-----BEGIN CERTIFICATE-----', settings: { pollIntervalMs: 60 * minute, inFlight: 2 } }),
    );
    await clock.advance(0);
    for (const model of models) model.latencyMs = 1_000;
    const all = [one, two].flatMap((account) =>
      ['a', 'b', 'c'].map((id) => account.download(entryOf(id), { urgent: true, signal: forever })),
    );
    let most = 0;
    for (let i = 0; i < 8; i++) {
      await clock.advance(500);
      most = Math.max(
        most,
        models.reduce((sum, { running }) => sum + running, 0),
      );
    }
    await Promise.all(all);
    expect(most).toBe(2);

    const [first] = models;
    if (!first) throw new Error('unreachable');
    first.latencyMs = 0;
    first.fault = () => failure('RateLimited', 10_000);
    await expect(one.download(entryOf('d'), { urgent: true, signal: forever })).rejects.toMatchObject({
      reason: 'RateLimited',
    });
    await expect(two.download(entryOf('d'), { urgent: true, signal: forever })).rejects.toMatchObject({
      reason: 'RateLimited',
      retryAfterMs: 10_000,
    });
    expect(two.fault).toBeUndefined();

    await clock.advance(10_000);
    first.fault = () => failure('AuthenticationFailed');
    await expect(one.download(entryOf('d'), { urgent: true, signal: forever })).rejects.toMatchObject({
      reason: 'AuthenticationFailed',
    });
    await expect(two.download(entryOf('d'), { urgent: true, signal: forever })).rejects.toMatchObject({
      reason: 'AuthenticationFailed',
    });
  });
});

test('a pause outlives the account: credentials that come back do not end it, and nothing is kept after it', async () => {
  const { accounts, clock, models, request } = world();
  accounts.obtain('one', request());
  models[0]!.fault = () => failure('RateLimited', 10 * minute);
  await clock.advance(0);
  accounts.release('one');
  await clock.advance(minute);
  const account = accounts.obtain('one', request());
  await clock.advance(minute);
  expect(models[1]?.asked('list')).toBe(0);
  expect(account.obstacle?.error.reason).toBe('RateLimited');
  accounts.release('one');
  expect(accounts.traffic).toHaveLength(1);
  await clock.advance(8 * minute);
  expect(accounts.traffic).toEqual([]);
  expect(clock.pending).toBe(0);
  accounts.obtain('one', request());
  await clock.advance(0);
  expect(models[2]?.asked('list')).toBe(1);
});

test('an account that shares a pause lists when it is over', async () => {
  const { accounts, clock, models, request } = world();
  const one = accounts.obtain('one', request());
  await clock.advance(minute);
  const two = accounts.obtain(
    'two',
    request({ ca: '-----BEGIN CERTIFICATE-----', settings: { pollIntervalMs: minute } }),
  );
  await clock.advance(0);
  const [first, second] = models;
  if (!first || !second) throw new Error('unreachable');
  first.fault = () => failure('RateLimited', 3 * minute);
  await expect(one.download(entryOf('d'), { urgent: true, signal: forever })).rejects.toMatchObject({
    reason: 'RateLimited',
  });
  await clock.advance(3 * minute - 1);
  expect(second.asked('list')).toBe(1);
  await clock.advance(1);
  expect(second.asked('list')).toBe(2);
  expect(two.fault).toBeUndefined();
});

test('over real sockets: lists, downloads once for all, stops, and logs nothing secret', async () => {
  const provider = await simulator();
  provider.upload('www', '-----BEGIN CERTIFICATE-----');
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const accounts = new Accounts({ clock: systemClock, logger, endpoints: new Endpoints(['127.0.0.1']) });
  const request: AccountRequest = {
    provider: nhn,
    spec: { nhn: { endpoint: provider.url } },
    credentials: canaries,
    settings: { pollIntervalMs: 10_000 },
  };
  const account = accounts.obtain('one', request);
  await eventually(() => expect(account.inventory?.size).toBe(1));
  const selection = account.inventory?.find({ name: 'www' });
  if (!selection || !('entry' in selection)) throw new Error('not listed');
  const bundles = await Promise.all(
    Array.from({ length: 10 }, () => account.download(selection.entry, { urgent: true, signal: forever })),
  );
  expect(Buffer.from(bundles[0]?.parts[0] ?? []).toString()).toBe('-----BEGIN CERTIFICATE-----');
  expect(provider.counters).toMatchObject({ lists: 1, downloads: 1 });

  provider.fault({ status: 401 });
  await expect(account.download(entryOf('other'), { urgent: true, signal: forever })).rejects.toMatchObject({
    name: 'AccountUnavailable',
  });
  await accounts.stop();
  await eventually(() => expect(provider.counters.inFlight).toBe(0));
  expect(lines.length).toBeGreaterThan(1);
  for (const canary of Object.values(canaries)) expect(lines.join('')).not.toContain(canary);
});
