import { findBinaries } from './binaries.ts';
import type { PolicyRule, ServiceAccountRequest } from './service-account.ts';

export type { PolicyRule, ServiceAccountRequest };

/** A real API server on loopback, with RBAC, that is gone with this process at the latest. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:port`; the same after a restart. */
  readonly url: string;
  /** Path of a kubeconfig of a cluster administrator. */
  readonly adminKubeconfig: string;
  /** A temporary folder, readable by this user only, that goes with the control plane. */
  readonly directory: string;
  /**
   * Makes a ServiceAccount with exactly these permissions and its namespaces.
   * @returns the path of a kubeconfig with a token of it
   */
  serviceAccount(request: ServiceAccountRequest): Promise<string>;
  /** `kill -9` of kube-apiserver; what it holds stays. */
  kill(): Promise<void>;
  /** Starts kube-apiserver again, on the same port with the same data; kills it first when it runs. */
  restart(): Promise<void>;
  /** Stops kube-apiserver in its tracks: connections stay open and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
  /** What kube-apiserver serves at `/metrics`. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

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
