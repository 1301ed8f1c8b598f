import { join } from 'node:path';

import { inject } from 'vitest';

import type { Api } from '../../sandbox/control-plane/api.ts';
import { freePort } from '../../sandbox/control-plane/port.ts';
import type { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { kubeconfigOf } from '../../sandbox/control-plane/service-account.ts';
import { kubectl } from '../support/kubectl.ts';

const ingressClass = 'e2e';

/**
 * Starts Traefik as a process of this machine, which serves the Ingresses of a namespace on loopback, with the rights of a
 * ServiceAccount that may read what it needs there.
 *
 * @returns the port for https
 */
export async function startTraefik(
  binary: string,
  { group, api, namespace }: { group: ProcessGroup; api: Api; namespace: string },
): Promise<number> {
  const read = ['get', 'list', 'watch'];
  const metadata = { name: 'traefik', namespace };
  await kubectl(['apply', '--server-side', '-f', '-'], {
    input: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: [
          { apiGroups: [''], resources: ['services', 'secrets'], verbs: read },
          { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
          { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: read },
          { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update'] },
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'traefik' },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      },
    ],
  });
  const port = await freePort();
  await group.spawn({
    file: binary,
    args: [
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
      '--entrypoints.websecure.http.tls=true',
      `--entrypoints.websecure.address=127.0.0.1:${port}`,
      '--providers.kubernetesingress=true',
      `--providers.kubernetesingress.namespaces=${namespace}`,
      `--providers.kubernetesingress.ingressclass=${ingressClass}`,
      '--providers.kubernetesingress.disableclusterscoperesources=true',
      '--providers.kubernetesingress.allowemptyservices=true',
    ],
    env: { PATH: process.env['PATH'], KUBECONFIG: await kubeconfigOf(api, inject('runDirectory'), metadata) },
    log: join(group.directory, 'traefik.log'),
  });
  return port;
}

/** An Ingress that has its certificate from a Secret. Behind it there is nothing: a handshake is all that is wanted. */
export function ingressFor({ domain, secretName }: { domain: string; secretName: string }): object[] {
  const backend = { service: { name: secretName, port: { number: 80 } } };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: secretName }, spec: { ports: [{ port: 80 }] } },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      // By annotation: an IngressClass would be an object of the whole cluster.
      metadata: { name: secretName, annotations: { 'kubernetes.io/ingress.class': ingressClass } },
      spec: {
        tls: [{ hosts: [domain], secretName }],
        rules: [{ host: domain, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      },
    },
  ];
}
