import { join } from 'node:path';

import { pinsOf } from '../go/pins.ts';
import { findTools, holdsAll, type Tools } from '../go/tools.ts';

/** The two programs of a control plane. */
export interface Binaries {
  etcd: string;
  kubeApiserver: string;
}

const module = join(import.meta.dirname, 'gomod');

/** Versions of what gomod/go.mod pins, like `v1.36.3`. */
export async function pinnedVersions(): Promise<{ kubernetes: string; etcd: string }> {
  const version = await pinsOf(module);
  return { kubernetes: version('k8s.io/kubernetes'), etcd: version('go.etcd.io/etcd/server/v3') };
}

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
    if (await holdsAll(assets, ['etcd', 'kube-apiserver'])) return binariesIn(assets);
    throw new Error(`KUBEBUILDER_ASSETS is ${assets}, which does not hold etcd and kube-apiserver`);
  }
  const folder = await findTools(await controlPlane(), { log, env });
  return folder === undefined ? undefined : binariesIn(folder);
}

function binariesIn(folder: string): Binaries {
  return { etcd: join(folder, 'etcd'), kubeApiserver: join(folder, 'kube-apiserver') };
}

async function controlPlane(): Promise<Tools> {
  const { kubernetes, etcd } = await pinnedVersions();
  const [major = '', minor = ''] = kubernetes.slice(1).split('.');
  const component = 'k8s.io/component-base/version';
  return {
    name: `control-plane-${kubernetes}-etcd-${etcd}`,
    title: `kube-apiserver ${kubernetes} and etcd ${etcd}`,
    takes: '4 minutes',
    module,
    programs: [
      { output: 'etcd', main: 'go.etcd.io/etcd/server/v3' },
      {
        output: 'kube-apiserver',
        main: 'k8s.io/kubernetes/cmd/kube-apiserver',
        // Without these the server calls itself v0.0.0 and clients complain.
        variables: {
          [`${component}.gitVersion`]: kubernetes,
          [`${component}.gitMajor`]: major,
          [`${component}.gitMinor`]: minor,
        },
      },
    ],
  };
}
