import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import { connect as realConnect } from 'node:net';
import { systemClock } from '../../../src/clock.ts';
import { readCredentials } from '../../../src/providers/credentials.ts';
import { ProviderError } from '../../../src/providers/errors.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';
import { call, canaries, entryOf, httpClient, simulator } from './support.ts';

/** What a user, or a provider, may put where we build a request from. The endpoint `{url}` is one that is allowed. */
const hostile: { endpoint?: string; appKey?: string; name?: string }[] = [
  ...[
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
    'https://certmanager.api.nhncloudservice.com.evil.example',
    'https://certmanager.api.nhncloudservice.com@evil.example',
    'https://certmanager.api.nhncloudservice.com:x@evil.example',
    'https://evil.example/certmanager.api.nhncloudservice.com',
    'https://evil.example#certmanager.api.nhncloudservice.com',
    'https://evil.example?certmanager.api.nhncloudservice.com',
    'http://certmanager.api.nhncloudservice.com',
    'https://certmanager。api。nhncloudservice。com.',
    'https://certmanager.api.nhncloudservice.com\\@evil.example',
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
  ].map((endpoint) => ({ endpoint })),
  ...['.', '..', '', 'a/b', '../../x', 'a%2fb', 'a?b', 'a#b', 'a b', 'a\nb', 'a\u0000', 'ä', 'a;b', 'a\\b'].map(
    (appKey) => ({ appKey }),
  ),
  ...['.', '..', '', 'a\nb', 'a\r\nHost: evil.example', 'a\u0000b', '\u007f', '\u0085', '\ud800', 'a\udfff'].map(
    (name) => ({ name }),
  ),
];

vi.mock('node:net', { spy: true });

test.each(hostile)('%j opens no socket', async ({ endpoint = '{url}', appKey = canaries.appKey, name = 'name' }) => {
  const provider = await simulator();
  vi.mocked(realConnect).mockClear();
  const spec = { nhn: { endpoint: endpoint.replace('{url}', provider.url) } };
  const attempt = async (): Promise<void> => {
    const read = readCredentials(
      nhn.credentialKeys(spec),
      Object.fromEntries(
        Object.entries({ ...canaries, appKey }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    );
    if ('message' in read) throw new ProviderError({ reason: 'AuthenticationFailed', message: read.message });
    await nhn
      .connect({ spec, credentials: read.credentials, http: httpClient(), clock: systemClock })
      .download(entryOf(name), call());
  };
  const error: unknown = await attempt().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProviderError);
  for (const canary of Object.values(canaries)) expect(inspect(error)).not.toContain(canary);
  expect(provider.counters.connections).toBe(0);
  expect(realConnect).not.toHaveBeenCalled();
});

test('the same attempt with nothing hostile in it does open one', async () => {
  const provider = await simulator();
  provider.upload('name', '');
  const client = nhn.connect({
    spec: { nhn: { endpoint: provider.url } },
    credentials: canaries,
    http: httpClient(),
    clock: systemClock,
  });
  await client.download(entryOf('name'), call());
  expect(provider.counters.connections).toBe(1);
});
