import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthority } from '../../../sandbox/pki/index.ts';
import { startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { HttpClient } from '../../../src/providers/http.ts';
import { proxyFrom } from '../../../src/providers/proxy.ts';
import { call, canaries, connect, refusal } from './support.ts';

test.each([
  [{}, undefined],
  [{ HTTP_PROXY: 'http://proxy:1' }, undefined],
  [{ HTTPS_PROXY: '' }, undefined],
  [{ HTTPS_PROXY: 'http://proxy:1' }, { url: 'http://proxy:1', except: '' }],
  [
    { https_proxy: 'https://a:b@proxy', NO_PROXY: '.internal' },
    { url: 'https://a:b@proxy', except: '.internal' },
  ],
  [
    { https_proxy: 'http://small', HTTPS_PROXY: 'http://LARGE', no_proxy: 'a,b', NO_PROXY: 'c' },
    { url: 'http://small', except: 'a,b' },
  ],
])('%j', (env, settings) => {
  expect(proxyFrom(env)).toEqual(settings);
});

test.each(['proxy:3128', 'nonsense', 'socks5://proxy', 'ftp://proxy'])('HTTPS_PROXY=%s is refused', (value) => {
  expect(() => proxyFrom({ HTTPS_PROXY: `${value}secret` })).toThrow(/^HTTPS_PROXY must be a URL such as \S+\.$/);
});

interface Proxy {
  url: string;
  /** What it was asked to connect to, and by whom. */
  tunnels: { target: string; authorization: string | undefined }[];
  refuse?: number;
}

/** A proxy that tunnels to wherever it is asked. */
async function proxy(): Promise<Proxy> {
  const state: Proxy = { url: '', tunnels: [] };
  const server = createServer((_, response) => response.writeHead(500).end());
  server.on('connect', (request, socket, head) => {
    const target = request.url ?? '';
    state.tunnels.push({ target, authorization: request.headers['proxy-authorization'] });
    if (state.refuse !== undefined) return void socket.end(`HTTP/1.1 ${state.refuse} No\r\n\r\n`);
    const { port } = new URL(`http://${target}`);
    const through = connectTo({ host: '127.0.0.1', port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.write(head);
      socket.pipe(through).pipe(socket);
    });
    for (const end of [socket, through]) end.on('error', () => {});
    onTestFinished(() => void through.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  state.url = `http://user:${canaries.secretAccessKey.replace('/', '%2F')}@127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

/** A cloud behind TLS that only `ca` vouches for, and a client that goes through the proxy. */
async function scene(o: { except?: string } = {}) {
  const authority = await createAuthority({ keyType: 'p256' });
  const issued = await authority.issue({ dnsNames: ['localhost'], keyType: 'p256' });
  const provider = await startNhnSimulator({ ...canaries, tls: { cert: issued.certificate, key: issued.privateKey } });
  onTestFinished(() => provider[Symbol.asyncDispose]());
  provider.url = provider.url.replace('127.0.0.1', 'localhost');
  const through = await proxy();
  const http = new HttpClient({
    clock: systemClock,
    endpoints: new Endpoints(['localhost']),
    ca: authority.certificate,
    proxy: { url: through.url, except: o.except ?? '' },
  });
  onTestFinished(() => http.close());
  return { provider, through, client: connect(provider.url, { http }) };
}

test('requests go through the proxy, and the extra authority still counts', async () => {
  const { provider, through, client } = await scene();
  await client.list(call());
  expect(through.tunnels).toEqual([
    {
      target: new URL(provider.url).host,
      authorization: `Basic ${Buffer.from(`user:${canaries.secretAccessKey}`).toString('base64')}`,
    },
  ]);
  expect(provider.counters.lists).toBe(1);
});

test('hosts that NO_PROXY names are asked directly', async () => {
  const { provider, through, client } = await scene({ except: 'other.example,localhost' });
  await client.list(call());
  expect(through.tunnels).toEqual([]);
  expect(provider.counters.lists).toBe(1);
});

test.each([407, 403, 502])('a proxy that answers with %d is said to be in the way', async (status) => {
  const { provider, through, client } = await scene();
  through.refuse = status;
  const error = await refusal(client.list(call()), 'ProviderUnavailable');
  expect(error.message).toContain('proxy');
  expect(provider.counters.connections).toBe(0);
});

test('a proxy that is not there', async () => {
  const { through, client } = await scene();
  const port = Number(new URL(through.url).port);
  const http = new HttpClient({
    clock: systemClock,
    endpoints: new Endpoints(['localhost']),
    proxy: { url: 'http://127.0.0.1:1', except: '' },
  });
  onTestFinished(() => http.close());
  await refusal(connect(`https://localhost:${port}`, { http }).list(call()), 'ProviderUnavailable');
  await client.list(call());
});
