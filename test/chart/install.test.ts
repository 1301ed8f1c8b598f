import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ApiObject } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { chart, type Deployment, helm, release, releaseNamespace, template, type Values, withoutHelm } from './helm.ts';
import { matrix } from './matrix.ts';

const crds = join(import.meta.dirname, '..', '..', 'crds');
const certificate = {
  apiVersion: 'provider-certificates.io/v1alpha1',
  kind: 'ProviderCertificate',
  metadata: { name: 'www', namespace: 'shop' },
  spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www.example.com' } },
};
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'www', namespace: 'shop' },
  stringData: { a: 'b' },
};

let controlPlane: ControlPlane;

function admin(args: readonly string[], input?: string | object): Promise<string> {
  const { adminKubeconfig: kubeconfig } = controlPlane;
  return kubectl(args, { kubeconfig, ...(input !== undefined && { input }) });
}

interface Release {
  name?: string;
  namespace?: string;
  values?: Values;
  flags?: string[];
  from?: string;
}

/** `helm install` or `helm upgrade`. @returns what it told the user */
function run(
  verb: 'install' | 'upgrade',
  { name = release, namespace = releaseNamespace, values = {}, flags = [], from = chart }: Release = {},
): Promise<string> {
  const place = verb === 'install' ? ['--create-namespace'] : [];
  const { adminKubeconfig: kubeconfig } = controlPlane;
  return helm([verb, name, from, '--namespace', namespace, ...place, ...flags], { values, kubeconfig });
}

function uninstall({ name = release, namespace = releaseNamespace }: Release = {}): Promise<string> {
  return helm(['uninstall', name, '--namespace', namespace], { kubeconfig: controlPlane.adminKubeconfig });
}

async function list(kinds: string, ...args: string[]): Promise<ApiObject[]> {
  const { items } = JSON.parse(await admin(['get', kinds, '--all-namespaces', '-o=json', ...args])) as {
    items: ApiObject[];
  };
  return items;
}

/** Everything that a release may have made, besides the CRDs. */
function madeBy(name: string): Promise<ApiObject[]> {
  const kinds = 'deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,configmaps';
  return list(kinds, `--selector=app.kubernetes.io/instance=${name}`);
}

async function definitions(): Promise<(ApiObject & { spec: { versions: [{ schema: object }] } })[]> {
  const all = await list('crds');
  return all.filter(({ metadata }) => metadata.name.endsWith('.provider-certificates.io')) as never;
}

async function definitionOf(plural: string): Promise<ApiObject | undefined> {
  return (await definitions()).find(({ metadata }) => metadata.name.startsWith(`${plural}.`));
}

async function ownerOfCrds(): Promise<(string | undefined)[]> {
  const owners = (await definitions()).map(
    ({ metadata }) => (metadata['annotations'] as Record<string, string> | undefined)?.['meta.helm.sh/release-name'],
  );
  return [...new Set(owners)];
}

/** What users have in the cluster. */
async function putUserObjects(): Promise<void> {
  await eventually(() => admin(['apply', '--server-side', '--force-conflicts', '-f', '-'], [certificate, secret]));
}

/** @param certificates false: the Secret alone */
async function expectUserObjects({ certificates = true } = {}): Promise<void> {
  expect(await admin(['get', 'secret', 'www', '-n=shop', '-o=jsonpath={.data.a}'])).toBe('Yg==');
  if (certificates) expect(await list('providercertificates')).toHaveLength(1);
}

beforeAll(async () => {
  if (withoutHelm) return;
  controlPlane = await startControlPlane();
  await admin(['create', 'namespace', 'shop']);
  await admin(['create', 'namespace', 'blog']);
});

afterAll(() => controlPlane?.stop());

// One after the other: each begins where the former has left off.
describe.skipIf(withoutHelm)('a release', () => {
  test('is installed with its CRDs, and tells what to do next', async () => {
    const told = await run('install');
    for (const command of ['kubectl rollout status deployment/', 'kubectl create secret generic', 'kubectl apply'])
      expect(told).toContain(command);
    expect(told).not.toContain('WARNING');
    expect(await ownerOfCrds()).toEqual([release]);
    expect((await madeBy(release)).map(({ kind }) => kind).sort()).toEqual(
      [
        ['ClusterRole', 'ClusterRole', 'ClusterRole', 'ClusterRoleBinding', 'Deployment'],
        ['Role', 'RoleBinding', 'Service', 'ServiceAccount'],
      ].flat(),
    );
    await putUserObjects();
  });

  test('tells commands that can be followed', async () => {
    const notes = await helm(['get', 'notes', release, '--namespace', releaseNamespace], {
      kubeconfig: controlPlane.adminKubeconfig,
    });
    const [, wait = '', credentials = '', objects = ''] = notes.split(/^\d\. .*\n(?: {3}.*\n)*/m);
    const follow = async (commands: string): Promise<string> => {
      const { adminKubeconfig: KUBECONFIG, directory } = controlPlane;
      const env = { ...process.env, KUBECONFIG, KUBECACHEDIR: join(directory, 'kubectl-cache') };
      return (await promisify(execFile)('bash', ['-ec', commands], { env })).stdout;
    };
    // There are no nodes: it would wait for ever.
    expect(await follow(wait.replace('rollout status', 'get'))).toContain('provider-certificates');
    expect(await follow(credentials)).toBe('secret/nhn-credentials created\n');
    const told = await follow(objects.replace(/^The Secret will have[^]*$/m, ''));
    expect(told).toMatch(/certificateprovider\S*\/nhn created\n\S*\/www-example-com created/);
    expect(told).toMatch(/providercertificate\S*\/www-example-com +.*\n[^]*certificateprovider\S*\/nhn /);
    await admin(['delete', 'secret/nhn-credentials', 'cprov/nhn', 'pcert/www-example-com']);
  });

  test('has pods that a namespace lets in which enforces the standard `restricted`', async () => {
    await admin(['label', 'namespace', releaseNamespace, 'pod-security.kubernetes.io/enforce=restricted']);
    const { spec } = JSON.parse(
      await admin(['get', 'deployment', release, '-n', releaseNamespace, '-o=json']),
    ) as Deployment;
    const pod = (podSpec: object): Promise<string> =>
      admin(['create', '--dry-run=server', '-f', '-'], {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'pod', namespace: releaseNamespace },
        spec: podSpec,
      });
    expect(await pod(spec.template.spec)).toContain('created');
    await expect(pod({ ...spec.template.spec, securityContext: {} })).rejects.toThrow(
      /violates PodSecurity "restricted/,
    );
  });

  test('upgrades the CRDs, and itself', async () => {
    const older = await mkdtemp(join(controlPlane.directory, 'chart-'));
    await cp(chart, older, { recursive: true });
    const file = join(older, 'files', 'crds', 'providercertificates.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(/^ +suspend:\n(?: +.*\n){2}/gm, ''));
    await run('upgrade', { from: older, values: { logLevel: 'debug' } });
    const hasSuspend = async (): Promise<boolean> =>
      JSON.stringify(await definitionOf('providercertificates')).includes('"suspend"');
    expect(await hasSuspend()).toBe(false);
    await run('upgrade', { flags: ['--reset-then-reuse-values'] });
    expect(await hasSuspend()).toBe(true);
    const { spec } = JSON.parse(
      await admin(['get', 'deployment', release, '-n', releaseNamespace, '-o=json']),
    ) as Deployment;
    expect(spec.template.spec.containers[0].args).toContain('--log-level=debug');
    await expectUserObjects();
  });

  test('goes, and leaves Secrets, CRDs and what is in them', async () => {
    expect(await uninstall()).toContain('kept due to the resource policy');
    expect(await madeBy(release)).toEqual([]);
    expect(await definitions()).toHaveLength(4);
    await expectUserObjects();
  });

  test('comes back, and takes the CRDs over again', async () => {
    await run('install');
    expect(await ownerOfCrds()).toEqual([release]);
    await expectUserObjects();
  });

  test('lets no other release have the CRDs; that one can do without', async () => {
    const second = { name: 'second', namespace: 'shop', values: { watchNamespaces: ['shop'] } };
    await expect(run('install', second)).rejects.toThrow(/invalid ownership metadata.*release-name/);
    const told = await run('install', { ...second, values: { ...second.values, crds: { enabled: false } } });
    expect(told).toContain('works in shop');
    expect(told).toContain('ClusterCertificateProviders are not served');
    expect(told).toContain('crds.enabled is false');
    expect((await madeBy('second')).filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    expect(await ownerOfCrds()).toEqual([release]);
  });

  test('hands the CRDs to another release, and lets go of them', async () => {
    const second = { name: 'second', namespace: 'shop', values: { watchNamespaces: ['shop'] } };
    await run('upgrade', { ...second, flags: ['--take-ownership'] });
    expect(await ownerOfCrds()).toEqual(['second']);
    await run('upgrade', { values: { crds: { enabled: false } } });
    await uninstall();
    expect(await ownerOfCrds()).toEqual(['second']);
    await expectUserObjects();
    await uninstall(second);
    expect(await definitions()).toHaveLength(4);
    await expectUserObjects();
  });

  test('takes over CRDs that a release of another name has left', async () => {
    await expect(run('install')).rejects.toThrow('invalid ownership metadata');
    await run('install', { flags: ['--take-ownership'] });
    expect(await ownerOfCrds()).toEqual([release]);
    await expectUserObjects();
  });

  test('takes the CRDs and all that is in them along when it is told to, and still leaves the Secrets', async () => {
    await run('upgrade', { values: { crds: { keep: false } } });
    await uninstall();
    // The API server empties each kind first, and waits longer after each try that found something left.
    await eventually(async () => expect(await definitions()).toEqual([]), { timeoutMs: 120_000 });
    await expectUserObjects({ certificates: false });
  });

  test('takes over CRDs that were applied by hand', async () => {
    const files = (await readdir(crds)).map((file) => `--filename=${join(crds, file)}`);
    await admin(['apply', ...files]);
    await expect(run('install')).rejects.toThrow(/invalid ownership metadata.*managed-by/);
    await run('install', { flags: ['--take-ownership'] });
    expect(await ownerOfCrds()).toEqual([release]);
    await uninstall();
    await admin(['delete', 'crd', '-l', 'app.kubernetes.io/name=provider-certificates']);
    expect(await definitions()).toEqual([]);
  });

  test.each([
    { what: 'every https host', values: { allowEndpoints: ['*'] }, warning: /allowEndpoints has "\*"/ },
    {
      what: 'two that write',
      values: { leaderElection: { enabled: false } },
      warning: /leaderElection\.enabled is false/,
    },
    { what: 'no rights', values: { global: { rbac: { create: false } } }, warning: /global\.rbac\.create is false/ },
  ])('warns of $what', async ({ values, warning }) => {
    expect(await run('install', { values, flags: ['--dry-run=client'] })).toMatch(
      new RegExp(`WARNING: ${warning.source}`),
    );
  });
});

/** Together with the render tests: what was rendered is also what an API server takes. */
describe.skipIf(withoutHelm)('an API server', () => {
  beforeAll(async () => {
    await admin(['apply', '--server-side', `--filename=${join(import.meta.dirname, 'monitoring-crds.yaml')}`]);
    await admin(['wait', '--for=condition=Established', 'crd', '--all']);
    await admin(['create', 'namespace', 'monitoring']);
  });

  test.each(Object.entries(matrix))('takes what is rendered for %s, every field of it', async (_, values) => {
    const flags = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
    const taken = (await admin(flags, await template(values))).trim().split('\n');
    expect(taken.filter((line) => !line.endsWith('serverside-applied (server dry run)'))).toEqual([]);
  });
});
