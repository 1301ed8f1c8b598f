import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { ProcessGroup } from '../../../sandbox/control-plane/processes.ts';
import { eventually } from '../../support/eventually.ts';

/** Whether it runs; one that has ended may wait a while for somebody to take note of it. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout !== '' && !stdout.startsWith('Z');
}

/** The pid that a shell wrote, of the child it started. */
function childOf(log: string): Promise<number> {
  return eventually(async () => {
    const pid = Number(await readFile(log, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  });
}

describe('a group of processes', () => {
  test('ends with everything in it', async () => {
    const group = await ProcessGroup.start();
    const log = join(group.directory, 'log');
    const shell = await group.spawn({ file: 'sh', args: ['-c', 'sleep 1000 & echo $!; wait'], log });
    const child = await childOf(log);
    await group.end();
    expect(await shell.exited).toMatchObject({ signal: 'SIGKILL' });
    expect([isAlive(shell.pid), isAlive(child), existsSync(group.directory)]).toEqual([false, false, false]);
    await group.end();
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'exit'] as const)(
    'ends when its owner ends by %s',
    async (how) => {
      const owner = fork(join(import.meta.dirname, 'processes.parent.ts'), { execArgv: [], stdio: 'ignore' });
      const [{ pid, directory }] = (await once(owner, 'message')) as [{ pid: number; directory: string }];
      const child = await childOf(join(directory, 'log'));
      expect([isAlive(pid), isAlive(child)]).toEqual([true, true]);
      if (how === 'exit') owner.send('exit');
      else owner.kill(how);
      await eventually(() => {
        expect([isAlive(pid), isAlive(child), existsSync(directory)]).toEqual([false, false, false]);
      });
    },
  );

  test('ends when its supervisor is killed', async () => {
    const group = await ProcessGroup.start();
    const sleeper = await group.spawn({ file: 'sleep', args: ['1000'], log: join(group.directory, 'log') });
    const { stdout } = spawnSync('ps', ['-o', 'ppid=', '-p', String(sleeper.pid)], { encoding: 'utf8' });
    process.kill(Number(stdout), 'SIGKILL');
    await sleeper.exited;
    await eventually(() => expect(isAlive(sleeper.pid)).toBe(false));
    await expect(group.spawn({ file: 'true', args: [], log: '/dev/null' })).rejects.toThrow(/closed/i);
    rmSync(group.directory, { recursive: true });
  });

  test('says how a process ended', async () => {
    await using group = await ProcessGroup.start();
    const log = join(group.directory, 'log');
    const failing = await group.spawn({ file: 'sh', args: ['-c', 'echo bye; exit 3'], log });
    expect(await failing.exited).toEqual({ code: 3, signal: null });
    expect(failing.exit).toEqual({ code: 3, signal: null });
    expect(await readFile(log, 'utf8')).toBe('bye\n');
    failing.kill('SIGTERM'); // too late, and harmless
    const stopped = await group.spawn({ file: 'sleep', args: ['1000'], log });
    expect(stopped.exit).toBeUndefined();
    stopped.kill('SIGTERM');
    expect(await stopped.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('refuses what cannot be started, and stays usable', async () => {
    await using group = await ProcessGroup.start();
    const log = join(group.directory, 'log');
    await expect(group.spawn({ file: '/does/not/exist', args: [], log })).rejects.toThrow('ENOENT');
    await expect(group.spawn({ file: 'true', args: [], log: '/does/not/exist' })).rejects.toThrow('ENOENT');
    const shell = await group.spawn({ file: 'true', args: [], log });
    expect(await shell.exited).toEqual({ code: 0, signal: null });
  });

  test('has a folder that only its owner can read', async () => {
    await using group = await ProcessGroup.start();
    const { stdout } = await run(group, 'ls', '-ld', group.directory);
    expect(stdout).toMatch(/^drwx------/);
  });
});

async function run(group: ProcessGroup, file: string, ...args: string[]): Promise<{ stdout: string }> {
  const log = join(group.directory, 'output');
  await (
    await group.spawn({ file, args, log })
  ).exited;
  return { stdout: await readFile(log, 'utf8') };
}
