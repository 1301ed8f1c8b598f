import { once } from 'node:events';
import { type AddressInfo, type Socket, connect as connectTo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { leases, secrets } from '../../../src/kube/objects.ts';
import { ManualClock, settle } from '../../support/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { loopbackTls } from '../../support/loopback.ts';
import { collect, connect, forever, sendJson, startServer, writeKubeconfig } from './support.ts';

const web = { namespace: 'default', name: 'web' };
const metadata = { ...web, uid: 'u1', resourceVersion: '7' };

/** Accepts connections to `port` and lets nothing through, as a server that is frozen, until it is told to. */
async function gate(port: number): Promise<{ url: string; sockets: Socket[]; open(): void }> {
  const sockets: Socket[] = [];
  let isOpen = false;
  const forward = (socket: Socket): void => {
    const upstream = connectTo(port, '127.0.0.1').on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  };
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    if (isOpen) forward(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const open = (): void => {
    isOpen = true;
    sockets.forEach(forward);
  };
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, open };
}

test.each(['a call', 'one for a lease', 'a watch'])(
  '%s ends when its time is up, also while a connection is being made',
  async (kind) => {
    const { url, sockets } = await gate(0);
    const clock = new ManualClock();
    const { client } = connect(writeKubeconfig({ server: url }), { clock });
    const signal = forever;
    const call =
      kind === 'a watch'
        ? collect(client.watch(secrets, { resourceVersion: '1', timeoutSeconds: 300, signal }))
        : client.get(kind === 'a call' ? secrets : leases, web, { signal });
    const told: string[] = [];
    call.catch((error: Error) => told.push(error.message));
    await eventually(() => expect(sockets).toHaveLength(1));
    await clock.advance(30_000);
    expect(told).toEqual([expect.stringContaining('no complete answer within 30 s')]);
    expect(clock.pending).toBe(0);
  },
);

test('nothing is sent for who gave up while a connection was being made, and others can use it', async () => {
  await using server = await startServer(
    (_, response) => sendJson(response, 200, { kind: 'Secret', metadata }),
    await loopbackTls(),
  );
  const { url, sockets, open } = await gate(Number(new URL(server.url).port));
  const { client, connection } = connect(writeKubeconfig({ server: url }));
  const stop = new AbortController();
  const told: string[] = [];
  client.get(secrets, web, { signal: stop.signal }).catch((error: Error) => told.push(error.message));
  await eventually(() => expect(sockets).toHaveLength(1));
  stop.abort(new Error('enough'));
  await settle();
  expect(told).toEqual(['enough']);
  open();
  await client.get(secrets, { ...web, name: 'other' }, { signal: forever });
  expect(server.requests.map(({ path }) => path)).toEqual(['/api/v1/namespaces/default/secrets/other']);
  await connection.close();
});
