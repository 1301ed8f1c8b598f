import { connect as realConnect } from 'node:net';
import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import type { Simulator } from '../../../sandbox/providers/simulator.ts';
import { readCredentials } from '../../../src/providers/credentials.ts';
import { ProviderError } from '../../../src/providers/errors.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { ProviderManager } from '../../../src/providers/manager.ts';
import type { ProviderSpec } from '../../../src/providers/provider.ts';
import { providerFor } from '../../../src/providers/registry.ts';
import { call, canaries, connectTo, entryOf, managerOf, naverSimulator, scpSimulator, simulator } from './support.ts';

/** What a user, or a provider, may put where we build a request from; the rest is harmless. */
interface Hostile {
  provider: keyof typeof harmless;
  /** `{url}` in it is an endpoint that is allowed. */
  spec?: ProviderSpec;
  credentials?: Record<string, string>;
  entry?: InventoryEntry;
}

const harmless = {
  NHN: { start: simulator, spec: { nhn: { endpoint: '{url}' } } },
  SCP: { start: scpSimulator, spec: { scp: { endpoint: '{url}' } } },
  NAVER: { start: naverSimulator, spec: { naver: { endpoint: '{url}', apiVersion: 'v2' } } },
} satisfies Record<string, { start: () => Promise<Simulator>; spec: ProviderSpec }>;

/** @param host one of the provider's own */
function endpoints(host: string): string[] {
  return [
    'http://169.254.169.254',
    'https://169.254.169.254',
    'https://0xa9fea9fe',
    'https://2852039166',
    'https://0251.0376.0251.0376',
    'https://169.254.43518',
    'https://[::ffff:169.254.169.254]',
    'https://[::ffff:a9fe:a9fe]',
    'https://[fe80::1]',
    'https://evil.example',
    `https://${host}.evil.example`,
    `https://${host}@evil.example`,
    `https://${host}:x@evil.example`,
    `https://evil.example/${host}`,
    `https://evil.example#${host}`,
    `https://evil.example?${host}`,
    `http://${host}`,
    `https://${host.replaceAll('.', '。')}.`,
    `https://${host}\\@evil.example`,
    '{url}/..',
    '{url}/a/b',
    '{url}/%2e%2e',
    '{url}?x=',
    '{url}#',
    '{url}\n',
    'x{url}',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//127.0.0.1',
    '127.0.0.1',
    '',
  ];
}

/** Names, or ids, that no path can carry. */
const names = ['.', '..', '', 'a\nb', 'a\r\nHost: evil.example', 'a\u0000b', '\u007f', '\u0085', '\ud800', 'a\udfff'];

/** What does not fit into a header. */
const headers = ['', ' ', 'a\nb', 'a\r\nHost: evil.example', 'a\u0000', '\u007f', 'ä', '키', 'x'.repeat(1_025)];

const nhn: Hostile[] = [
  ...endpoints('certmanager.api.nhncloudservice.com').map((endpoint) => ({ spec: { nhn: { endpoint } } })),
  ...['.', '..', '', 'a/b', '../../x', 'a%2fb', 'a?b', 'a#b', 'a b', 'a\nb', 'a\u0000', 'ä', 'a;b', 'a\\b'].map(
    (appKey) => ({ credentials: { appKey } }),
  ),
  ...names.map((name) => ({ entry: entryOf(name) })),
].map((row) => ({ provider: 'NHN', ...row }));

const scp: Hostile[] = [
  ...endpoints('certificatemanager.kr-west1.e.samsungsdscloud.com').map((endpoint) => ({
    spec: { scp: { endpoint } },
  })),
  ...[
    '',
    '..',
    'evil',
    'kr-west1.evil',
    'evil.example/',
    'evil.example#',
    'evil.example?',
    'evil.example\\',
    'x@evil.example/',
    'x@evil.example#',
    'x:y@evil.example?',
    'kr-west1.e.samsungsdscloud.com@evil.example',
    'kr-west1/../..',
    'kr-west1%2f',
    'kr-west1\n',
    'kr-west1 ',
    '\u0000',
    '[fe80::1]',
    '169.254.169.254',
    '서울',
  ].map((region) => ({ spec: { scp: { region } } })),
  ...headers.flatMap((value) => [{ credentials: { accessKey: value } }, { credentials: { secretKey: value } }]),
  ...names.map((id) => ({ entry: entryOf(id) })),
].map((row) => ({ provider: 'SCP', ...row }));

const naver: Hostile[] = [
  ...endpoints('certificatemanager.apigw.ntruss.com').map((endpoint) => ({
    spec: { naver: { endpoint, apiVersion: 'v2' } } as const,
  })),
  ...['evil', '', 'public.evil.example', '__proto__', 'constructor', 'toString'].map((zone) => ({
    spec: { naver: { zone, apiVersion: 'v2' } } as ProviderSpec, // as no schema would let it in
  })),
  ...headers.flatMap((value) => [{ credentials: { accessKey: value } }, { credentials: { secretKey: value } }]),
  ...names.map((id) => ({ entry: entryOf(id) })),
].map((row) => ({ provider: 'NAVER', ...row }));

vi.mock('node:net', { spy: true });

interface Attempted {
  spec: ProviderSpec;
  credentials: Record<string, string>;
  entry: InventoryEntry;
}

function attempted({ provider, credentials, entry = entryOf('1'), ...o }: Hostile, url: string): Attempted {
  const spec = JSON.parse(JSON.stringify(o.spec ?? harmless[provider].spec).replaceAll('{url}', url)) as ProviderSpec;
  const data = Object.entries({ ...canaries, ...credentials }).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  const read = readCredentials(providerFor(spec).credentialKeys(spec), Object.fromEntries(data), 'Secret team/nhn');
  if ('message' in read) throw new ProviderError({ reason: 'AuthenticationFailed', message: read.message });
  return { spec, credentials: read.credentials, entry };
}

async function attempt(row: Hostile, url: string): Promise<void> {
  const { spec, credentials, entry } = attempted(row, url);
  await connectTo(spec, { credentials }).download(entry, call());
}

/** The other direction: whatever can be asked for with an id or a name. */
const deeds: Record<string, (manager: ProviderManager, entry: InventoryEntry) => Promise<unknown>> = {
  delete: (manager, entry) => manager.delete(entry, call()),
  create: (manager, { name }) => manager.create({ ...pair, scp: details, name: nameFor(name) }, call()),
  replace: (manager, entry) => manager.replace?.(entry, pair, call()) ?? manager.delete(entry, call()),
  selfSign: (manager, { name }) =>
    manager.selfSign?.({ ...self, scp: details, name: nameFor(name) }, call()) ??
    manager.isNameFree(nameFor(name), call()),
  check: (manager, { name }) => manager.isNameFree(nameFor(name), call()),
};
const pair = { certificate: Buffer.from('C'), chain: Buffer.from('C'), privateKey: Buffer.from('K') };
const self = { commonName: 'a', organization: 'a', notBefore: '2026-01-01', notAfter: '2027-01-01' };
const details = { timezone: 'Asia/Seoul', region: 'kr-west1' };
/** The harmless one is no name for a new certificate. */
const nameFor = (name: string): string => (name === '1' ? 'www' : name);

async function attemptTo(deed: string, row: Hostile, url: string): Promise<void> {
  const { spec, credentials, entry } = attempted(row, url);
  await deeds[deed]?.(managerOf(spec, { credentials }), entry);
}

function expectNoSocket(provider: Simulator, error: unknown): void {
  expect(error).toBeInstanceOf(ProviderError);
  // That a connection failed would mean that one was tried.
  expect(error).not.toHaveProperty('reason', 'ProviderUnavailable');
  for (const canary of Object.values(canaries)) expect(inspect(error)).not.toContain(canary);
  expect(provider.counters.connections).toBe(0);
  expect(realConnect).not.toHaveBeenCalled();
}

test.each([...nhn, ...scp, ...naver])('%j opens no socket', async (row) => {
  const provider = await harmless[row.provider].start();
  vi.mocked(realConnect).mockClear();
  const error: unknown = await attempt(row, provider.url).catch((thrown: unknown) => thrown);
  expectNoSocket(provider, error);
});

test.each([...scp, ...naver])('%j opens no socket to change something', async (row) => {
  const provider = await harmless[row.provider].start();
  vi.mocked(realConnect).mockClear();
  for (const deed of Object.keys(deeds)) {
    const error: unknown = await attemptTo(deed, row, provider.url).catch((thrown: unknown) => thrown);
    expectNoSocket(provider, error);
  }
});

test.each(['NHN', 'SCP', 'NAVER'] as const)(
  'the same attempt with nothing hostile in it, %s, does open one',
  async (name) => {
    const provider = await harmless[name].start();
    await attempt({ provider: name }, provider.url).catch(() => {});
    expect(provider.counters).toMatchObject({ connections: 1, downloads: 1, refused: 0 });
  },
);

test.each(['SCP', 'NAVER'] as const)('the same changes with nothing hostile in them, %s, do reach it', async (name) => {
  const provider = await harmless[name].start();
  for (const deed of Object.keys(deeds)) await attemptTo(deed, { provider: name }, provider.url).catch(() => {});
  expect(provider.counters.creates).toBeGreaterThan(0);
  expect(provider.counters.deletes).toBeGreaterThan(0);
  expect(provider.counters.refused).toBe(0);
});
