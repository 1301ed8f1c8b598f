import type { ServiceAccountRequest } from './service-account.ts';

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
