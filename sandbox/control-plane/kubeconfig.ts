import { load } from 'js-yaml';

import type { Access } from './api.ts';

/** A kubeconfig with everything inside: JSON, which is YAML too. `namespace` is the one that its user belongs to. */
export function kubeconfig(user: string, { url, ca, token, cert, key }: Access, namespace = 'default'): string {
  const name = 'provider-certificates';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user,
        user: {
          ...(token && { token }),
          ...(cert && key && { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user, namespace } }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Reads a kubeconfig that holds one cluster and one user with everything inside, as `kubeconfig` and K3s write it. */
export function accessOf(text: string): Access {
  const config = load(text) as {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: Record<string, string> }];
  };
  const { cluster } = config.clusters[0];
  const { user } = config.users[0];
  const cert = user['client-certificate-data'];
  const key = user['client-key-data'];
  return {
    url: cluster['server']!,
    ca: pem(cluster['certificate-authority-data']!),
    ...(user['token'] && { token: user['token'] }),
    ...(cert && key && { cert: pem(cert), key: pem(key) }),
  };
}

function base64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}

function pem(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
