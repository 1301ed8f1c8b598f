import { connect as realConnect } from 'node:net';
import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import { readCredentials } from '../../../src/providers/credentials.ts';
import { ProviderError } from '../../../src/providers/errors.ts';
import { naver } from '../../../src/providers/naver/index.ts';
import type { NaverSpec } from '../../../src/providers/naver/schema.ts';
import { call, connectTo, entryOf, naverCanaries, naverSimulator } from './support.ts';

/** What a user, or a provider, may put where we build a request from. The endpoint `{url}` is one that is allowed. */
interface Attempt {
  endpoint?: string;
  zone?: string;
  accessKey?: string;
  secretKey?: string;
  id?: string;
}

const host = 'certificatemanager.apigw.ntruss.com';

const hostile: Attempt[] = [
  ...[
    'https://169.254.169.254',
    'https://[::ffff:169.254.169.254]',
    'https://evil.example',
    `http://${host}`,
    `https://${host}.evil.example`,
    `https://evil.${host}`,
    `https://${host}@evil.example`,
    `https://evil.example/${host}`,
    `https://evil.example#${host}`,
    `https://evil.example?${host}`,
    `https://${host}\\@evil.example`,
    'https://certificatemanager。apigw。ntruss。com.',
    '{url}/api/v2',
    '{url}/..',
    '{url}?x=',
    '{url}#',
    '{url}\n',
    'file:///etc/passwd',
    '',
  ].map((endpoint) => ({ endpoint })),
  ...['evil', '', 'public.evil.example', '__proto__', 'constructor', 'toString'].map((zone) => ({ zone })),
  ...['', ' ', 'a\nb', 'a\r\nx-ncp-iam-access-key: b', 'a\u0000', 'ä', '\u2028', 'a'.repeat(1_025)].flatMap((key) => [
    { accessKey: key },
    { secretKey: key },
  ]),
  ...['.', '..', '', '1\n2', '1\r\nHost: evil.example', '1\u0000', '\u007f', '\u0085', '\ud800', '1\udfff'].map(
    (id) => ({
      id,
    }),
  ),
];

vi.mock('node:net', { spy: true });

async function download({ endpoint = '{url}', zone, id = '1', ...keys }: Attempt, url: string): Promise<Uint8Array[]> {
  const spec = {
    apiVersion: 'v2' as const,
    ...(zone === undefined ? { endpoint: endpoint.replace('{url}', url) } : { zone: zone as NaverSpec['zone'] }),
  };
  const data = Object.entries({ ...naverCanaries, ...keys }).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  const read = readCredentials(naver.credentialKeys({ naver: spec }), Object.fromEntries(data));
  if ('message' in read) throw new ProviderError({ reason: 'AuthenticationFailed', message: read.message });
  const client = connectTo(naver, { naver: spec }, { credentials: read.credentials });
  return client.download(entryOf(id), call());
}

test.each(hostile)('%j opens no socket', async (attempt) => {
  const provider = await naverSimulator();
  vi.mocked(realConnect).mockClear();
  const error: unknown = await download(attempt, provider.url).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProviderError);
  // That a connection failed would mean that one was tried.
  expect(error).not.toHaveProperty('reason', 'ProviderUnavailable');
  for (const canary of Object.values(naverCanaries)) expect(inspect(error)).not.toContain(canary);
  expect(provider.counters.connections).toBe(0);
  expect(realConnect).not.toHaveBeenCalled();
});

test('the same attempt with nothing hostile in it does open one', async () => {
  const provider = await naverSimulator();
  const id = String(provider.upload('name', ''));
  vi.mocked(realConnect).mockClear();
  await download({ id }, provider.url);
  expect(provider.counters).toMatchObject({ connections: 1, downloadsOf: { name: 1 } });
  expect(realConnect).toHaveBeenCalled();
});

test.each(['1/2', '../../v1/certificates', '1?x=1', '1#', '1%2f..', '1;x', ' 1'])(
  'an id like %j stays one segment of the path, which no certificate has',
  async (id) => {
    const provider = await naverSimulator();
    provider.upload('name', '');
    const error: unknown = await download({ id }, provider.url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'InvalidResponse', code: '2100' });
    expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
  },
);
