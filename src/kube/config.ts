import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Connection } from './connection.ts';
import { CredentialSource } from './credentials.ts';
import { fromKubeconfigs, fromServiceAccount, isInCluster, usualKubeconfigs } from './kubeconfig.ts';

interface Options {
  /** Path of a kubeconfig. Without it: the service account of the pod, then `KUBECONFIG`, then `~/.kube/config`. */
  kubeconfig?: string | undefined;
  /** A context of the kubeconfig. Default: its current one. */
  context?: string | undefined;
  /** As kubectl looks: the service account of the pod is for when there is no kubeconfig. */
  podLast?: boolean;
  logger: Logger;
  clock: Clock;
  env?: NodeJS.ProcessEnv;
  /** Where the kubelet puts token and CA of the pod's service account. */
  serviceAccount?: string;
}

/**
 * Finds out where the API server is and what to be known to it by. Nothing is sent yet; tokens and certificates are read
 * with the first call.
 * @throws Error, one clear line, when there is no usable configuration
 */
export function loadConnection({
  kubeconfig,
  context,
  podLast = false,
  logger,
  clock,
  env = process.env,
  serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount',
}: Options): Connection {
  const source = new CredentialSource(() => {
    if (kubeconfig) return fromKubeconfigs([kubeconfig], context);
    const files = usualKubeconfigs(env);
    const pod = isInCluster(env, serviceAccount) && context === undefined && !(podLast && files.length > 0);
    if (pod) return fromServiceAccount(env, serviceAccount);
    if (files.length > 0) return fromKubeconfigs(files, context);
    const why = env.KUBECONFIG
      ? `KUBECONFIG names ${env.KUBECONFIG}, which does not exist`
      : 'this is no pod, and there is no --kubeconfig, KUBECONFIG or ~/.kube/config';
    throw new Error(`no API server is configured: ${why}`);
  });
  return new Connection({ source, logger, clock });
}
