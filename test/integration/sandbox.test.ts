import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { eventually } from '../support/eventually.ts';

const root = join(import.meta.dirname, '../..');

/** Everything that the sandbox leaves behind would be in here. */
let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'sandbox-test-'));
});
afterEach(() => rm(temporary, { recursive: true }));

function sandbox(...args: string[]): { output: () => string; ended: Promise<unknown[]>; interrupt: () => void } {
  const child = spawn(process.execPath, [join(root, 'sandbox/main.ts'), ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { output: () => output, ended: once(child, 'exit'), interrupt: () => void child.kill('SIGINT') };
}

const isEmpty = (): Promise<void> => eventually(async () => expect(await readdir(temporary)).toEqual([]));

test('the tour goes from the first Secret to a refused bundle, and leaves nothing behind', async () => {
  const { output, ended } = sandbox('--once');
  const [code] = await ended;
  expect(output()).toContain('verified as www.example.com');
  expect(output()).toMatch(/It was refused, and the Secret is as it was \(still Valid\)/);
  expect(code).toBe(0);
  await isEmpty();
});

test('Ctrl-C in the middle of it leaves nothing behind either', async () => {
  const { output, ended, interrupt } = sandbox();
  await eventually(() => expect(output()).toContain('1. Applying'), { timeoutMs: 100_000 });
  interrupt();
  expect(await ended).toEqual([130, null]);
  await isEmpty();
});
