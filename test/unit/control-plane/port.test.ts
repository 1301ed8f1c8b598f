import { once } from 'node:events';
import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { freePort } from '../../../sandbox/control-plane/port.ts';

test('a port that is in use is not called free', async () => {
  const sequence =
    (...values: number[]) =>
    (): number =>
      values.shift()!;
  const taken = await freePort();
  const chance = (taken - 16_000 + 0.5) / 14_000; // makes it choose this port
  const server = createServer().listen(taken, '127.0.0.1');
  await once(server, 'listening');
  const port = await freePort(sequence(chance, chance, 0.5, 0.6, 0.7));
  expect(port).not.toBe(taken);
  server.close();
  await once(server, 'close');
  expect(await freePort(sequence(chance))).toBe(taken);
});
