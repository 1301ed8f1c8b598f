import { inject } from 'vitest';

import type { Clouds } from '../../../sandbox/clouds.ts';
import type { Api } from '../../../sandbox/control-plane/api.ts';
import { createAuthority } from '../../../sandbox/pki/index.ts';
import { kubectl } from '../../support/kubectl.ts';
import { ports } from './ports.ts';

type Name = keyof Pick<Clouds, 'nhn' | 'scp' | 'naver'>;

/** One of the clouds in the cluster. */
export interface RemoteCloud<Cloud extends { upload(...args: never[]): unknown }> {
  /** The origin under which pods reach it. */
  url: string;
  upload(...args: Parameters<Cloud['upload']>): Promise<ReturnType<Cloud['upload']>>;
}

/** The simulated clouds as pods, driven through the API server. */
export type RemoteClouds = { readonly [N in Name]: RemoteCloud<Clouds[N]> } & {
  /** `HOST:PORT` of each. */
  readonly hosts: string[];
  /** Who issued the certificate of their servers; PEM. */
  readonly ca: string;
};

/** Puts the clouds into their namespace, and waits until they are ready. */
export async function deployClouds(api: Api): Promise<RemoteClouds> {
  const { clouds: namespace } = inject('places');
  const host = `clouds.${namespace}.svc`;
  const server = await (await createAuthority({ name: 'Simulated Clouds CA' })).issue({ dnsNames: [host] });
  await kubectl(['apply', '--server-side', `--namespace=${namespace}`, '-f', '-'], {
    input: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'clouds-tls' },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': server.certificate, 'tls.key': server.privateKey },
      },
      service(),
      deployment(host),
    ],
  });
  await kubectl(['rollout', 'status', 'deployment/clouds', `--namespace=${namespace}`, '--timeout=180s']);
  const control = `/api/v1/namespaces/${namespace}/services/http:clouds:${ports.control}/proxy`;
  const cloud = <N extends Name>(name: N): RemoteCloud<Clouds[N]> => ({
    url: `https://${host}:${ports[name]}`,
    async upload(...args) {
      const { value } = await api.post<{ value: ReturnType<Clouds[N]['upload']> }>(`${control}/${name}`, args);
      return value;
    },
  });
  return {
    nhn: cloud('nhn'),
    scp: cloud('scp'),
    naver: cloud('naver'),
    hosts: [ports.nhn, ports.scp, ports.naver].map((port) => `${host}:${port}`),
    ca: server.root,
  };
}

function service(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'clouds' },
    spec: {
      selector: { app: 'clouds' },
      ports: Object.entries(ports).map(([name, port]) => ({ name, port })),
    },
  };
}

function deployment(host: string): object {
  const { repository, tag } = inject('images').clouds;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'clouds' },
    spec: {
      selector: { matchLabels: { app: 'clouds' } },
      template: {
        metadata: { labels: { app: 'clouds' } },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'clouds',
              image: `${repository}:${tag}`,
              args: [host, '/tls'],
              readinessProbe: { httpGet: { path: '/', port: ports.control }, periodSeconds: 1 },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
              volumeMounts: [{ name: 'tls', mountPath: '/tls', readOnly: true }],
            },
          ],
          volumes: [{ name: 'tls', secret: { secretName: 'clouds-tls' } }],
        },
      },
    },
  };
}
