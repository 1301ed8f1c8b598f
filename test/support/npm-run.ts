import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually } from './eventually.ts';

const root = join(import.meta.dirname, '..', '..');

/** A temporary folder that is empty, and gone afterwards. */
export async function emptyFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'acceptance-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The command lines of processes that name the folder. */
export async function processesOf(folder: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'args=']);
  return stdout.split('\n').filter((line) => line.includes(folder));
}

/** A script of this package as a user starts it, in a process group of its own as a shell would give it. */
export function npmRun(
  folder: string,
  ...args: string[]
): { pid: number; exited: Promise<[code: number | null, signal: string | null]>; output: () => string } {
  const child = spawn('npm', ['run', ...args], {
    cwd: root,
    // npm keeps a cache of its own in the folder for temporary files.
    env: { ...process.env, TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  return { pid: child.pid ?? 0, exited, output: () => output };
}

/** Waits until the folder is empty and no process names it. */
export async function nothingIsLeft(folder: string): Promise<void> {
  await eventually(async () => {
    expectNothing(await processesOf(folder));
    expectNothing(await readdir(folder));
  });
}

function expectNothing(found: readonly string[]): void {
  if (found.length > 0) throw new Error(`There still is ${found.join(', ')}`);
}
