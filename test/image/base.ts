import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { type Engine, runLabel } from './engine.ts';

/**
 * Makes an image with Node and the libraries that it needs from those of this machine, and with nothing else: no shell, no
 * users, no /tmp.
 * @param folder empty; where it is laid out
 * @param run for the label
 */
export async function makeBase(
  engine: Engine,
  name: string,
  { folder, run }: { folder: string; run: string },
): Promise<void> {
  const node = process.execPath;
  const { stdout } = await promisify(execFile)('ldd', [node]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  for (const path of libraries) await put(await realpath(path), join(folder, path));
  await put(node, join(folder, 'usr', 'local', 'bin', 'node'));
  const tar = spawn('tar', ['-C', folder, '--owner=0', '--group=0', '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [repo, tag] = name.split(':');
  const progress = await engine.importImage(tar.stdout, { repo, tag, changes: `LABEL ${runLabel}=${run}` });
  await promisify(engine.modem.followProgress.bind(engine.modem))(progress);
}

async function put(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
