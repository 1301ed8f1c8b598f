import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Api } from './api.ts';
import { kubeconfig } from './kubeconfig.ts';

/** rbac.authorization.k8s.io/v1 PolicyRule */
export interface PolicyRule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

export interface ServiceAccountRequest {
  namespace: string;
  name: string;
  /** Granted in the whole cluster. */
  rules: PolicyRule[];
  /** Granted in one namespace each. */
  namespacedRules?: { namespace: string; rules: PolicyRule[] }[];
}

const rbac = 'rbac.authorization.k8s.io';

/**
 * Makes a ServiceAccount (and the namespaces named) with exactly these permissions, or changes its permissions to
 * these, and writes a kubeconfig with a token for it.
 * @returns the path of the kubeconfig; the token is good for a day
 */
export async function createServiceAccount(
  api: Api,
  directory: string,
  { namespace, name, rules, namespacedRules = [] }: ServiceAccountRequest,
): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const id = `${namespace}:${name}`;
  const subjects = [{ kind: 'ServiceAccount', namespace, name }];
  const grant = async (path: string, scope: { namespace?: string }, rules: PolicyRule[]): Promise<void> => {
    const kind = scope.namespace ? 'Role' : 'ClusterRole';
    const meta = { apiVersion: `${rbac}/v1`, metadata: { ...scope, name: id } };
    await api.apply(`${path}/${kind.toLowerCase()}s`, { ...meta, kind, rules });
    const roleRef = { apiGroup: rbac, kind, name: id };
    await api.apply(`${path}/${kind.toLowerCase()}bindings`, { ...meta, kind: `${kind}Binding`, roleRef, subjects });
  };

  for (const name of new Set([namespace, ...namespacedRules.map((grant) => grant.namespace)])) {
    await api.apply('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  await api.apply(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } });
  await grant(`/apis/${rbac}/v1`, {}, rules);
  for (const { namespace, rules } of namespacedRules) {
    await grant(`/apis/${rbac}/v1/namespaces/${namespace}`, { namespace }, rules);
  }
  return kubeconfigOf(api, directory, { namespace, name });
}

/**
 * Writes a kubeconfig with a token for a ServiceAccount that is there.
 * @returns its path; the token is good for a day
 */
export async function kubeconfigOf(
  api: Api,
  directory: string,
  { namespace, name }: { namespace: string; name: string },
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { status } = await api.post<{ status: { token: string } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 86_400 },
  });
  const file = join(directory, `${namespace}.${name}.kubeconfig`);
  const { url, ca } = api.access;
  await writeFile(file, kubeconfig(`${namespace}:${name}`, { url, ca, token: status.token }, namespace), {
    mode: 0o600,
  });
  return file;
}
