import { createReadStream } from 'node:fs';
import { loadAll } from 'js-yaml';
import { Failure } from './failure.ts';
import type { Shell } from './shell.ts';

/** Larger than anything that the gate takes, and than any manifest. */
const mostBytes = 1024 * 1024;

/**
 * The bytes of a file, or of what is piped in for `-`.
 * @throws Failure for what cannot be read, and for what is far too large
 */
export async function readInput(path: string, { input }: Pick<Shell, 'input'>): Promise<Buffer> {
  const bytes = path === '-' ? await input() : await readFile(path);
  if (bytes.length > mostBytes) throw new Failure(`${path} is larger than ${mostBytes / 1024} KiB`);
  return bytes;
}

async function readFile(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    // One byte more than wanted tells that there are more; and a pipe has no size to ask for.
    for await (const chunk of createReadStream(path, { end: mostBytes })) chunks.push(chunk as Buffer);
  } catch (error) {
    const { code = 'unknown fault' } = error as NodeJS.ErrnoException;
    throw new Failure(`${path} cannot be read (${code})`);
  }
  return Buffer.concat(chunks);
}

/** The objects in a YAML or JSON file; what is none is left out. */
export async function readObjects(path: string, shell: Pick<Shell, 'input'>): Promise<Record<string, unknown>[]> {
  const text = (await readInput(path, shell)).toString('utf8');
  try {
    return loadAll(text).filter(
      (document): document is Record<string, unknown> => typeof document === 'object' && document !== null,
    );
  } catch {
    // The fault quotes the lines around it, and these may be credentials.
    throw new Failure(`${path} is not valid YAML`);
  }
}
