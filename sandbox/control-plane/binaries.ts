import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { type Binaries, binariesIn, buildBinaries, executable, pinnedVersions } from './build.ts';

/**
 * Finds etcd and kube-apiserver in `KUBEBUILDER_ASSETS`, else in the cache folder of the project, else builds them
 * into that folder.
 * @returns undefined when they cannot be built: there is no Go, or it failed and `log` was told why
 * @throws when `KUBEBUILDER_ASSETS` is set and lacks one of them
 */
export async function findBinaries({
  log,
  env = process.env,
}: {
  log: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}): Promise<Binaries | undefined> {
  const assets = env['KUBEBUILDER_ASSETS'];
  if (assets) {
    const found = await binariesIn(assets);
    if (!found) throw new Error(`KUBEBUILDER_ASSETS is ${assets}, which does not hold etcd and kube-apiserver`);
    return found;
  }
  const { kubernetes, etcd } = await pinnedVersions();
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'provider-certificates');
  const folder = join(cache, `control-plane-${kubernetes}-etcd-${etcd}-${process.platform}-${process.arch}`);
  const cached = await binariesIn(folder);
  if (cached) return cached;
  if (!(await onPath('go', env))) return undefined;
  try {
    await buildBinaries(folder, { log, env });
  } catch (error) {
    log((error as Error).message);
  }
  return binariesIn(folder);
}

async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder && (await executable(join(folder, name)))) return true;
  }
  return false;
}
