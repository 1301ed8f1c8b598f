import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Account, type AccountChange } from '../../../src/providers/account.ts';
import { AccountUnavailable, type ProviderReason } from '../../../src/providers/errors.ts';
import { Throttle } from '../../../src/providers/throttle.ts';
import { ManualClock, settle } from '../../support/clock.ts';
import { failure, ModelProvider } from './model.ts';
import { entryOf, quiet } from './support.ts';

const second = 1_000;
const minute = 60 * second;
const pollIntervalMs = 5 * minute;
const forever = new AbortController().signal;

interface World {
  clock: ManualClock;
  provider: ModelProvider;
  throttle: Throttle;
  account: Account;
  changes: AccountChange[];
  /** Downloads, and gives the reason when that fails. */
  download(id: string, o?: { urgent?: boolean }): Promise<'ok' | ProviderReason | `account: ${ProviderReason}`>;
}

async function world(o: { names?: string[]; random?: () => number; pollIntervalMs?: number } = {}): Promise<World> {
  const clock = new ManualClock();
  const provider = new ModelProvider(clock);
  provider.entries = (o.names ?? ['a', 'b', 'c', 'd', 'e']).map(entryOf);
  const throttle = new Throttle(clock, { inFlight: 64 });
  const account = new Account({
    clock,
    random: o.random ?? (() => 0),
    logger: quiet,
    client: provider,
    throttle,
    selectors: ['name'],
    pollIntervalMs: o.pollIntervalMs ?? pollIntervalMs,
  });
  onTestFinished(() => account.close());
  const changes: AccountChange[] = [];
  account.subscribe((change) => changes.push(change));
  await clock.advance(0);
  return {
    clock,
    provider,
    throttle,
    account,
    changes,
    download: (id, { urgent = false } = {}) =>
      account.download(entryOf(id), { urgent, signal: forever }).then(
        () => 'ok' as const,
        (error: unknown) => {
          if (error instanceof AccountUnavailable) return `account: ${error.reason}` as const;
          return (error as ReturnType<typeof failure>).reason;
        },
      ),
  };
}

const names = (account: Account): string[] =>
  ['a', 'b', 'c', 'd', 'e', 'new'].filter((name) => 'entry' in (account.inventory?.find({ name }) ?? {}));
const kinds = (changes: AccountChange[]): string[] => changes.map(({ kind }) => kind);

describe('the inventory', () => {
  test('is listed at once, then once per poll interval, up to a tenth early', async () => {
    let next = 0;
    const { clock, provider, account } = await world({ random: () => [0, 0.5, 0.999][next++ % 3] ?? 0 });
    const start = clock.now();
    expect(account.inventory).toMatchObject({ size: 5, listedAt: start });
    expect(account.lastSuccess).toBe(start);
    await clock.advance(30 * minute);
    const gaps = provider.requests.slice(1).map(({ at }, index) => at - (provider.requests[index]?.at ?? 0));
    expect(gaps.slice(0, 3)).toEqual([pollIntervalMs, 0.95 * pollIntervalMs, expect.closeTo(0.9001 * pollIntervalMs)]);
    expect(provider.requests.length).toBeGreaterThanOrEqual(7);
  });

  test('says which references now select something else', async () => {
    const { clock, provider, changes } = await world({ names: ['same', 'renewed', 'removed', 'other'] });
    provider.entries = [entryOf('same'), { ...entryOf('renewed'), revision: '2' }, entryOf('new'), entryOf('other')];
    await clock.advance(pollIntervalMs);
    expect(kinds(changes)).toEqual(['inventory', 'inventory']);
    const [first, second] = changes;
    if (first?.kind !== 'inventory' || second?.kind !== 'inventory') throw new Error('unreachable');
    expect(first.changed({ name: 'same' })).toBe(true);
    const changed = ['same', 'other', 'renewed', 'removed', 'new', 'never there'].map((name) =>
      second.changed({ name }),
    );
    expect(changed).toEqual([false, false, true, true, true, false]);
  });

  test('is kept as it was while a list fails, however often', async () => {
    const { clock, provider, account } = await world();
    const { inventory } = account;
    provider.fault = () => failure('ProviderUnavailable');
    await clock.advance(60 * minute);
    expect(account.inventory).toBe(inventory);
    provider.fault = () => undefined;
    await clock.advance(10 * minute);
    expect(account.inventory?.listedAt).toBeGreaterThan(inventory?.listedAt ?? 0);
  });

  test('is listed sooner when a holder with a shorter interval comes', async () => {
    const { clock, provider, account } = await world();
    await clock.advance(minute);
    account.pollIntervalMs = 2 * minute;
    await clock.advance(minute - 1);
    expect(provider.asked('list')).toBe(1);
    await clock.advance(1);
    expect(provider.asked('list')).toBe(2);
  });

  test('is never asked for twice at once, however slow the provider is', async () => {
    const { clock, provider, account } = await world();
    provider.latencyMs = 20 * minute;
    await clock.advance(2 * pollIntervalMs);
    account.pollIntervalMs = minute;
    await clock.advance(10 * minute);
    expect(provider.asked('list')).toBe(2);
    expect(provider.running).toBe(1);
  });

  test('an unforeseen error, whatever it says, is a fault like others', async () => {
    const { clock, provider, account } = await world();
    provider.list = () => Promise.reject(new TypeError('CANARY'));
    await clock.advance(pollIntervalMs);
    expect(account.fault?.error).toMatchObject({ reason: 'InvalidResponse' });
    expect(account.fault?.error.message).not.toContain('CANARY');
  });
});

describe.each([
  ['back', -24 * 60 * minute],
  ['forward', 24 * 60 * minute],
])('a clock that is set %s by a day', (_, ms) => {
  const setClock = (clock: ManualClock): void => clock.set(clock.now() + ms);

  test('changes nothing about when lists are made, and dates become right with the next one', async () => {
    const { clock, provider, account } = await world();
    setClock(clock);
    account.pollIntervalMs = minute; // they are planned anew
    account.pollIntervalMs = pollIntervalMs;
    await clock.advance(2 * 60 * minute);
    expect(provider.asked('list')).toBe(25);
    expect(account.lastSuccess).toBe(clock.now());
    expect(account.inventory?.listedAt).toBe(clock.now());
  });

  test('makes no fault longer or shorter', async () => {
    const { clock, provider, account, download } = await world();
    provider.fault = () => failure('AuthenticationFailed');
    expect(await download('a')).toBe('account: AuthenticationFailed');
    const left = (account.obstacle?.until ?? 0) - clock.now();
    setClock(clock);
    provider.fault = () => undefined;
    expect((account.obstacle?.until ?? 0) - clock.now()).toBe(left);
    await clock.advance(left - 1);
    expect(await download('a')).toBe('account: AuthenticationFailed');
    await clock.advance(1);
    expect(await download('a')).toBe('ok');
  });

  test('makes no pause longer or shorter that only downloads met', async () => {
    const { clock, provider, account, download } = await world();
    provider.fault = ({ operation }) => (operation === 'download' ? failure('RateLimited') : undefined);
    await download('a');
    const left = (account.obstacle?.until ?? 0) - clock.now();
    setClock(clock);
    provider.fault = () => undefined;
    await clock.advance(left - 1);
    expect(await download('a')).toBe('account: RateLimited');
    await clock.advance(1);
    expect(await download('a')).toBe('ok');
  });

  test('neither hastens nor delays that a loss is believed', async () => {
    const { clock, provider, account } = await world();
    provider.entries = [entryOf('a')];
    await clock.advance(pollIntervalMs);
    setClock(clock);
    account.listSoon();
    await clock.advance(0);
    expect(provider.asked('list')).toBe(3);
    expect(names(account)).toHaveLength(5);
    await clock.advance(pollIntervalMs);
    expect(names(account)).toEqual(['a']);
  });
});

describe('a list that is wanted soon', () => {
  test('is begun when the one that is under way has ended, and tells when it began', async () => {
    const { clock, provider, account } = await world();
    provider.latencyMs = 10 * second;
    await clock.advance(pollIntervalMs + second);
    expect(provider.asked('list')).toBe(2);
    account.listSoon();
    await clock.advance(9 * second);
    expect(provider.asked('list')).toBe(3);
    expect(account.lists).toEqual({ begun: 3, known: 2 });
    await clock.advance(10 * second);
    expect(account.lists).toEqual({ begun: 3, known: 3 });
    expect(account.lastSuccess).toBe(clock.now());
    await clock.advance(pollIntervalMs - second);
    expect(provider.asked('list')).toBe(3);
  });

  test('is begun once when it is wanted before the next one begins', async () => {
    const { clock, provider, account } = await world();
    account.listSoon();
    account.listSoon();
    await clock.advance(minute);
    expect(provider.asked('list')).toBe(2);
  });
});

describe('most certificates vanishing at once', () => {
  test('is believed only after a second list one poll later; what is new is seen at once', async () => {
    const { clock, provider, account } = await world();
    provider.entries = [{ ...entryOf('a'), revision: '2' }, entryOf('new')];
    await clock.advance(pollIntervalMs);
    expect(names(account)).toEqual(['a', 'b', 'c', 'd', 'e', 'new']);
    expect(account.inventory?.find({ name: 'a' })).toMatchObject({ entry: { revision: '2' } });
    await clock.advance(pollIntervalMs);
    expect(names(account)).toEqual(['a', 'new']);
  });

  test('is forgotten when they come back', async () => {
    const { clock, provider, account } = await world();
    const all = provider.entries;
    for (let i = 0; i < 3; i++) {
      provider.entries = [];
      await clock.advance(pollIntervalMs);
      expect(names(account)).toEqual(['a', 'b', 'c', 'd', 'e']);
      provider.entries = all;
      await clock.advance(pollIntervalMs);
      expect(names(account)).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  test('is not believed because of a list that comes sooner, after a fault', async () => {
    const { clock, provider, account, download } = await world();
    provider.entries = [];
    await clock.advance(pollIntervalMs);
    provider.fault = ({ operation }) => (operation === 'download' ? failure('AuthenticationFailed') : undefined);
    await download('a');
    await clock.advance(5 * second);
    expect(provider.asked('list')).toBe(3);
    expect(names(account)).toHaveLength(5);
    await clock.advance(pollIntervalMs);
    expect(names(account)).toHaveLength(0);
  });

  test.each([
    ['one of one', ['a'], [], []],
    ['half', ['a', 'b'], ['a'], ['a']],
    ['two of two', ['a', 'b'], [], ['a', 'b']],
    ['one of three', ['a', 'b', 'c'], ['a', 'b'], ['a', 'b']],
    ['two of three', ['a', 'b', 'c'], ['a'], ['a', 'b', 'c']],
  ])('%s', async (_, before, after, believed) => {
    const { clock, provider, account } = await world({ names: before });
    provider.entries = after.map(entryOf);
    await clock.advance(pollIntervalMs);
    expect(names(account)).toEqual(believed);
  });
});

describe('a download', () => {
  test('serves everybody who wants it now, is remembered, and zeroed after 30 s', async () => {
    const { clock, provider, account } = await world();
    provider.latencyMs = 100;
    const both = [false, true].map((urgent) => account.download(entryOf('a'), { urgent, signal: forever }));
    await clock.advance(100);
    const [one, other] = await Promise.all(both);
    expect(other).toBe(one);
    expect(Buffer.from(one?.parts[0] ?? []).toString()).toBe('bundle of a');
    expect(one?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(account.lastDownload('a')).toEqual({ revision: '1', at: clock.now(), digest: one?.digest });
    expect(account.lastDownload('b')).toBeUndefined();

    await clock.advance(29 * second);
    expect(await account.download(entryOf('a'), { urgent: false, signal: forever })).toBe(one);
    expect(provider.asked('download')).toBe(1);
    await clock.advance(second);
    expect(one?.parts[0]?.every((byte) => byte === 0)).toBe(true);

    provider.latencyMs = 0;
    await account.download(entryOf('a'), { urgent: false, signal: forever });
    expect(provider.asked('download')).toBe(2);
  });

  test('is made anew when the kept one will not do, and the kept one is zeroed when its time has come', async () => {
    const { clock, provider, account } = await world();
    const before = await account.download(entryOf('a'), { urgent: false, signal: forever });
    const after = await account.download(entryOf('a'), { urgent: false, fresh: true, signal: forever });
    expect(provider.asked('download')).toBe(2);
    expect(Buffer.from(after.parts[0] ?? []).toString()).toBe('bundle of a');
    await clock.advance(30_000);
    expect(before.parts[0]?.every((byte) => byte === 0)).toBe(true);
    expect(after.parts[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test('that is under way will not do either, but those who want a new one share it', async () => {
    const { clock, provider, account } = await world();
    provider.latencyMs = minute;
    const download = (fresh: boolean): Promise<unknown> =>
      account.download(entryOf('a'), { urgent: false, fresh, signal: forever });
    const downloads = [download(false), download(true), download(true), download(false)];
    await clock.advance(minute);
    await Promise.all(downloads);
    expect(provider.asked('download')).toBe(2);
  });

  test('of another revision is another one', async () => {
    const { provider, account } = await world();
    await account.download(entryOf('a'), { urgent: false, signal: forever });
    await account.download({ ...entryOf('a'), revision: '2' }, { urgent: false, signal: forever });
    expect(provider.asked('download')).toBe(2);
    expect(account.lastDownload('a')).toMatchObject({ revision: '2' });
  });

  test('ends when the last who wants it gives up, not before', async () => {
    const { clock, provider, account } = await world();
    provider.latencyMs = minute;
    const abort = [new AbortController(), new AbortController()];
    const wanted = abort.map(({ signal }) =>
      account.download(entryOf('a'), { urgent: false, signal }).catch((error: unknown) => error),
    );
    await settle();
    abort[0]?.abort(new Error('first'));
    expect(await wanted[0]).toMatchObject({ message: 'first' });
    await settle();
    expect(provider.running).toBe(1);
    abort[1]?.abort(new Error('second'));
    expect(await wanted[1]).toMatchObject({ message: 'second' });
    await settle();
    expect(provider.running).toBe(0);

    provider.latencyMs = 0;
    await account.download(entryOf('a'), { urgent: false, signal: forever });
    expect(provider.asked('download')).toBe(2);
    expect(account.fault).toBeUndefined();
    expect(clock.pending).toBe(2); // the poll, and the bundle that is kept
  });

  test('of a new certificate goes before refreshes', async () => {
    const { clock, provider, account, throttle } = await world();
    throttle.configure({ inFlight: 1 });
    provider.latencyMs = second;
    const all = [
      account.download(entryOf('a'), { urgent: false, signal: forever }),
      account.download(entryOf('b'), { urgent: false, signal: forever }),
      account.download(entryOf('c'), { urgent: true, signal: forever }),
    ];
    await clock.advance(3 * second);
    await Promise.all(all);
    expect(provider.requests.slice(1).map(({ id }) => id)).toEqual(['a', 'c', 'b']);
  });

  test('is not kept when too many others are', async () => {
    const { provider, account } = await world();
    provider.download = () => Promise.resolve([Buffer.alloc(512 * 1024, 1)]);
    const downloads = [];
    for (let i = 0; i < 140; i++)
      downloads.push(await account.download(entryOf(`c${i}`), { urgent: false, signal: forever }));
    const kept = downloads.map(({ parts }) => parts[0]?.[0] === 1);
    expect(kept).toEqual(downloads.map((_, i) => i >= 140 - 16));
  });

  test('is forgotten with the certificate', async () => {
    const { clock, provider, account, download } = await world();
    await download('a');
    provider.entries = provider.entries.filter(({ id }) => id !== 'a');
    await clock.advance(pollIntervalMs);
    expect(account.lastDownload('a')).toBeUndefined();
  });
});

describe('a failed list', () => {
  test.each<ProviderReason>(['ProviderUnavailable', 'InvalidResponse', 'EndpointNotAllowed'])(
    'with %s is a fault at once; downloads meet it; it is tried again with back-off, and then over',
    async (reason) => {
      const { clock, provider, account, changes, download } = await world();
      provider.fault = () => failure(reason);
      await clock.advance(pollIntervalMs);
      const [start, since] = [clock.now() - clock.elapsed(), clock.elapsed()];
      expect(account.fault).toMatchObject({ error: { reason }, since });
      expect(await download('a')).toBe(`account: ${reason}`);
      expect(provider.asked('download')).toBe(0);
      await clock.advance(20 * minute);
      const lists = provider.requests.map(({ at }) => (at - start - since) / second);
      expect(lists).toEqual([-300, 0, 5, 15, 35, 75, 155, 315, 635]);
      expect(account.fault?.since).toBe(since);
      provider.fault = () => undefined;
      await clock.advance(10 * minute);
      expect(account.fault).toBeUndefined();
      expect(kinds(changes)).toEqual(['inventory', 'fault', 'recovered', 'inventory', 'inventory']);
      expect(await download('a')).toBe('ok');
    },
  );

  test('waits no longer than 10 min or two poll intervals, and at least half of that whatever chance says', async () => {
    for (const [interval, longest] of [
      [10 * second, 20 * second],
      [60 * minute, 10 * minute],
    ] as const) {
      for (const random of [0, 0.999]) {
        const { clock, provider } = await world({ pollIntervalMs: interval, random: () => random });
        provider.fault = () => failure('ProviderUnavailable');
        await clock.advance(4 * 60 * minute);
        const [before = 0, last = 0] = provider.requests.slice(-2).map(({ at }) => at);
        expect(last - before).toBeCloseTo(longest * (1 - random / 2), 3);
      }
    }
  });

  test('that changes its reason is told again', async () => {
    const { clock, provider, account, changes } = await world();
    provider.fault = () => failure('ProviderUnavailable');
    await clock.advance(pollIntervalMs);
    provider.fault = () => failure('InvalidResponse');
    await clock.advance(5 * second);
    expect(account.fault).toMatchObject({ error: { reason: 'InvalidResponse' }, since: clock.elapsed() });
    expect(kinds(changes)).toEqual(['inventory', 'fault', 'fault']);
  });

  test('turns away the downloads that wait for their turn, not those that run', async () => {
    const { clock, provider, throttle, download } = await world();
    throttle.configure({ inFlight: 2 });
    provider.latencyMs = 10 * minute;
    const running = download('a');
    await settle();
    provider.latencyMs = second;
    provider.fault = () => failure('ProviderUnavailable');
    await clock.advance(pollIntervalMs); // the list has the other turn
    const waiting = download('b');
    await clock.advance(second);
    expect(await waiting).toBe('account: ProviderUnavailable');
    expect(provider.requests.map(({ id }) => id)).toEqual([undefined, 'a', undefined]);
    await clock.advance(5 * minute);
    expect(await running).toBe('ok');
  });
});

describe('what started before a fault', () => {
  test('a download that works does not end it', async () => {
    const { clock, provider, account, download } = await world();
    provider.latencyMs = 10 * second;
    const slow = download('a');
    await settle();
    provider.latencyMs = 0;
    provider.fault = () => failure('RateLimited');
    await download('b');
    await clock.advance(10 * second);
    expect(await slow).toBe('ok');
    expect(account.fault).toMatchObject({ error: { reason: 'RateLimited' } });
  });

  test('a list that works does not end it', async () => {
    const { clock, provider, account, download } = await world();
    provider.latencyMs = 10 * second;
    await clock.advance(pollIntervalMs);
    provider.latencyMs = 0;
    provider.fault = () => failure('AuthenticationFailed');
    await download('b');
    await clock.advance(9 * second);
    expect(provider.asked('list')).toBe(2);
    expect(account.inventory?.listedAt).toBeLessThan(clock.now() - minute);
    await clock.advance(second);
    expect(account.fault).toMatchObject({ error: { reason: 'AuthenticationFailed' } });
    expect(account.lastSuccess).toBe(clock.now());
  });

  test('a download that fails like it is part of it', async () => {
    const { clock, provider, download } = await world();
    provider.latencyMs = 10 * second;
    await clock.advance(pollIntervalMs - second);
    provider.fault = () => failure('ProviderUnavailable');
    const slow = download('a');
    await settle();
    provider.latencyMs = 0;
    await clock.advance(second); // the list fails
    await clock.advance(10 * second);
    expect(await slow).toBe('account: ProviderUnavailable');
  });
});

test('with a fault in force a download does not wait for a turn to be refused', async () => {
  const { clock, provider, throttle, download } = await world();
  throttle.configure({ inFlight: 2 });
  provider.latencyMs = 60 * minute;
  void download('a');
  await settle();
  provider.latencyMs = 0;
  provider.fault = () => failure('ProviderUnavailable');
  await clock.advance(pollIntervalMs);
  throttle.configure({ inFlight: 1 });
  expect(await download('b')).toBe('account: ProviderUnavailable');
});

test('who got a turn in the very moment of a fault is refused still', async () => {
  const { provider, throttle, download } = await world();
  throttle.configure({ inFlight: 2 });
  const gates = new Map<string, PromiseWithResolvers<Uint8Array[]>>();
  provider.download = ({ id }) => {
    const gate = Promise.withResolvers<Uint8Array[]>();
    gates.set(id, gate);
    return gate.promise;
  };
  const all = ['a', 'b', 'c'].map((id) => download(id));
  await settle();
  gates.get('a')?.resolve([Buffer.from('a')]);
  gates.get('b')?.reject(failure('RateLimited', minute));
  expect(await Promise.all(all)).toEqual(['ok', 'account: RateLimited', 'account: RateLimited']);
  expect([...gates.keys()]).toEqual(['a', 'b']);
});

describe('a fault of one download', () => {
  test.each<ProviderReason>(['PermissionDenied', 'ProviderUnavailable', 'InvalidResponse'])(
    '%s is its own',
    async (reason) => {
      const { provider, account, changes, download } = await world();
      provider.fault = ({ id }) => (id === 'a' || id === 'b' ? failure(reason) : undefined);
      for (let i = 0; i < 5; i++) {
        expect(await download('a')).toBe(reason);
        expect(await download('b')).toBe(reason);
      }
      expect(account.fault).toBeUndefined();
      expect(await download('c')).toBe('ok');
      expect(kinds(changes)).toEqual(['inventory']);
    },
  );

  test.each<ProviderReason>([
    'CertificateNotFound',
    'CertificateUnavailable',
    'CertificateExpired',
    'CertificateRevoked',
    'MalformedBundle',
  ])('%s never becomes the fault of the account', async (reason) => {
    const { provider, account, throttle, download } = await world();
    provider.fault = () => failure(reason);
    for (const id of ['a', 'b', 'c', 'd', 'e']) expect(await download(id)).toBe(reason);
    expect(account.fault).toBeUndefined();
    expect(throttle.inFlightLimit).toBe(8);
  });

  test('becomes that of the account when three different ones fail alike, until one succeeds', async () => {
    for (const reason of ['PermissionDenied', 'ProviderUnavailable', 'InvalidResponse'] as const) {
      const { clock, provider, account, changes, download } = await world();
      provider.fault = ({ operation }) => (operation === 'download' ? failure(reason) : undefined);
      expect(await download('a')).toBe(reason);
      expect(await download('a')).toBe(reason);
      expect(await download('b')).toBe(reason);
      expect(await download('c')).toBe(`account: ${reason}`);
      expect(account.fault).toMatchObject({ error: { reason } });
      const asked = provider.asked('download');
      expect(await download('d')).toBe(`account: ${reason}`);
      expect(provider.asked('download')).toBe(asked);

      // Later the next download finds out. It fails: a longer wait.
      await clock.advance(5 * second);
      expect(await download('d')).toBe(`account: ${reason}`);
      expect(provider.asked('download')).toBe(asked + 1);
      await clock.advance(9 * second);
      expect(await download('d')).toBe(`account: ${reason}`);
      expect(provider.asked('download')).toBe(asked + 1);
      await clock.advance(second);
      provider.fault = () => undefined;
      expect(await download('d')).toBe('ok');
      expect(account.fault).toBeUndefined();
      expect(kinds(changes)).toEqual(['inventory', 'fault', 'recovered']);
    }
  });

  test('a list that works does not end such a fault, unless nobody downloads any more', async () => {
    const { clock, provider, account, download } = await world();
    provider.fault = ({ operation }) => (operation === 'download' ? failure('PermissionDenied') : undefined);
    for (const id of ['a', 'b', 'c']) await download(id);
    await clock.advance(pollIntervalMs);
    expect(account.fault).toBeDefined();
    await clock.advance(pollIntervalMs);
    expect(account.fault).toBeUndefined();
  });

  test.each<[string, ProviderReason | undefined, boolean]>([
    ['a success', undefined, false],
    ['a refusal', 'CertificateNotFound', false],
    ['another fault', 'InvalidResponse', false],
    ['one of the same', 'PermissionDenied', true],
  ])('%s between others: is the third that of the account?', async (_, between, shared) => {
    const { provider, account, download } = await world();
    provider.fault = ({ id }) => (id !== 'b' ? failure('PermissionDenied') : between && failure(between));
    for (const id of ['a', 'b', 'c']) await download(id);
    expect(account.fault !== undefined).toBe(shared);
  });
});

describe('rejected credentials', () => {
  test.each(['list', 'download'] as const)(
    'on a %s stop everything but one list per step of the back-off',
    async (origin) => {
      const { clock, provider, account, changes, download } = await world();
      const rejected = failure('AuthenticationFailed');
      provider.fault = () => rejected;
      await (origin === 'download' ? download('a') : clock.advance(pollIntervalMs));
      const [start, since] = [clock.now() - clock.elapsed(), clock.elapsed()];
      const before = provider.requests.length;
      expect(account.fault).toMatchObject({ error: rejected, since });
      for (let i = 0; i < 600; i++) {
        expect(await download('b')).toBe('account: AuthenticationFailed');
        await clock.advance(second);
      }
      const probes = provider.requests.slice(before);
      expect(probes.every(({ operation }) => operation === 'list')).toBe(true);
      expect(probes.map(({ at }) => (at - start - since) / second)).toEqual([5, 15, 35, 75, 155, 315]);

      provider.fault = () => undefined;
      await clock.advance(10 * minute);
      expect(account.fault).toBeUndefined();
      expect(await download('b')).toBe('ok');
      expect(kinds(changes).filter((kind) => kind !== 'inventory')).toEqual(['fault', 'recovered']);
    },
  );

  test('that only downloads meet are not asked for at full speed again because the list works', async () => {
    const { clock, provider, download } = await world();
    provider.fault = ({ operation }) => (operation === 'download' ? failure('AuthenticationFailed') : undefined);
    for (let i = 0; i < 3_600; i++) {
      await download('a');
      await clock.advance(second);
    }
    expect(provider.asked('download')).toBeLessThan(13);
  });
});

describe('a 429', () => {
  test('with Retry-After stops lists and downloads for exactly that long', async () => {
    const { clock, provider, account, download } = await world({ pollIntervalMs: minute });
    provider.fault = () => failure('RateLimited', 10 * minute);
    expect(await download('a')).toBe('account: RateLimited');
    provider.fault = () => undefined;
    const before = provider.requests.length;
    for (let i = 0; i < 599; i++) {
      await clock.advance(second);
      expect(await download('b')).toBe('account: RateLimited');
    }
    expect(provider.requests).toHaveLength(before);
    await clock.advance(second);
    expect(await download('b')).toBe('ok');
    expect(account.fault).toBeUndefined();
    expect(provider.asked('list')).toBe(2);
  });

  test('without it waits by back-off', async () => {
    const { clock, provider, download } = await world();
    provider.fault = ({ operation }) => (operation === 'download' ? failure('RateLimited') : undefined);
    const start = clock.now();
    for (let i = 0; i < 100; i++) {
      await download('a');
      await clock.advance(second);
    }
    const tries = provider.requests
      .filter(({ operation }) => operation === 'download')
      .map(({ at }) => (at - start) / second);
    expect(tries).toEqual([0, 5, 15, 35, 75]);
  });

  test('of many downloads at once is one fault, with one step of the back-off', async () => {
    const { clock, provider, throttle, download } = await world();
    provider.latencyMs = second;
    provider.fault = () => failure('RateLimited');
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => download(id));
    await clock.advance(second);
    expect(new Set(await Promise.all(all))).toEqual(new Set(['account: RateLimited']));
    expect(throttle.inFlightLimit).toBe(4);
    await clock.advance(5 * second);
    provider.fault = () => undefined;
    const again = download('a');
    await clock.advance(second);
    expect(await again).toBe('ok');
  });
});

test('Retry-After on a 503 of one download pauses the account without being its fault', async () => {
  const { clock, provider, account, download } = await world();
  provider.fault = () => failure('ProviderUnavailable', 20 * second);
  expect(await download('a')).toBe('ProviderUnavailable');
  provider.fault = () => undefined;
  expect(account.fault).toBeUndefined();
  expect(await download('b')).toBe('account: ProviderUnavailable');
  await clock.advance(20 * second);
  expect(await download('b')).toBe('ok');
});

test('a closed account asks nothing more, ends what runs and keeps nothing', async () => {
  const { clock, provider, account, download } = await world();
  const { parts } = await account.download(entryOf('a'), { urgent: false, signal: forever });
  provider.latencyMs = minute;
  const running = download('b');
  await settle();
  account.close();
  expect(await running).toBe('account: ProviderUnavailable');
  expect(await download('c')).toBe('account: ProviderUnavailable');
  expect(parts[0]?.every((byte) => byte === 0)).toBe(true);
  await settle();
  expect(provider.running).toBe(0);
  expect(clock.pending).toBe(0);
});

test('whatever a provider does: one list at a time, never during a pause, and all is well soon after it ends', async () => {
  const reasons = [
    'ProviderUnavailable',
    'InvalidResponse',
    'PermissionDenied',
    'AuthenticationFailed',
    'RateLimited',
    'CertificateNotFound',
  ] as const;
  const phase = fc.record({
    seconds: fc.integer({ min: 1, max: 120 }),
    reason: fc.option(fc.constantFrom(...reasons), { nil: undefined }),
    only: fc.constantFrom('list', 'download', undefined),
    retryAfter: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    latencyMs: fc.constantFrom(0, 50, 3_000),
    wanted: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 }),
  });
  const shortPoll = 10 * second;
  await fc.assert(
    fc.asyncProperty(
      fc.array(phase, { maxLength: 6 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async (phases, random) => {
        const { clock, provider, account, download } = await world({ pollIntervalMs: shortPoll, random: () => random });
        let pause = { from: 0, until: 0 };
        let overlap = 0;
        let inPause = 0;
        let listing = 0;
        const { list } = provider;
        provider.list = async (call) => {
          overlap = Math.max(overlap, ++listing);
          try {
            return await list.call(provider, call);
          } finally {
            listing--;
          }
        };
        let ends = 0;
        for (const { seconds, reason, only, retryAfter, latencyMs, wanted } of phases) {
          provider.latencyMs = latencyMs;
          provider.fault = ({ operation, at }) => {
            if (at > pause.from && at < pause.until) inPause++;
            if (reason === undefined || (only !== undefined && only !== operation)) return undefined;
            const ms = retryAfter === undefined ? undefined : retryAfter * second;
            if (reason === 'RateLimited' && ms !== undefined && latencyMs === 0)
              pause = { from: at, until: Math.max(pause.until, at + ms) };
            ends = Math.max(ends, at + latencyMs + (ms ?? 0));
            return failure(reason, reason === 'CertificateNotFound' ? undefined : ms);
          };
          const signal = new AbortController();
          for (let i = 0; i < seconds; i += 5) {
            for (const id of wanted)
              void account.download(entryOf(id), { urgent: i % 2 === 0, signal: signal.signal }).catch(() => {});
            await clock.advance(5 * second);
          }
          signal.abort();
        }
        expect(overlap).toBeLessThanOrEqual(1);
        expect(inPause).toBe(0);

        provider.fault = () => undefined;
        provider.latencyMs = 0;
        await clock.advance(Math.max(ends - clock.now(), 0) + 3 * shortPoll);
        expect(await download('a')).toBe('ok');
        expect(account.fault).toBeUndefined();
        expect(clock.now() - (account.inventory?.listedAt ?? 0)).toBeLessThanOrEqual(shortPoll);
        account.close();
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});
