import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { clientAuth, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Authority, Issued } from '../../../sandbox/pki/index.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { loadConnection } from '../../../src/kube/config.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { ManualClock } from '../../support/clock.ts';
import {
  connect,
  forever,
  recordingLogger,
  sendJson,
  silent,
  startServer,
  statusBody,
  temporaryDirectory,
  writeKubeconfig,
} from './support.ts';
import type { FakeServer } from './support.ts';
import { eventually } from '../../support/eventually.ts';

const signal = forever;
const secret = {
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1' },
};

function get(client: KubeClient): Promise<unknown> {
  return client.get(secrets, { namespace: 'default', name: 'web' }, { signal });
}

function answerSecret(_: unknown, response: ServerResponse): void {
  sendJson(response, 200, secret);
}

function authorizations(server: FakeServer): (string | undefined)[] {
  return server.requests.map(({ headers }) => headers.authorization);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function load(options: Partial<Parameters<typeof loadConnection>[0]>): string {
  return loadConnection({ clock: new ManualClock(), logger: silent, env: {}, ...options }).server.href;
}

/** Fresh places for a CA, a certificate and a key. */
function certificateFiles(): Record<'ca' | 'cert' | 'key', string> {
  const directory = temporaryDirectory();
  return { ca: join(directory, 'ca.crt'), cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
}

function tlsCluster(server: FakeServer, ca: string, serverName = 'api.test'): object {
  return {
    server: server.url,
    'certificate-authority': ca,
    'insecure-skip-tls-verify': false,
    'tls-server-name': serverName,
  };
}

/** What a server of `api.test` needs. */
async function serverPair(authority: Authority): Promise<{ cert: string; key: string }> {
  const { certificate, privateKey } = await authority.issue({ dnsNames: ['api.test'] });
  return { cert: certificate, key: privateKey };
}

function issueClient(authority: Authority, commonName: string): Promise<Issued> {
  return authority.issue({ commonName, dnsNames: [], extendedKeyUsage: [clientAuth] });
}

function save(file: { cert: string; key: string }, issued: Issued): void {
  writeFileSync(file.cert, issued.certificate);
  writeFileSync(file.key, issued.privateKey);
}

describe('where the configuration comes from', () => {
  it('first the kubeconfig that is named', () => {
    const kubeconfig = writeKubeconfig({ server: 'https://named.example:6443/base' });
    const KUBECONFIG = writeKubeconfig({ server: 'https://other.example' });
    const serviceAccount = temporaryDirectory();
    writeFileSync(join(serviceAccount, 'token'), 'x');
    const env = { KUBECONFIG, KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    expect(load({ kubeconfig, env, serviceAccount })).toBe('https://named.example:6443/base');
  });

  it('then the service account of the pod', () => {
    const serviceAccount = temporaryDirectory();
    writeFileSync(join(serviceAccount, 'token'), 'x');
    const KUBECONFIG = writeKubeconfig({ server: 'https://other.example' });
    const env = { KUBECONFIG, KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
    expect(load({ env, serviceAccount })).toBe('https://10.96.0.1/');
    const ipv6 = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(load({ env: ipv6, serviceAccount })).toBe('https://[fd00::1]:6443/');
    expect(load({ env, serviceAccount: '/nowhere' })).toBe('https://other.example/');
  });

  it('tells the namespace of the pod, or of the context', () => {
    const serviceAccount = temporaryDirectory();
    writeFileSync(join(serviceAccount, 'token'), 'x');
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    const namespaceIn = (o: object): string =>
      loadConnection({ clock: new ManualClock(), logger: silent, env: {}, ...o }).namespace;
    expect(namespaceIn({ env, serviceAccount })).toBe('default');
    writeFileSync(join(serviceAccount, 'namespace'), 'team\n');
    expect(namespaceIn({ env, serviceAccount })).toBe('team');
    const kubeconfig = writeKubeconfig({ server: 'https://named.example' });
    expect(namespaceIn({ kubeconfig })).toBe('default');
    const written = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { contexts: { context: object }[] };
    Object.assign(written.contexts[0]?.context ?? {}, { namespace: 'mine' });
    writeFileSync(kubeconfig, JSON.stringify(written));
    expect(namespaceIn({ kubeconfig })).toBe('mine');
  });

  it('then the files of KUBECONFIG, of which the first wins and missing ones do not matter', () => {
    const first = writeKubeconfig({ server: 'https://first.example' });
    const second = join(temporaryDirectory(), 'config');
    const cluster = { server: 'https://second.example' };
    writeFileSync(
      second,
      JSON.stringify({
        clusters: ['test', 'more'].map((name) => ({ name, cluster })),
        users: [{ name: 'test' }],
        contexts: [{ name: 'more', context: { cluster: 'more', user: 'test' } }],
        'current-context': 'more',
      }),
    );
    expect(load({ env: { KUBECONFIG: `/nowhere/config:${first}:${second}` } })).toBe('https://first.example/');
    expect(load({ env: { KUBECONFIG: `${second}:${first}` } })).toBe('https://second.example/');
  });

  it.each([
    ['nothing', undefined, 'no API server is configured: KUBECONFIG names /nowhere/config, which does not exist'],
    ['no YAML', 'token: "s3cret\n  - {', 'the kubeconfig FILE cannot be used: it is not valid YAML'],
    ['an empty file', '', 'the kubeconfig FILE cannot be used: it is not valid YAML'],
    ['another text', 'hello', 'the kubeconfig FILE cannot be used: it is not a kubeconfig'],
    ['no context', 'clusters: []', 'the kubeconfig has no usable current context (none is set)'],
    ['a context without a cluster', 'current-context: gone', 'the kubeconfig has no usable current context (gone)'],
  ])('is refused in one line when there is %s', (_, content, message) => {
    const kubeconfig = join(temporaryDirectory(), 'config');
    if (content !== undefined) writeFileSync(kubeconfig, content);
    const env = { KUBECONFIG: content === undefined ? '/nowhere/config' : kubeconfig };
    let error: unknown;
    try {
      load({ env });
    } catch (caught) {
      error = caught;
    }
    const seen = (error as Error).message.replace(kubeconfig, 'FILE');
    expect(seen).toMatch(message);
    expect(seen).not.toMatch(/\n|s3cret/);
  });

  it('is refused when nobody names one', () => {
    vi.stubEnv('HOME', temporaryDirectory());
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(() => load({ env: {} })).toThrow(
      'no API server is configured: this is no pod, and there is no --kubeconfig, KUBECONFIG or ~/.kube/config',
    );
  });

  it('is refused when the file that is named is not there', () => {
    expect(() => load({ kubeconfig: '/nowhere/config' })).toThrow(
      'the kubeconfig /nowhere/config cannot be used: ENOENT',
    );
  });

  it('is refused when the server is no URL', () => {
    expect(() => load({ kubeconfig: writeKubeconfig({ server: 'not a url' }) })).toThrow('no valid server URL');
  });
});

describe('a bearer token', () => {
  it.each([
    ['of the kubeconfig', { token: 'from-config' }, 'Bearer from-config'],
    ['is none', {}, undefined],
    ['is a password', { username: 'me', password: 'pass' }, `Basic ${base64('me:pass')}`],
  ])('%s', async (_, user, authorization) => {
    await using server = await startServer(answerSecret);
    await get(connect(writeKubeconfig({ server: server.url }, user)).client);
    expect(authorizations(server)).toEqual([authorization]);
  });

  it('goes with the user to act as', async () => {
    await using server = await startServer(answerSecret);
    await get(connect(writeKubeconfig({ server: server.url }, { token: 't', as: 'jane' })).client);
    expect(server.requests[0]?.headers).toMatchObject({ authorization: 'Bearer t', 'impersonate-user': 'jane' });
  });

  it('of a file is trimmed, and read again after 10 s', async () => {
    const clock = new ManualClock();
    const tokenFile = join(temporaryDirectory(), 'token');
    writeFileSync(tokenFile, 'first\n');
    await using server = await startServer(answerSecret);
    const { client } = connect(writeKubeconfig({ server: server.url }, { tokenFile }), { clock });
    await get(client);
    writeFileSync(tokenFile, 'second\r\n');
    await clock.advance(9_999);
    await get(client);
    await clock.advance(1);
    await get(client);
    expect(authorizations(server)).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
    expect(new Set(server.requests.map(({ port }) => port)).size).toBe(1);
  });

  it.each([
    ['is gone', (file: string) => rmSync(file), /^ENOENT/],
    ['is empty', (file: string) => writeFileSync(file, ''), /^the token file .* is empty$/],
  ])('of a file that %s is used further, with a warning', async (_, spoil, problem) => {
    const clock = new ManualClock();
    const { logger, lines } = recordingLogger();
    const tokenFile = join(temporaryDirectory(), 'token');
    writeFileSync(tokenFile, 'first');
    await using server = await startServer(answerSecret);
    const { client } = connect(writeKubeconfig({ server: server.url }, { tokenFile }), { clock, logger });
    await get(client);
    spoil(tokenFile);
    await clock.advance(10_000);
    await get(client);
    expect(authorizations(server)).toEqual(['Bearer first', 'Bearer first']);
    expect(lines).toMatchObject([
      { level: 40, msg: 'credentials for the API server cannot be read, the last ones stay in use' },
    ]);
    expect(lines[0]?.problem).toMatch(problem);
  });

  it('that never could be read is an error of its own', async () => {
    const { client } = connect(writeKubeconfig({ server: 'http://127.0.0.1:1' }, { tokenFile: '/nowhere/token' }));
    await expect(get(client)).rejects.toMatchObject({ reason: 'CredentialsUnavailable', retryable: true });
  });

  it('that is refused is read again at once, and the call repeated once, writes too', async () => {
    const tokenFile = join(temporaryDirectory(), 'token');
    writeFileSync(tokenFile, 'old');
    await using server = await startServer(({ headers, method }, response) => {
      writeFileSync(tokenFile, 'new');
      if (headers.authorization === 'Bearer old')
        sendJson(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized'));
      else sendJson(response, method === 'POST' ? 201 : 200, secret);
    });
    const { client } = connect(writeKubeconfig({ server: server.url }, { tokenFile }), { clock: new ManualClock() });
    await client.create(secrets, { ...secret }, { signal });
    await get(client);
    expect(authorizations(server)).toEqual(['Bearer old', 'Bearer new', 'Bearer new']);
  });

  it('that stays refused is an error after two requests, for a watch as well', async () => {
    await using server = await startServer((_, response) =>
      sendJson(response, 401, statusBody(401, 'Unauthorized', 'no')),
    );
    const { client } = connect(writeKubeconfig({ server: server.url }, { token: 't' }), { clock: new ManualClock() });
    await expect(get(client)).rejects.toMatchObject({ status: 401, reason: 'Unauthorized', retryable: true });
    expect(server.requests).toHaveLength(2);
    const watch = client.watch(secrets, { resourceVersion: '1', timeoutSeconds: 300, signal });
    await expect(watch.next()).rejects.toMatchObject({ status: 401 });
    expect(server.requests).toHaveLength(4);
  });

  it('of a kubeconfig that was written anew is found when the old one is refused', async () => {
    const directory = temporaryDirectory();
    await using server = await startServer(({ headers }, response) => {
      if (headers.authorization === 'Bearer old') sendJson(response, 401, {});
      else sendJson(response, 200, secret);
    });
    const { client } = connect(writeKubeconfig({ server: server.url }, { token: 'old' }, directory));
    writeKubeconfig({ server: server.url }, { token: 'new' }, directory);
    await get(client);
    expect(authorizations(server)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('of a kubeconfig that has come to name another server is not sent to the old one', async () => {
    const directory = temporaryDirectory();
    const { logger, lines } = recordingLogger();
    await using server = await startServer((_, response) => sendJson(response, 401, {}));
    const { client } = connect(writeKubeconfig({ server: server.url }, { token: 'ours' }, directory), { logger });
    writeKubeconfig({ server: 'https://other.example' }, { token: 'theirs' }, directory);
    await expect(get(client)).rejects.toMatchObject({ status: 401 });
    expect(authorizations(server)).toEqual(['Bearer ours', 'Bearer ours']);
    expect(lines[0]?.problem).toBe('the kubeconfig now names another server, other.example');
  });

  it('of a pod is that of its service account, whose CA is trusted', async () => {
    const authority = await createAuthority();
    const { certificate, privateKey } = await authority.issue({ dnsNames: ['localhost'] });
    await using server = await startServer(answerSecret, { cert: certificate, key: privateKey });
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'token'), 'pod-token\n');
    writeFileSync(join(directory, 'ca.crt'), authority.certificate);
    const env = { KUBERNETES_SERVICE_HOST: 'localhost', KUBERNETES_SERVICE_PORT: new URL(server.url).port };
    const clock = new ManualClock();
    const connection = loadConnection({ clock, logger: silent, env, serviceAccount: directory });
    await get(new KubeClient(new Transport(connection, { clock, logger: silent }), { clock }));
    expect(authorizations(server)).toEqual(['Bearer pod-token']);
  });
});

/** A plugin that answers with the version it was told to answer in, and counts how often it ran. */
function plugin(expiry: string | undefined, code = 0): { exec: object; directory: string } {
  const directory = temporaryDirectory();
  const script = `
    const fs = require('node:fs');
    const runs = fs.existsSync('${directory}/runs') ? Number(fs.readFileSync('${directory}/runs', 'utf8')) + 1 : 1;
    fs.writeFileSync('${directory}/runs', String(runs));
    const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    const status = { token: process.env.PREFIX + runs, expirationTimestamp: ${JSON.stringify(expiry)} };
    console.error('log in first');
    if (${code}) process.exit(${code});
    console.log(JSON.stringify({ apiVersion, kind, status }));`;
  const env = [{ name: 'PREFIX', value: 'token-' }];
  const apiVersion = 'client.authentication.k8s.io/v1';
  return { exec: { apiVersion, command: process.execPath, args: ['-e', script], env }, directory };
}

describe('a credential plugin', () => {
  it('gives the token, until it expires', async () => {
    const clock = new ManualClock();
    await using server = await startServer(answerSecret);
    const { exec } = plugin('2999-01-01T00:00:00Z');
    const { client } = connect(writeKubeconfig({ server: server.url }, { exec }), { clock });
    await get(client);
    await clock.advance(60_000);
    await get(client);
    expect(authorizations(server)).toEqual(['Bearer token-1', 'Bearer token-1']);
  });

  it('is asked again when its token is refused, though not for every refusal', async () => {
    const clock = new ManualClock();
    await using server = await startServer((_, response) => sendJson(response, 401, {}));
    const { exec } = plugin(undefined);
    const { client } = connect(writeKubeconfig({ server: server.url }, { exec }), { clock });
    await expect(get(client)).rejects.toMatchObject({ status: 401 });
    await expect(get(client)).rejects.toMatchObject({ status: 401 });
    await clock.advance(10_000);
    await expect(get(client)).rejects.toMatchObject({ status: 401 });
    const tokens = authorizations(server).map((value) => value?.replace('Bearer token-', ''));
    expect(tokens).toEqual(['1', '2', '2', '2', '3', '3']);
  });

  it('that fails is told, with what it said', async () => {
    const { exec } = plugin(undefined, 1);
    const { client } = connect(writeKubeconfig({ server: 'http://127.0.0.1:1' }, { exec }));
    await expect(get(client)).rejects.toMatchObject({
      reason: 'CredentialsUnavailable',
      message: 'the credentials for the API server cannot be read: log in first',
    });
  });
});

describe('certificates', () => {
  let old: Authority;
  let young: Authority;
  beforeAll(async () => {
    old = await createAuthority({ name: 'old' });
    young = await createAuthority({ name: 'young' });
  });

  it('of the server must come from the CA and be for its name; a CA that changes is used after 10 s', async () => {
    const clock = new ManualClock();
    const { ca } = certificateFiles();
    writeFileSync(ca, old.certificate);
    await using server = await startServer(answerSecret, await serverPair(young));
    const { client } = connect(writeKubeconfig(tlsCluster(server, ca)), { clock });
    await expect(get(client)).rejects.toMatchObject({
      reason: 'NetworkError',
      message: expect.stringMatching(/UNABLE_TO|SELF_SIGNED/),
    });
    writeFileSync(ca, old.certificate + young.certificate);
    await clock.advance(10_000);
    await get(client);
    const other = tlsCluster(server, ca, 'elsewhere.test');
    await expect(get(connect(writeKubeconfig(other)).client)).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('of ours are shown, and changed without breaking what is under way', async () => {
    const clock = new ManualClock();
    const { ca, cert, key } = certificateFiles();
    writeFileSync(ca, old.certificate);
    save({ cert, key }, await issueClient(old, 'first'));
    const peers: string[] = [];
    const held: ServerResponse[] = [];
    await using server = await startServer(
      (seen, response, request) => {
        peers.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
        if (seen.query.has('watch')) response.write(`${JSON.stringify({ type: 'ADDED', object: secret })}\n`);
        if (seen.query.has('watch') || held.length < 2) held.push(response);
        else sendJson(response, 200, secret);
      },
      { ...(await serverPair(old)), ca: old.certificate, requestCert: true },
    );
    const user = { 'client-certificate': cert, 'client-key': key };
    const { client } = connect(writeKubeconfig(tlsCluster(server, ca), user), { clock });
    const watch = client.watch(secrets, { resourceVersion: '1', timeoutSeconds: 300, signal });
    expect((await watch.next()).value).toMatchObject({ type: 'ADDED' });
    const call = get(client);
    await eventually(() => expect(held).toHaveLength(2));

    save({ cert, key }, await issueClient(old, 'second'));
    await clock.advance(10_000);
    await get(client);
    expect(peers).toEqual(['first', 'first', 'second']);

    held[0]?.write(`${JSON.stringify({ type: 'MODIFIED', object: secret })}\n`);
    expect((await watch.next()).value).toMatchObject({ type: 'MODIFIED' });
    if (held[1]) sendJson(held[1], 200, secret);
    expect(await call).toEqual(secret);
    await watch.return(undefined);
  });

  it.each(['a key that does not fit', 'no CA', 'nonsense as CA'])(
    'in the middle of a rotation, with %s, are not used',
    async (what) => {
      const clock = new ManualClock();
      const { logger, lines } = recordingLogger();
      const { ca, cert, key } = certificateFiles();
      writeFileSync(ca, old.certificate);
      save({ cert, key }, await issueClient(old, 'first'));
      await using server = await startServer(answerSecret, await serverPair(old));
      const user = { 'client-certificate': cert, 'client-key': key };
      const { client } = connect(writeKubeconfig(tlsCluster(server, ca), user), { clock, logger });
      await get(client);
      if (what === 'no CA') rmSync(ca);
      else if (what === 'nonsense as CA') writeFileSync(ca, '-----BEGIN CERT');
      else writeFileSync(key, (await issueClient(old, 'second')).privateKey);
      await clock.advance(10_000);
      await get(client);
      expect(lines).toMatchObject([
        { msg: 'credentials for the API server cannot be read, the last ones stay in use' },
      ]);
      expect(new Set(server.requests.map(({ port }) => port)).size).toBe(1);
    },
  );
});

describe('a proxy of the kubeconfig', () => {
  it('is gone through', async () => {
    const targets: (string | undefined)[] = [];
    const proxy = createServer().on('connect', (request, client) => {
      targets.push(request.url);
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connectSocket(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const authority = await createAuthority();
    await using server = await startServer(answerSecret, await serverPair(authority));
    const kubeconfig = writeKubeconfig({
      server: server.url,
      'certificate-authority-data': base64(authority.certificate),
      'insecure-skip-tls-verify': false,
      'tls-server-name': 'api.test',
      'proxy-url': `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    });
    const { client, connection } = connect(kubeconfig);
    expect(await get(client)).toEqual(secret);
    expect(targets).toEqual([new URL(server.url).host]);
    await connection.close();
    proxy.close();
  });
});
