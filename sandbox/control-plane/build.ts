import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { withLock } from './lock.ts';
import { ProcessGroup } from './processes.ts';

/** The two programs of a control plane. */
export interface Binaries {
  etcd: string;
  kubeApiserver: string;
}

const module = join(import.meta.dirname, 'gomod');

/** The programs in a folder, or undefined unless it holds both. */
export async function binariesIn(folder: string): Promise<Binaries | undefined> {
  const binaries = { etcd: join(folder, 'etcd'), kubeApiserver: join(folder, 'kube-apiserver') };
  return (await executable(binaries.etcd)) && (await executable(binaries.kubeApiserver)) ? binaries : undefined;
}

/** Whether a file is there and may be run. */
export function executable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Versions of what gomod/go.mod pins, like `v1.36.3`. */
export async function pinnedVersions(): Promise<{ kubernetes: string; etcd: string }> {
  const pins = await readFile(join(module, 'go.mod'), 'utf8');
  const version = (path: string): string => {
    const line = pins.split('\n').find((line) => line.trim().startsWith(`${path} v`));
    if (!line) throw new Error(`gomod/go.mod does not require ${path}`);
    return line.trim().split(' ')[1]!;
  };
  return { kubernetes: version('k8s.io/kubernetes'), etcd: version('go.etcd.io/etcd/server/v3') };
}

/**
 * Builds etcd and kube-apiserver into `folder`, which appears complete or not at all. Whoever comes while another
 * process builds waits for that one's result.
 * @throws with the last lines of Go's output when the build fails
 */
export async function buildBinaries(
  folder: string,
  { log, env }: { log: (line: string) => void; env: NodeJS.ProcessEnv },
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const waiting = (): void => log('waiting for another process that builds etcd and kube-apiserver');
  await withLock(`${folder}.lock`, { waiting }, async () => {
    if (await binariesIn(folder)) return;
    await rm(folder, { recursive: true, force: true });
    await removeLeftovers(folder);
    await using group = await ProcessGroup.start(`${folder}.building-`);
    const { kubernetes, etcd } = await pinnedVersions();
    log(`building kube-apiserver ${kubernetes} and etcd ${etcd} from Go modules: once, about 4 minutes on 2 cores`);
    const start = Date.now();
    const progress = setInterval(() => log(`still building, ${Math.round((Date.now() - start) / 1000)} s`), 30_000);
    try {
      await goBuild(group, env, { output: 'etcd', main: 'go.etcd.io/etcd/server/v3', flags: '' });
      // Without these the server calls itself v0.0.0 and clients complain.
      const [major, minor] = kubernetes.slice(1).split('.');
      const version = { gitVersion: kubernetes, gitMajor: major, gitMinor: minor };
      const flags = Object.entries(version).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
      const main = 'k8s.io/kubernetes/cmd/kube-apiserver';
      await goBuild(group, env, { output: 'kube-apiserver', main, flags: flags.join(' ') });
    } finally {
      clearInterval(progress);
    }
    await rename(join(group.directory, 'bin'), folder).catch(async (error: unknown) => {
      if (!(await binariesIn(folder))) throw error;
    });
    log(`built in ${Math.round((Date.now() - start) / 1000)} s into ${folder}`);
  });
}

async function goBuild(
  group: ProcessGroup,
  env: NodeJS.ProcessEnv,
  { output, main, flags }: { output: string; main: string; flags: string },
): Promise<void> {
  const log = join(group.directory, `${output}.log`);
  const go = await group.spawn({
    file: 'go',
    args: [
      'build',
      '-mod=readonly',
      '-trimpath',
      '-buildvcs=false',
      `-ldflags=-s -w ${flags}`,
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
