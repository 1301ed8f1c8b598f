import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startNative } from '../../../sandbox/control-plane/native.ts';
import { ProcessGroup } from '../../../sandbox/control-plane/processes.ts';
import { PortTakenError, Server } from '../../../sandbox/control-plane/server.ts';
import { eventually } from '../../support/eventually.ts';

let group: ProcessGroup;
let lines: string[];

beforeEach(async () => {
  group = await ProcessGroup.start();
  lines = [];
});

afterEach(() => group.end());

/** A server that is a shell script; it is ready as soon as it has written a file of that name. */
function server(script: string): Server {
  return new Server({
    name: 'example',
    file: 'sh',
    args: ['-c', script],
    ready: async () => existsSync(join(group.directory, 'ready')),
    group,
    log: (line) => lines.push(line),
  });
}

describe('a server', () => {
  test('is started, killed and started again', async () => {
    const example = server('echo start >>starts; touch ready; exec sleep 1000');
    await example.start();
    await example.kill();
    await example.kill();
    await example.start();
    const starts = join(group.directory, 'starts');
    await eventually(() => expect(readFileSync(starts, 'utf8')).toBe('start\nstart\n'));
    expect(lines).toEqual([]);
  });

  test('that ends before it is ready says why', async () => {
    await expect(server('echo one; echo the flag is unknown >&2; exit 1').start()).rejects.toThrow(
      'example ended before it was ready:\none\nthe flag is unknown',
    );
  });

  test('that finds its port taken says so', async () => {
    const script = 'echo "listen tcp 127.0.0.1:1: bind: address already in use"; exit 1';
    await expect(server(script).start()).rejects.toBeInstanceOf(PortTakenError);
  });

  test('that ends by itself leaves a word', async () => {
    await server('mkfifo go; touch ready; read line <go; echo out of memory; exit 2').start();
    const go = await group.spawn({ file: 'sh', args: ['-c', 'echo now >go'], log: join(group.directory, 'go.log') });
    await go.exited;
    await eventually(() => expect(lines).toEqual(['example has ended: out of memory']));
  });
});

test('a control plane whose ports are taken again and again gives up, and leaves nothing behind', async () => {
  const script = join(group.directory, 'etcd');
  const write = `printf '#!/bin/sh\npwd >>${group.directory}/tries; echo bind: address already in use; exit 1\n'`;
  const make = await group.spawn({
    file: 'sh',
    args: ['-c', `${write} >${script}; chmod +x ${script}`],
    log: join(group.directory, 'make.log'),
  });
  await make.exited;
  const started = startNative({ etcd: script, kubeApiserver: script }, (line) => lines.push(line));
  await expect(started).rejects.toBeInstanceOf(PortTakenError);
  const folders = readFileSync(join(group.directory, 'tries'), 'utf8').trim().split('\n');
  expect(new Set(folders).size).toBe(5);
  expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
});
