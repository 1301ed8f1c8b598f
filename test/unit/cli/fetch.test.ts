import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { pcert } from '../../support/pcert.ts';
import { canaries, naverSimulator, scpSimulator, simulator } from '../providers/support.ts';
import { authority, config, folder, written } from './world.ts';

const variables = {
  PCERT_APP_KEY: canaries.appKey,
  PCERT_ACCESS_KEY_ID: canaries.accessKeyId,
  PCERT_SECRET_ACCESS_KEY: canaries.secretAccessKey,
};
const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');

test('a certificate becomes files, once', async () => {
  const cloud = await simulator();
  const issued = await (await authority()).issue();
  cloud.upload('www', issued.bundle);
  const directory = folder();
  const out = join(directory, 'tls');
  const fetch = ['fetch', '--config', config(directory, 'nhn', cloud), '--name', 'www', '--out', out];

  expect(await pcert(fetch)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^www: written to .*tls, valid until 20.*Z\n$/),
  });
  expect(text(out, 'tls.crt')).toBe(issued.certificate + issued.chain);
  expect(text(out, 'tls.key')).toBe(issued.privateKey);
  expect(text(out, 'ca.crt')).toBe(issued.root);
  expect(statSync(join(out, 'tls.key')).mode & 0o777).toBe(0o600);
  expect(await pcert(fetch)).toMatchObject({ code: 0, out: expect.stringMatching(/^www: unchanged in /) });

  const renewed = await (await authority()).issue();
  cloud.upload('www', renewed.bundle);
  expect(await pcert(fetch)).toMatchObject({ code: 0, out: expect.stringMatching(/^www: written to /) });
  expect(text(out, 'tls.key')).toBe(renewed.privateKey);
});

test('what is refused leaves the files as they are', async () => {
  const cloud = await simulator();
  const issuer = await authority();
  const issued = await issuer.issue();
  cloud.upload('www', issued.bundle);
  const directory = folder();
  const out = join(directory, 'tls');
  const fetch = ['fetch', '--config', config(directory, 'nhn', cloud), '--name', 'www', '--out', out];
  await pcert(fetch);

  const other = await issuer.issue();
  cloud.upload('www', other.certificate + other.chain + issued.privateKey);
  expect(await pcert(fetch)).toEqual({
    code: 1,
    out: '',
    err: expect.stringMatching(/^www is refused, and the files are as they were: KeyMismatch: [^\n]*\n$/),
  });
  expect(text(out, 'tls.crt')).toBe(issued.certificate + issued.chain);

  const older = await issuer.issue({
    notBefore: new Date(Date.now() - 60 * 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
  });
  cloud.upload('www', older.bundle);
  expect((await pcert(fetch)).err).toContain('OlderThanCurrent');
  expect(await pcert([...fetch, '--allow-older'])).toMatchObject({ code: 0 });
  expect(text(out, 'tls.key')).toBe(older.privateKey);
});

test('credentials may come from the environment, which goes first', async () => {
  const cloud = await simulator();
  cloud.upload('www', (await (await authority()).issue()).bundle);
  const directory = folder();
  const file = config(directory, 'nhn', cloud);
  const provider = written(directory, 'provider.yaml', text(file).split('---')[0] ?? '');
  const fetch = ['fetch', '--config', provider, '--name', 'www', '--out', join(directory, 'tls')];
  expect(await pcert(fetch)).toEqual({
    code: 2,
    out: '',
    err: `pcert: There is no appKey: set PCERT_APP_KEY, or put the Secret credentials with it into ${provider}.\n`,
  });
  expect(await pcert(fetch, { env: variables })).toMatchObject({ code: 0 });
  const wrong = { PCERT_SECRET_ACCESS_KEY: 'wrong-secret' };
  const { code, err } = await pcert(['fetch', '--config', file, ...fetch.slice(3)], { env: wrong });
  expect(code).toBe(2);
  expect(err).toMatch(/^pcert: CertificateProvider nhn: .*it does not accept the credentials.*\n$/);
  expect(err).not.toContain('wrong-secret');
});

test('everything, with a bar on a terminal; one that is refused does not stop the others', async () => {
  const cloud = await simulator();
  const issuer = await authority();
  for (const name of ['www', '*.example.com', 'api']) cloud.upload(name, (await issuer.issue()).bundle);
  cloud.upload('broken', 'nothing');
  const directory = folder();
  const out = join(directory, 'all');
  const fetch = ['fetch', '--config', config(directory, 'nhn', cloud), '--all', '--out', out];

  const onTerminal = await pcert(fetch, { columns: 80 });
  expect(onTerminal.code).toBe(1);
  expect(onTerminal.err).toContain('[######..................] 1/4 ');
  expect(onTerminal.err).toContain('broken is refused, and the files are as they were: MalformedBundle');
  expect(readdirSync(out).sort()).toEqual(['api', 'wildcard-example-com', 'www']);

  const inPipe = await pcert([...fetch, '--match', '*w*']);
  expect(inPipe).toEqual({ code: 0, out: expect.stringMatching(/^www: unchanged in .*\n$/), err: '' });
  expect(await pcert([...fetch, '--match', 'x*'])).toEqual({
    code: 0,
    out: '',
    err: 'There are no such certificates.\n',
  });
});

test('a Secret for GitOps is printed with --show-key only, and says that it needs encryption', async () => {
  const cloud = await scpSimulator();
  const issued = await (await authority()).issue();
  cloud.upload('shop-2026', issued);
  const fetch = [
    'fetch',
    '--config',
    config(folder(), 'scp', cloud, { region: 'kr-west1' }),
    '--common-name',
    'www.example.com',
  ];
  expect(await pcert([...fetch, '--secret-manifest'])).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('--show-key'),
  });
  const { code, out } = await pcert([...fetch, '--secret-manifest', '--show-key']);
  expect(code).toBe(0);
  expect(out).toMatch(/^# Holds a private key: encrypt it/);
  const { data, ...rest } = load(out) as { data: Record<string, string> };
  expect(rest).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'shop-2026' },
    type: 'kubernetes.io/tls',
  });
  expect(Buffer.from(data['tls.key'] ?? '', 'base64').toString()).toBe(issued.privateKey);
  expect(Buffer.from(data['tls.crt'] ?? '', 'base64').toString()).toBe(issued.certificate + issued.chain);
});

test('a key of the user goes with what NAVER Cloud gives', async () => {
  const cloud = await naverSimulator();
  const issued = await (await authority()).issue();
  const id = String(cloud.upload('blog', issued));
  const directory = folder();
  const fetch = (apiVersion: string): string[] => [
    'fetch',
    '--config',
    config(directory, 'naver', cloud, { apiVersion }),
    '--id',
    id,
    '--out',
    join(directory, 'tls'),
  ];
  expect(await pcert(fetch('v1'))).toMatchObject({ code: 1, err: expect.stringContaining('does not hand them out') });
  expect(await pcert(fetch('v2'))).toMatchObject({ code: 1, err: expect.stringContaining('PrivateKeyMissing') });
  const key = written(directory, 'key.pem', issued.privateKey);
  expect(await pcert([...fetch('v2'), '--key', key])).toMatchObject({ code: 0 });
  expect(text(directory, 'tls', 'tls.key')).toBe(issued.privateKey);
});

test('what the cloud answers', async () => {
  const cloud = await simulator();
  const directory = folder();
  const fetch = [
    'fetch',
    '--config',
    config(directory, 'nhn', cloud),
    '--name',
    'www',
    '--out',
    join(directory, 'tls'),
  ];
  expect(await pcert(fetch)).toEqual({
    code: 1,
    out: '',
    err: 'pcert: The provider lists no certificate with this name.\n',
  });
  cloud.upload('www', (await (await authority()).issue()).bundle);
  const ended = cloud.fault({ match: 'list', status: 503 });
  expect(await pcert(fetch)).toMatchObject({ code: 2, err: expect.stringContaining('status 503') });
  ended();
  // It asks to come back soon, and that is done.
  cloud.fault({ match: 'list', times: 1, status: 429, retryAfter: 1 });
  expect(await pcert(fetch)).toMatchObject({ code: 0 });
  cloud.fault({ match: 'list', times: 1, status: 429, retryAfter: 3_000 });
  expect(await pcert(fetch)).toMatchObject({ code: 2, err: expect.stringContaining('too many requests') });
});

test.each([
  { flags: ['--name', 'x'], err: 'Give either --out or --secret-manifest.' },
  { flags: ['--out', 'x'], err: 'Give exactly one of --name, --id and --common-name.' },
  { flags: ['--name', 'x', '--out', 'x', '--match', 'y'], err: '--match goes with --all.' },
  { flags: ['--name', 'x', '--out', 'x', '--show-key'], err: '--show-key goes with --secret-manifest.' },
  {
    flags: ['--all', '--secret-manifest', '--show-key'],
    err: '--all goes with --out, and not with --secret-manifest.',
  },
  {
    flags: ['--all', '--out', 'x', '--name', 'y'],
    err: '--all goes with --match, and not with --name, --id or --common-name.',
  },
])('$flags do not go together', async ({ flags, err }) => {
  expect(await pcert(['fetch', '--config', 'none.yaml', ...flags])).toEqual({
    code: 2,
    out: '',
    err: `pcert: ${err}\n`,
  });
});

test('a provider object that is none', async () => {
  const directory = folder();
  const fetch = (content: string): string[] => [
    'fetch',
    '--config',
    written(directory, 'provider.yaml', content),
    '--name',
    'x',
    '--out',
    join(directory, 'tls'),
  ];
  expect((await pcert(fetch('a: [secret'))).err).toMatch(/provider\.yaml is not valid YAML\.\n$/);
  expect((await pcert(fetch('kind: Secret'))).err).toMatch(
    /must hold one CertificateProvider or ClusterCertificateProvider, not 0\.\n$/,
  );
  expect((await pcert(fetch('kind: CertificateProvider\nspec: {}'))).err).toMatch(
    /^pcert: CertificateProvider is not valid: .*\.\n$/,
  );
});
