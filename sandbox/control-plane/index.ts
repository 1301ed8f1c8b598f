import { findBinaries } from './binaries.ts';
import type { ControlPlane } from './control-plane.ts';
import type { PolicyRule } from './service-account.ts';

export type { ControlPlane, PolicyRule };

/**
 * Starts etcd and kube-apiserver on free loopback ports and waits until they are ready; see binaries.ts for where the
 * programs come from. Without them, and without Go to build them, K3s is started in Docker.
 * There is no controller manager: nothing ends a namespace that is terminating, nothing collects garbage, and no
 * ServiceAccount or ConfigMap appears in a new namespace.
 * @param log told what takes long, one line at a time
 * @throws one sentence naming the ways to get a control plane, when there is none
 */
export async function startControlPlane({
  log = console.error,
}: { log?: (line: string) => void } = {}): Promise<ControlPlane> {
  const binaries = await findBinaries({ log });
  if (binaries) return (await import('./native.ts')).startNative(binaries, log);
  try {
    return await (await import('./k3s.ts')).startK3s(log);
  } catch (error) {
    throw new Error(
      'No control plane can be started: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver ' +
        '(`setup-envtest use` fetches one), or install Go 1.26 to build them once, or run a Docker engine that can pull K3s',
      { cause: error },
    );
  }
}
