import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { Issued } from '../../sandbox/pki/index.ts';
import { type Outcome, pcert as run, withColourNames } from '../support/pcert.ts';
import { type World, world } from '../support/world.ts';

let w: World;
const allow = ['--allow-endpoint', '127.0.0.1'];
const day = 86_400_000;

beforeAll(async () => {
  w = await world();
});
afterAll(() => w?.[Symbol.asyncDispose]());

function pcert(args: readonly string[], columns?: number): Promise<Outcome> {
  return run(['-n', w.namespace, ...args], { env: { KUBECONFIG: inject('kubeconfig') }, ...(columns && { columns }) });
}

/** A TLS server that sends `www` by default, and other certificates by name. */
async function serve(www: Issued, byName: Record<string, Issued> = {}): Promise<string> {
  const contextOf = ({ certificate, chain, privateKey }: Issued): ReturnType<typeof createSecureContext> =>
    createSecureContext({ cert: certificate + chain, key: privateKey });
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    {
      cert: www.certificate + www.chain,
      key: www.privateKey,
      SNICallback: (name, done) => done(null, byName[name] && contextOf(byName[name])),
    },
    (socket) => sockets.add(socket.on('error', () => {})),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Uploads, and waits until the Secret has it. */
async function synced(name: string, daysAgo = 1): Promise<Issued> {
  const issued = await w.upload(name, { notBefore: new Date(Date.now() - daysAgo * day) });
  await w.certificate(name);
  await w.holds(name, issued);
  await w.synced(name, 'Synced');
  return issued;
}

test('Secret, provider and server have the same', async () => {
  const endpoint = await serve(await synced('same'));
  const { code, out, err } = await pcert(['verify', 'same', '--endpoint', endpoint]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const shown = out
    .replace(w.namespace, 'NS')
    .replace(endpoint, 'ADDRESS')
    .replaceAll(/20\d\d-\S+Z/g, 'TIME')
    .replaceAll(/(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/g, 'SHA')
    .replace(/\d+s ago/, 'AGO')
    .replaceAll(/ +/g, ' ');
  expect(shown).toMatchInlineSnapshot(`
    "WHERE ISSUED ENDS SHA-256
    The provider (the operator, AGO) TIME TIME SHA
    Secret NS/same TIME TIME SHA
    The endpoint ADDRESS TIME TIME SHA
    All have the same certificate.
    "
  `);
});

test('a server that was not reloaded is behind', async () => {
  const old = await synced('stale', 30);
  const endpoint = await serve(old);
  const renewed = await w.upload('stale', { notBefore: new Date(Date.now() - day) });
  await w.holds('stale', renewed);
  await w.synced('stale', 'Synced');
  const { code, out } = await pcert(['verify', 'stale', '--endpoint', endpoint], 200);
  expect(code).toBe(1);
  const said = withColourNames(out)
    .split('\n')
    .filter((line) => line.startsWith('<'));
  expect(said).toEqual([
    expect.stringMatching(
      new RegExp(
        `^<red>The endpoint ${endpoint} is behind: it has a certificate issued at .*, the provider has one issued at .*Z\\.</>$`,
      ),
    ),
  ]);
});

test('the Secret is behind while the operator does nothing; --download asks the provider', async () => {
  await synced('behind', 30);
  await w.patch('behind', { suspend: true });
  await w.synced('behind', 'Suspended');
  await w.upload('behind');
  const { code, out } = await pcert(['verify', 'behind', '--download', ...allow]);
  expect(code).toBe(1);
  expect(out).toMatch(
    new RegExp(
      `\nSecret ${w.namespace}/behind is behind: it has a certificate issued at .*, the provider has one issued at .*Z\\.\n$`,
    ),
  );
  // Of itself the operator knows that it looked away.
  expect(await pcert(['verify', 'behind'])).toMatchObject({
    code: 1,
    out: expect.stringContaining('--download asks it. Suspended: '),
  });
});

test('a server of several sites is asked for the right one', async () => {
  const issued = await synced('site');
  const other = await w.issue('other');
  const endpoint = await serve(other, { 'site.example.com': issued });
  expect(await pcert(['verify', 'site', '--endpoint', endpoint])).toMatchObject({ code: 0 });
  const { code, out } = await pcert(['verify', 'site', '--endpoint', endpoint, '--server-name', 'other.example.com']);
  expect(code).toBe(1);
  expect(out).toContain(
    `The endpoint ${endpoint} sends a certificate of "CN=other.example.com", which has none of these names: it is another server, or needs --server-name.\n`,
  );
});

test('a Secret that was deleted, and one that is broken', async () => {
  await synced('missing');
  await w.patch('missing', { suspend: true });
  await w.synced('missing', 'Suspended');
  await w.patchSecret('missing', { data: { 'tls.crt': Buffer.from('nothing').toString('base64') } });
  expect((await pcert(['verify', 'missing', '--download', ...allow])).out).toContain(
    `Secret ${w.namespace}/missing holds no usable pair: `,
  );
  await w.deleteSecret('missing');
  expect(await pcert(['verify', 'missing', '--download', ...allow])).toMatchObject({
    code: 1,
    out: expect.stringContaining(`\nSecret ${w.namespace}/missing does not exist.\n`),
  });
});

test('a bundle that the gate refuses is said so', async () => {
  const issued = await synced('refused');
  const other = await w.issue('refused');
  w.nhn.upload('refused', issued.certificate + other.privateKey);
  expect(await pcert(['verify', 'refused', '--download', ...allow])).toMatchObject({
    code: 1,
    out: expect.stringContaining('\nWhat the provider has is refused: KeyMismatch: '),
  });
});

test('no server, and one that does not speak TLS', async () => {
  await synced('nobody');
  const plain = new URL(w.nhn.url).host;
  expect(await pcert(['verify', 'nobody', '--endpoint', '127.0.0.1:1'])).toEqual({
    code: 2,
    out: '',
    err: 'pcert: 127.0.0.1:1 gave no certificate: ECONNREFUSED.\n',
  });
  expect(await pcert(['verify', 'nobody', '--endpoint', plain])).toEqual({
    code: 2,
    out: '',
    err: expect.stringMatching(/^pcert: 127\.0\.0\.1:\d+ gave no certificate: [\w ]+\.\n$/),
  });
});
