import type { Command } from 'commander';
import type { Logger } from 'pino';
import { namespacePattern, objectNamePattern } from './names.ts';
import { systemClock as clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import { Failure } from './failure.ts';
import type { Shell } from './shell.ts';

/** As kubectl has them. */
export interface ClusterFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
}

const flags = [
  ['--kubeconfig <file>', 'how to reach the cluster (default: as kubectl finds it)'],
  ['--context <name>', 'a context of the kubeconfig (default: its current one)'],
  ['-n, --namespace <name>', 'where the objects are (default: the namespace of the context)'],
] as const;

/** Takes these flags before and after the name of a command. */
export function addClusterFlags(program: Command): void {
  for (const [flag, description] of flags) program.option(flag, description);
}

/** For a command that talks to no cluster: a flag that would do nothing is an error. */
export function offline(command: Command): void {
  command.configureHelp({ showGlobalOptions: false }).hook('preAction', (_, action) => {
    const given = Object.keys(action.parent?.opts<ClusterFlags>() ?? {});
    if (given.length > 0) throw new Failure(`${action.name()} talks to no cluster and takes no --${given[0]}.`);
  });
}

export interface Cluster extends AsyncDisposable {
  client: KubeClient;
  /** That of `--namespace`, or of the context. */
  namespace: string;
  logger: Logger;
}

/** @throws Failure when there is no usable configuration; nothing is sent yet */
export async function connect({ kubeconfig, context, namespace }: ClusterFlags, { env }: Shell): Promise<Cluster> {
  if (namespace !== undefined && !namespacePattern.test(namespace))
    throw new Failure(`--namespace must be the name of a namespace, not ${JSON.stringify(namespace)}`);
  // Most of the time that it takes to start, which commands without a cluster need not wait for.
  const [{ loadConnection }, { Transport }, { KubeClient }, { pino }] = await Promise.all([
    import('../kube/config.ts'),
    import('../kube/transport.ts'),
    import('../kube/client.ts'),
    import('pino'),
  ]);
  const logger = pino({ level: 'silent' });
  try {
    const connection = loadConnection({ kubeconfig, context, podLast: true, env, logger, clock });
    const wire = new Transport(connection, { clock, logger, userAgent: 'kubectl-pcert' });
    return {
      client: new KubeClient(wire, { clock }),
      namespace: namespace ?? connection.namespace,
      logger,
      [Symbol.asyncDispose]: () => connection.close(),
    };
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

/** Names given on the command line become parts of URLs. */
export function objectNames(names: readonly string[]): string[] {
  const wrong = names.find((name) => name.length > 253 || !objectNamePattern.test(name));
  if (wrong !== undefined) throw new Failure(`${JSON.stringify(wrong)} cannot be the name of an object`);
  return [...new Set(names)];
}

/**
 * What a call to the API server met, for the user.
 * @param what was asked for, to stand after "There is no"
 */
export function explained(error: unknown, what: string): unknown {
  if (!(error instanceof KubeError)) return error;
  if (error.reason === 'NotFound') return new Failure(`There is no ${what}.`);
  // A server that has never heard of a kind has no Kubernetes answer for it.
  if (error.status === 404)
    return new Failure('The cluster does not know the kinds of provider-certificates: its CRDs are not installed.');
  return new Failure(error.message);
}
