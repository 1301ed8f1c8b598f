import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { ProcessGroup } from '../control-plane/processes.ts';
import { withLock } from './lock.ts';

/** A program that is built from Go modules. */
export interface Program {
  /** Name of its file. */
  output: string;
  /** Path of its main package. */
  main: string;
  /** Values of string variables that are set at link time: `path.name` to value. */
  variables?: Record<string, string>;
  tags?: string;
}

/** Programs that are built together, from one go.mod that pins what they are made of. */
export interface Tools {
  /** Names their folder in the cache: has all versions in it. */
  name: string;
  /** What people call them. */
  title: string;
  /** How long a first build takes on 2 cores, in words. */
  takes: string;
  /** Folder of the go.mod. */
  module: string;
  programs: readonly Program[];
}

interface Options {
  log: (line: string) => void;
  env: NodeJS.ProcessEnv;
  /** Whether `folder` holds all programs. */
  complete: () => Promise<boolean>;
}

/**
 * Builds programs into `folder`, which appears complete or not at all. Whoever comes while another process builds waits
 * for that one's result.
 * @throws with the last lines of Go's output when the build fails
 */
export async function build(
  { title, takes, module, programs }: Tools,
  folder: string,
  { log, env, complete }: Options,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const waiting = (): void => log(`waiting for another process that builds ${title}`);
  await withLock(`${folder}.lock`, { waiting }, async () => {
    if (await complete()) return;
    await rm(folder, { recursive: true, force: true });
    await removeLeftovers(folder);
    await using group = await ProcessGroup.start(`${folder}.building-`);
    log(`building ${title} from Go modules: once, about ${takes} on 2 cores`);
    const start = Date.now();
    const progress = setInterval(() => log(`still building, ${Math.round((Date.now() - start) / 1000)} s`), 30_000);
    try {
      for (const program of programs) await goBuild(group, env, module, program);
    } finally {
      clearInterval(progress);
    }
    await rename(join(group.directory, 'bin'), folder).catch(async (error: unknown) => {
      if (!(await complete())) throw error;
    });
    log(`built in ${Math.round((Date.now() - start) / 1000)} s into ${folder}`);
  });
}

async function goBuild(
  group: ProcessGroup,
  env: NodeJS.ProcessEnv,
  module: string,
  { output, main, variables = {}, tags = '' }: Program,
): Promise<void> {
  const log = join(group.directory, `${output}.log`);
  const settings = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  const go = await group.spawn({
    file: 'go',
    args: [
      'build',
      '-mod=readonly',
      '-trimpath',
      '-buildvcs=false',
      `-tags=${tags}`,
      `-ldflags=${['-s -w', ...settings].join(' ')}`,
      `-o=${join(group.directory, 'bin', output)}`,
      main,
    ],
    cwd: module,
    env: { ...env, CGO_ENABLED: '0', GOWORK: 'off', GOTMPDIR: group.directory },
    log,
  });
  const { code, signal } = await go.exited;
  if (code === 0) return;
  const lines = (await readFile(log, 'utf8')).trim().split('\n').slice(-5).join('\n');
  throw new Error(`Building ${output} from Go modules failed (${signal ?? `exit code ${code}`}):\n${lines}`);
}

/** Folders of builds whose supervisor was killed too. A build takes minutes: what is an hour old is nobody's. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.building-`)) continue;
    const path = join(dirname(folder), name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}
