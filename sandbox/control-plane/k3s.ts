import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { K3sContainer } from '@testcontainers/k3s';

import { Api } from './api.ts';
import { pinnedVersions } from './binaries.ts';
import type { ControlPlane } from './control-plane.ts';
import { accessOf } from './kubeconfig.ts';
import { createServiceAccount } from './service-account.ts';

/**
 * The last resort where neither the binaries nor Go are at hand: a whole K3s in Docker. It was written where no image
 * could be pulled, so it has never run; kube-apiserver is part of its one process and cannot be stopped alone.
 */
export async function startK3s(log: (line: string) => void): Promise<ControlPlane> {
  const { kubernetes } = await pinnedVersions();
  log(`etcd and kube-apiserver are not at hand and cannot be built: starting K3s ${kubernetes} in Docker`);
  const container = await new K3sContainer(`rancher/k3s:${kubernetes}-k3s1`).start();
  const directory = await mkdtemp(join(tmpdir(), 'provider-certificates-k3s-'));
  const adminKubeconfig = join(directory, 'admin.kubeconfig');
  await writeFile(adminKubeconfig, container.getKubeConfig(), { mode: 0o600 });
  const api = new Api(accessOf(container.getKubeConfig()));
  const stop = async (): Promise<void> => {
    await api.close();
    await container.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return {
    url: api.access.url,
    adminKubeconfig,
    directory,
    serviceAccount: (request) => createServiceAccount(api, directory, request),
    kill: async () => unsupported(),
    restart: async () => unsupported(),
    pause: unsupported,
    resume: unsupported,
    metrics: () => api.text('/metrics'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function unsupported(): never {
  throw new Error('kube-apiserver inside K3s cannot be stopped alone: this needs KUBEBUILDER_ASSETS or Go');
}
