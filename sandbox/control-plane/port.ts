import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A loopback port that was free a moment ago. It is taken below the range from which systems hand out ports to
 * outgoing connections, so that a server that was killed finds its port free when it starts again.
 */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (;;) {
    const port = 16_000 + Math.floor(random() * 14_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false, // `once` rejects with the error event
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
