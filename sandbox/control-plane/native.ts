import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Api } from './api.ts';
import type { Binaries } from './binaries.ts';
import type { ControlPlane } from './control-plane.ts';
import { kubeconfig } from './kubeconfig.ts';
import { freePort } from './port.ts';
import { ProcessGroup } from './processes.ts';
import { PortTakenError, Server } from './server.ts';
import { createServiceAccount } from './service-account.ts';

type Log = (line: string) => void;

/** Starts etcd and kube-apiserver on a free port; takes another one when somebody else was faster. */
export async function startNative(binaries: Binaries, log: Log): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    const group = await ProcessGroup.start(join(tmpdir(), 'provider-certificates-control-plane-'));
    try {
      return await start(binaries, group, log);
    } catch (error) {
      await group.end();
      if (!(error instanceof PortTakenError) || attempt === 5) throw error;
    }
  }
}

async function start(binaries: Binaries, group: ProcessGroup, log: Log): Promise<ControlPlane> {
  const { directory } = group;
  const etcd = new Server({
    name: 'etcd',
    file: binaries.etcd,
    args: etcdFlags(directory),
    ready: () => exists(join(directory, etcdSocket)),
    group,
    log,
  });
  await etcd.start();

  const token = await writeSecrets(directory);
  const port = await freePort();
  // kube-apiserver makes its certificate at its first start; the file ends with the authority that signed it.
  const connect = async (): Promise<Api> => {
    const ca = await readFile(join(directory, 'pki', 'apiserver.crt'), 'utf8');
    return new Api({ url: `https://127.0.0.1:${port}`, token, ca });
  };
  const apiserver = new Server({
    name: 'kube-apiserver',
    file: binaries.kubeApiserver,
    args: apiserverFlags(directory, port),
    ready: () => answers(connect),
    group,
    log,
  });
  await apiserver.start();

  const api = await connect();
  const adminKubeconfig = join(directory, 'admin.kubeconfig');
  await writeFile(adminKubeconfig, kubeconfig('admin', api.access), { mode: 0o600 });
  const stop = async (): Promise<void> => {
    await api.close();
    await group.end();
  };
  return {
    url: api.access.url,
    adminKubeconfig,
    directory,
    serviceAccount: (request) => createServiceAccount(api, directory, request),
    kill: () => apiserver.kill(),
    async restart() {
      await apiserver.kill();
      await apiserver.start();
    },
    pause: () => apiserver.signal('SIGSTOP'),
    resume: () => apiserver.signal('SIGCONT'),
    metrics: () => api.text('/metrics'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** @returns the token of the administrator */
async function writeSecrets(directory: string): Promise<string> {
  const token = randomBytes(16).toString('hex');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'sec1', format: 'pem' });
  await writeFile(join(directory, 'service-account.key'), pem, { mode: 0o600 });
  await writeFile(join(directory, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  return token;
}

/** A socket in the working directory of both: nobody else can reach it or be in its place. */
const etcdSocket = 'localhost:2379';
const etcdPeerSocket = 'localhost:2380';

/** The data is thrown away: nothing is synced to disk, and a lone member need not wait to be elected. */
function etcdFlags(directory: string): string[] {
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=unix://${etcdSocket}`,
    `--advertise-client-urls=unix://${etcdSocket}`,
    `--listen-peer-urls=unix://${etcdPeerSocket}`,
    `--initial-advertise-peer-urls=unix://${etcdPeerSocket}`,
    `--initial-cluster=default=unix://${etcdPeerSocket}`,
    '--unsafe-no-fsync',
    '--heartbeat-interval=10',
    '--election-timeout=100',
    '--log-level=error',
  ];
}

/** Defaults but for what is about addresses and identities, so that it behaves like a cluster's. */
function apiserverFlags(directory: string, port: number): string[] {
  const serviceAccountKey = join(directory, 'service-account.key');
  return [
    `--etcd-servers=unix://${etcdSocket}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none', // the default one refuses to advertise a loopback address
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, 'pki')}`,
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    '--service-cluster-ip-range=10.96.0.0/16',
  ];
}

/** Only the one that was started here takes the token: not another server that was faster to take the port. */
async function answers(connect: () => Promise<Api>): Promise<boolean> {
  let api: Api | undefined;
  try {
    api = await connect();
    await api.text('/readyz');
    return true;
  } catch {
    return false;
  } finally {
    await api?.close();
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
