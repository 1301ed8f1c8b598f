import type { ApiObject } from '../../sandbox/control-plane/api.ts';
import type { PolicyRule } from '../../sandbox/control-plane/index.ts';
import type { Endpoint } from './provider.ts';

/** Where the objects of a scenario are, and what they speak to. */
export interface Place {
  /** Of the provider object and, unless said otherwise, of the certificates. */
  namespace: string;
  provider: Endpoint;
  /** How often the provider is asked for news, as a Go duration. */
  pollInterval: string;
  /** One provider object serves all namespaces. */
  clusterWide: boolean;
}

/** One certificate that is wanted as a Secret. */
export interface Wanted {
  namespace: string;
  /** Of the object and of the Secret. */
  name: string;
  /** Name of the certificate at the provider. */
  remote: string;
}

export interface Program {
  file: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

/** An operator that is measured: how it is run, and what its users write. */
export interface Subject {
  readonly name: string;
  /** What it may do in the whole cluster. */
  readonly rules: PolicyRule[];
  /** Its CRDs. */
  definitions(): Promise<ApiObject[]>;
  program(o: { kubeconfig: string; port: number; home: string }): Program;
  /** What is there before the first certificate is wanted. */
  setup(place: Place): ApiObject[];
  /** Whether all of the setup is in use, by the objects as they are now; absent: that cannot be seen. */
  inUse?(setup: ApiObject[]): boolean;
  certificate(wanted: Wanted, place: Place): ApiObject;
  isReady(certificate: ApiObject): boolean;
}
