import { appendFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { inject } from 'vitest';

import { Excerpts, pieceLength } from './excerpts.ts';
import { type RunFolders, runFolders } from './run.ts';

/**
 * For tests: secrets that must never show up in a log, an event or a status. When the run ends it is searched for
 * excerpts of them, also encoded. Private keys and credentials in any Secret of the shared control plane are remembered
 * without this; it is for those that never come to be in one.
 */
export function canary(...values: readonly string[]): void {
  rememberCanaries(runFolders(inject('runDirectory')).canaries, values);
}

/** @param folder `canaries` of the run */
export function rememberCanaries(folder: string, values: readonly string[]): void {
  if (values.length === 0) return;
  for (const value of values) {
    if (value.length < pieceLength) throw new Error(`A canary must have at least ${pieceLength} characters`);
  }
  appendFileSync(join(folder, `${process.pid}.txt`), values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/**
 * Searches the logs and the objects of a run for its canaries.
 * @returns one line per place where one was found, without it
 */
export async function findCanaries(folders: RunFolders): Promise<string[]> {
  const excerpts = new Excerpts();
  for (const file of await filesOf(folders.canaries)) {
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
    for (const line of new Set(lines)) for (const form of forms(JSON.parse(line) as string)) excerpts.add(form);
  }
  const found: string[] = [];
  for (const file of [...(await filesOf(folders.logs)), folders.objects]) {
    const lines = excerpts.linesOf(await readFile(file));
    found.push(...lines.map((line) => `a secret is in ${basename(file)}, line ${line}`));
  }
  return found;
}

/** How a secret may look where it must not be. What begins and ends a PEM is none. */
function forms(value: string): string[] {
  const lines = value.split('\n').filter((line) => !line.startsWith('-----'));
  return lines.flatMap((line) => [line, encodeURIComponent(line), ...encoded(line)]);
}

/** Within something that was encoded as a whole it starts at any of three places, and only its middle looks the same. */
function encoded(value: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.from(' '.repeat(before) + value);
    return bytes.toString('base64').slice(before === 0 ? 0 : 4, Math.floor(bytes.length / 3) * 4);
  });
}

async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((file) => join(folder, file));
}
