import { homedir } from 'node:os';
import { join } from 'node:path';

import { build, type Tools } from './build.ts';
import { executable, onPath } from './path.ts';

export type { Tools };

interface Options {
  log: (line: string) => void;
  env: NodeJS.ProcessEnv;
  /** False: only look in the cache. */
  build?: boolean;
}

/**
 * Finds the programs in the cache folder of the project, else builds them into it.
 * @returns the folder that holds all of them; undefined when they cannot be built: there is no Go, or it failed and `log`
 *   was told why
 */
export async function findTools(
  tools: Tools,
  { log, env, build: mayBuild = true }: Options,
): Promise<string | undefined> {
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'provider-certificates');
  const folder = join(cache, `${tools.name}-${process.platform}-${process.arch}`);
  const complete = (): Promise<boolean> =>
    holdsAll(
      folder,
      tools.programs.map(({ output }) => output),
    );
  if (await complete()) return folder;
  if (!mayBuild || (await onPath('go', env)) === undefined) return undefined;
  try {
    await build(tools, folder, { log, env, complete });
  } catch (error) {
    log((error as Error).message);
  }
  return (await complete()) ? folder : undefined;
}

export async function holdsAll(folder: string, names: readonly string[]): Promise<boolean> {
  return (await Promise.all(names.map((name) => executable(join(folder, name))))).every(Boolean);
}
