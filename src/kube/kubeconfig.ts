import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
// The one file of the package that is needed: by its root the bundle would grow by 0.3 MB and every start take longer.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { load } from 'js-yaml';

/** A configuration with a current cluster. Its bearer token comes from `tokenFile` when there is one. */
export interface Configuration {
  config: KubeConfig;
  server: URL;
  proxy: string | undefined;
  /** The namespace that this process belongs to: that of its pod, or of the current context. */
  namespace: string;
  tokenFile: string | undefined;
}

/** Whether this process runs in a pod that has a service account. */
export function isInCluster(env: NodeJS.ProcessEnv, directory: string): boolean {
  return Boolean(env.KUBERNETES_SERVICE_HOST) && existsSync(join(directory, 'token'));
}

/** The configuration of a pod's service account. */
export function fromServiceAccount(env: NodeJS.ProcessEnv, directory: string): Configuration {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  const config = new KubeConfig();
  const caFile = join(directory, 'ca.crt');
  config.loadFromClusterAndUser({ name: 'in-cluster', server, caFile, skipTLSVerify: false }, { name: 'in-cluster' });
  const namespaceFile = join(directory, 'namespace');
  const namespace = existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : 'default';
  return complete(config, { namespace, tokenFile: join(directory, 'token') });
}

/** The kubeconfigs that kubectl would use: those of `KUBECONFIG`, or `~/.kube/config`; only files that exist. */
export function usualKubeconfigs(env: NodeJS.ProcessEnv): string[] {
  const files = env.KUBECONFIG ? env.KUBECONFIG.split(delimiter) : [join(homedir(), '.kube', 'config')];
  return files.filter((file) => file && existsSync(file));
}

/**
 * The configuration in one or more kubeconfigs; as with kubectl, the first file that defines something wins.
 * @param context which of its contexts; default: the current one
 */
export function fromKubeconfigs(files: readonly string[], context?: string): Configuration {
  const config = new KubeConfig();
  const tokenFiles = new Map<string, string>();
  for (const file of files) readKubeconfig(file, config, tokenFiles);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new Error(`the kubeconfig has no context ${context}`);
    config.setCurrentContext(context);
  }
  const user = config.getCurrentUser();
  announceToPlugin(user?.exec);
  const namespace = config.getContextObject(config.currentContext)?.namespace || 'default';
  return complete(config, { namespace, tokenFile: user ? tokenFiles.get(user.name) : undefined });
}

function readKubeconfig(file: string, config: KubeConfig, tokenFiles: Map<string, string>): void {
  try {
    const text = readFileSync(file, 'utf8');
    const content = load(text) as { users?: { name: string; user?: { tokenFile?: string } }[] } | undefined;
    if (typeof content !== 'object' || content === null) throw new Error('it is not a kubeconfig');
    const part = new KubeConfig();
    part.loadFromString(text);
    part.makePathsAbsolute(dirname(file));
    config.clusters.push(...part.clusters);
    config.users.push(...part.users);
    config.contexts.push(...part.contexts);
    config.currentContext ??= part.currentContext;
    // client-node overlooks this field.
    for (const { name, user } of content.users ?? []) {
      if (user?.tokenFile && !tokenFiles.has(name)) tokenFiles.set(name, resolve(dirname(file), user.tokenFile));
    }
  } catch (error) {
    // eslint-disable-next-line preserve-caught-error -- what is left out quotes the file, which holds secrets
    throw new Error(`the kubeconfig ${file} cannot be used: ${readableFault(error)}`);
  }
}

/** A YAML fault quotes the lines around it, and in a kubeconfig these may be a token or key. */
function readableFault(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  return error.name === 'YAMLException' ? 'it is not valid YAML' : error.message;
}

/** Credential plugins are told by this variable which version to answer in; client-node does not set it. */
function announceToPlugin(exec: { apiVersion?: string; env?: { name: string; value: string }[] } | undefined): void {
  if (!exec) return;
  const value = { apiVersion: exec.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  exec.env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(value) }];
}

function complete(config: KubeConfig, rest: Pick<Configuration, 'namespace' | 'tokenFile'>): Configuration {
  const cluster = config.getCurrentCluster();
  if (!cluster || !config.getCurrentUser()) {
    throw new Error(`the kubeconfig has no usable current context (${config.currentContext ?? 'none is set'})`);
  }
  if (!URL.canParse(cluster.server)) throw new Error(`the kubeconfig names no valid server URL for ${cluster.name}`);
  return { config, server: new URL(cluster.server), proxy: cluster.proxyUrl, ...rest };
}
