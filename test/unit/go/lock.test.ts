import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { withLock } from '../../../sandbox/go/lock.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
  file = join(directory, 'lock');
});

afterEach(() => rm(directory, { recursive: true }));

/** Tries to get the lock, and says whether it had to wait before it got it. */
async function attempt(): Promise<{ waited: boolean }> {
  let waited = false;
  const giveUp = (): void => {
    waited = true;
    void rm(file); // as its holder would
  };
  await withLock(file, { waiting: giveUp, pollMs: 5 }, async () => {});
  return { waited };
}

test('one at a time, and everybody gets his turn', async () => {
  let inside = 0;
  let turns = 0;
  const work = async (): Promise<void> => {
    expect(++inside).toBe(1);
    await setTimeout(5);
    inside--;
    turns++;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(file, { waiting: () => {}, pollMs: 1 }, work)));
  expect(turns).toBe(8);
  expect(await readdir(directory)).toEqual([]);
});

test('is given back when the work fails', async () => {
  const failing = withLock(file, { waiting: () => {} }, () => Promise.reject(new Error('it failed')));
  await expect(failing).rejects.toThrow('it failed');
  expect(await readdir(directory)).toEqual([]);
});

test('is respected while its process lives', async () => {
  await writeFile(file, `${hostname()} ${process.pid}\n`);
  expect(await attempt()).toEqual({ waited: true });
});

test('is respected when its process cannot be seen from here', async () => {
  await writeFile(file, 'another-machine 1\n');
  expect(await attempt()).toEqual({ waited: true });
});

test('is void when its process is gone', async () => {
  await writeFile(file, `${hostname()} ${2 ** 30}\n`);
  expect(await attempt()).toEqual({ waited: false });
});

test('is void when nobody has touched it for half a minute', async () => {
  await writeFile(file, 'another-machine 1\n');
  const before = (Date.now() - 31_000) / 1_000;
  await utimes(file, before, before);
  expect(await attempt()).toEqual({ waited: false });
});
