import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { accessOf, kubeconfig as kubeconfigFor } from '../../sandbox/control-plane/kubeconfig.ts';
import { kubectl } from '../support/kubectl.ts';

/** The namespaces of a run. */
export interface Places {
  /** Where the operator is installed. */
  operator: string;
  /** Where the simulated clouds are. */
  clouds: string;
  /** Where certificates are wanted. */
  shop: string;
}

/** A cluster with namespaces for one run. */
interface Cluster extends AsyncDisposable {
  places: Places;
  /** Path of a kubeconfig of an administrator who is made for the run. */
  kubeconfig: string;
  /** Writes down what pods log and events tell. @returns where, in one sentence */
  report(): Promise<string>;
}

const runLabel = 'e2e.provider-certificates.io/run';
const ours = 'app.kubernetes.io/name=provider-certificates';
const reports = join(import.meta.dirname, '..', '..', '.cache', 'logs', 'e2e');

/**
 * Makes namespaces that only let in pods after the Pod Security Standard `restricted`, and an administrator, in the cluster
 * of the environment's KUBECONFIG. Disposing of it removes everything again, with the CRDs.
 *
 * @param directory where its kubeconfig goes
 * @throws with one sentence when the operator is in the cluster already
 */
export async function enter({ run, directory }: { run: string; directory: string }): Promise<Cluster> {
  const given = join(directory, 'given.kubeconfig');
  await writeFile(given, await flattened(), { mode: 0o600 });
  const asUser = (args: readonly string[], input?: object): Promise<string> =>
    kubectl(args, { kubeconfig: given, ...(input && { input }) });

  const definitions = (await asUser(['get', 'crd', '-o=name'])).split('\n');
  if (definitions.some((name) => name.endsWith('.provider-certificates.io')))
    throw new Error(
      `The cluster has provider-certificates already, and these tests remove it in the end. If an interrupted run has left it there: kubectl delete namespace,clusterrole,clusterrolebinding -l ${runLabel}; kubectl delete crd,clusterrole,clusterrolebinding -l ${ours}`,
    );
  const places = { operator: `e2e-${run}-operator`, clouds: `e2e-${run}-clouds`, shop: `e2e-${run}-shop` };
  const labels = { [runLabel]: run };
  const administrator = { namespace: places.clouds, name: 'tests' };
  const leave = async (): Promise<void> => {
    // The objects go before their kinds, and all of it before the rights.
    const selected = ['--ignore-not-found', '--timeout=120s', '--selector'];
    await asUser(['delete', 'crd,clusterrole,clusterrolebinding', ...selected, ours]);
    await asUser(['delete', 'namespace,clusterrolebinding', ...selected, `${runLabel}=${run}`]);
  };
  try {
    await asUser(
      ['apply', '--server-side', '-f', '-'],
      [
        ...Object.values(places).map((name) => namespaceOf(name, labels)),
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: administrator },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: `e2e-${run}`, labels },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [{ kind: 'ServiceAccount', ...administrator }],
        },
      ],
    );
    const { namespace, name } = administrator;
    const token = (await asUser(['create', 'token', name, `--namespace=${namespace}`, '--duration=2h'])).trim();
    const { url, ca } = accessOf(await flattened());
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigFor('tests', { url, ca, token }), { mode: 0o600 });
    return { places, kubeconfig, report: () => report(asUser, places), [Symbol.asyncDispose]: leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** What KUBECONFIG says, in whichever files, as one with everything inside. */
async function flattened(): Promise<string> {
  const args = ['config', 'view', '--raw', '--minify', '--flatten', '-o=json'];
  return (await promisify(execFile)('kubectl', args)).stdout;
}

function namespaceOf(name: string, labels: Record<string, string>): object {
  const enforced = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...labels, ...enforced } } };
}

async function report(run: (args: readonly string[]) => Promise<string>, places: Places): Promise<string> {
  await rm(reports, { recursive: true, force: true });
  await mkdir(reports, { recursive: true });
  const keep = async (file: string, args: readonly string[]): Promise<void> =>
    writeFile(join(reports, file), await run(args).catch((error: unknown) => String(error)));
  for (const namespace of Object.values(places)) {
    await keep(`${namespace}.objects`, ['get', 'pods,events,pcert,cprov', '--output=wide', `--namespace=${namespace}`]);
    const pods = await run(['get', 'pods', '--output=name', `--namespace=${namespace}`]).catch(() => '');
    for (const pod of pods.split('\n').filter(Boolean)) {
      await keep(`${pod.slice('pod/'.length)}.log`, ['logs', pod, `--namespace=${namespace}`]);
      await keep(`${pod.slice('pod/'.length)}.status`, ['describe', pod, `--namespace=${namespace}`]);
    }
  }
  return `What pods logged and events told is in ${reports}`;
}
