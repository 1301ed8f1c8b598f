import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { request, Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Access, Api } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, type PolicyRule, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { kubeconfigOf } from '../../sandbox/control-plane/service-account.ts';
import { clusterRules, leaderElectionRules, namespaceRules } from '../../sandbox/rbac.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { type Operator, startOperator } from '../support/operator.ts';
import { type World, world } from '../support/world.ts';
import {
  chart,
  type Deployment,
  helm,
  only,
  release,
  releaseNamespace,
  render,
  type Values,
  withoutHelm,
} from './helm.ts';

let controlPlane: ControlPlane;
let api: Api;
let w: World;

beforeAll(async () => {
  if (withoutHelm) return;
  controlPlane = await startControlPlane();
  const { adminKubeconfig: kubeconfig } = controlPlane;
  api = new Api(accessOf(await readFile(kubeconfig, 'utf8')));
  await kubectl(['apply', '--server-side', `--filename=${join(import.meta.dirname, '..', '..', 'crds')}`], {
    kubeconfig,
  });
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all'], { kubeconfig });
  w = await world({ kubeconfig, clusterWide: true, operator: false });
});

afterAll(async () => {
  await w?.[Symbol.asyncDispose]();
  await api?.close();
  await controlPlane?.stop();
});

/** What a release makes of an operator: who it is, and how it is started. */
interface Installed {
  kubeconfig: string;
  args: string[];
}

async function install(values: Values): Promise<Installed> {
  const all = { allowEndpoints: ['127.0.0.1'], crds: { enabled: false }, ...values };
  const { adminKubeconfig: kubeconfig } = controlPlane;
  const place = ['--namespace', releaseNamespace, '--create-namespace'];
  await helm(['upgrade', '--install', release, chart, ...place], { values: all, kubeconfig });
  const { spec } = only<Deployment>(await render(all), 'Deployment').spec.template;
  return {
    kubeconfig: await kubeconfigOf(api, dirname(kubeconfig), {
      namespace: releaseNamespace,
      name: spec.serviceAccountName,
    }),
    args: spec.containers[0].args,
  };
}

/** One request as the ServiceAccount of the operator. @returns the status of the answer */
async function call({ url, ca, token }: Access, method: string, path: string, body?: object): Promise<number> {
  const patch = method === 'PATCH';
  const agent = new Agent({ connect: { ca } });
  const answer = await request(url + path, {
    dispatcher: agent,
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': patch ? 'application/merge-patch+json' : 'application/json',
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  await answer.body.dump();
  await agent.close();
  return answer.statusCode;
}

/** `VERB group/resource[:name]` for everything that these rules allow. */
function flat(rules: readonly PolicyRule[]): string[] {
  return rules
    .flatMap(({ apiGroups = [], resources = [], resourceNames = [''], verbs }) =>
      verbs.flatMap((verb) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => resourceNames.map((name) => `${verb} ${group}/${resource}:${name}`)),
        ),
      ),
    )
    .sort();
}

/** All that somebody may do in a namespace, as the API server tells it. */
async function allowed(kubeconfig: string, namespace: string): Promise<string[]> {
  const own = new Api(accessOf(await readFile(kubeconfig, 'utf8')));
  try {
    const { status } = await own.post<{ status: { resourceRules: PolicyRule[] } }>(
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    );
    return flat(status.resourceRules);
  } finally {
    await own.close();
  }
}

/** What every ServiceAccount may do: ask about itself. */
async function everybodyMay(namespace: string): Promise<string[]> {
  const nobody = { namespace: releaseNamespace, name: 'nobody', rules: [] };
  return allowed(await controlPlane.serviceAccount(nobody), namespace);
}

const ours = '/apis/provider-certificates.io/v1alpha1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const leases = '/apis/coordination.k8s.io/v1';
const inNamespace = (namespace: string): string => `/namespaces/${namespace}`;

/** [method, path]; what is sent does not matter, as nobody gets to read it. */
function forbidden(namespace: string): [method: string, path: string][] {
  const core = `/api/v1${inNamespace(namespace)}`;
  const certificates = `${ours}${inNamespace(namespace)}/providercertificates`;
  const releasePath = inNamespace(releaseNamespace);
  return [
    ['PUT', `${core}/secrets/one`],
    ['DELETE', `${core}/secrets/one`],
    ['DELETE', `${core}/secrets`],
    ['GET', `${core}/configmaps`],
    ['POST', `${core}/configmaps`],
    ['POST', `${core}/pods`],
    ['GET', `${core}/pods`],
    ['POST', `${core}/pods/one/exec`],
    ['GET', `${core}/serviceaccounts`],
    ['POST', `${core}/serviceaccounts/default/token`],
    ['GET', `${core}/events`],
    ['DELETE', `${core}/events/one`],
    ['POST', '/api/v1/namespaces'],
    ['DELETE', `/api/v1${inNamespace(namespace)}`],
    ['PATCH', `/api/v1${inNamespace(namespace)}`],
    ['GET', '/api/v1/nodes'],
    ['POST', certificates],
    ['PUT', `${certificates}/one`],
    ['PATCH', `${certificates}/one`],
    ['DELETE', `${certificates}/one`],
    ['PUT', `${certificates}/one/status`],
    ['PATCH', `${ours}${inNamespace(namespace)}/certificateproviders/nhn`],
    ['DELETE', `${ours}${inNamespace(namespace)}/certificateproviders/nhn`],
    ['POST', `${ours}/clustercertificateproviders`],
    ['PATCH', `${ours}/clustercertificateproviders/shared`],
    ['GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'],
    ['PATCH', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/providercertificates.provider-certificates.io'],
    ['GET', `${leases}${releasePath}/leases`],
    ['GET', `${leases}${releasePath}/leases/another`],
    ['PUT', `${leases}${releasePath}/leases/another`],
    ['DELETE', `${leases}${releasePath}/leases/provider-certificates`],
    ['PATCH', `${leases}${releasePath}/leases/provider-certificates`],
    ['POST', `${leases}${inNamespace('kube-system')}/leases`],
    ['GET', `${leases}${inNamespace('kube-system')}/leases/provider-certificates`],
    ['POST', `${rbac}${inNamespace(namespace)}/roles`],
    ['POST', `${rbac}${inNamespace(namespace)}/rolebindings`],
    ['POST', `${rbac}/clusterrolebindings`],
    ['GET', '/apis/apps/v1/deployments'],
    ['GET', '/metrics'],
  ];
}

/** What a release for some namespaces may not do elsewhere either. */
function forbiddenElsewhere(elsewhere: string): [method: string, path: string][] {
  return [
    ['GET', '/api/v1/secrets'],
    ['GET', `/api/v1${inNamespace(elsewhere)}/secrets`],
    ['GET', `/api/v1${inNamespace(releaseNamespace)}/secrets`],
    ['GET', `/api/v1${inNamespace('kube-system')}/secrets/one`],
    ['PATCH', `/api/v1${inNamespace(elsewhere)}/secrets/one`],
    ['POST', `/api/v1${inNamespace(elsewhere)}/secrets`],
    ['POST', `/api/v1${inNamespace(elsewhere)}/events`],
    ['GET', '/api/v1/namespaces'],
    ['GET', `/api/v1${inNamespace(elsewhere)}`],
    ['GET', `${ours}/providercertificates`],
    ['GET', `${ours}/clustercertificateproviders`],
    ['PATCH', `${ours}/clustercertificateproviders/shared/status`],
    ['GET', `${ours}${inNamespace(elsewhere)}/providercertificates`],
    ['PATCH', `${ours}${inNamespace(elsewhere)}/providercertificates/one/status`],
  ];
}

/** Requests of anybody that were refused, by the API server's own count. */
async function refusals(): Promise<string[]> {
  const lines = (await controlPlane.metrics()).split('\n');
  return lines.filter((line) => line.startsWith('apiserver_request_total{') && line.includes('code="403"'));
}

async function isLeading(operator: Operator): Promise<boolean> {
  return /^provider_certificates_leader 1$/m.test(await operator.metrics());
}

async function expectForbidden(kubeconfig: string, calls: readonly [method: string, path: string][]): Promise<void> {
  const access = accessOf(await readFile(kubeconfig, 'utf8'));
  const answers = await Promise.all(
    calls.map(
      async ([method, path]) =>
        `${method} ${path}: ${await call(access, method, path, method === 'GET' ? undefined : {})}`,
    ),
  );
  expect(answers.filter((answer) => !answer.endsWith(': 403'))).toEqual([]);
}

describe.skipIf(withoutHelm)('an operator with the rights of the chart', () => {
  test('works in the whole cluster, two of them by turns, and is refused nothing that it asks for', async () => {
    const { kubeconfig, args } = await install({});
    await using first = await startOperator({ kubeconfig, args });
    await eventually(async () => expect(await isLeading(first)).toBe(true));
    await using second = await startOperator({ kubeconfig, args });

    const issued = await w.upload('www');
    await w.certificate('www', { deletionPolicy: 'Delete' });
    await w.holds('www', issued);
    expect(await w.event('www', 'Synced')).toMatchObject({ type: 'Normal', count: 1 });
    await w.providerReady('nhn', 'Valid');

    const neighbour = await w.neighbour({ certificates: 'shared' });
    const allowedNamespaces = { from: 'Selector', selector: { matchLabels: { certificates: 'shared' } } };
    await w.clusterProvider('shared', { allowedNamespaces });
    const providerRef = { name: 'shared', kind: 'ClusterCertificateProvider' } as const;
    await neighbour.certificate('www', { providerRef, remoteRef: { name: 'www' } });
    await neighbour.holds('www', issued);

    expect(await isLeading(second)).toBe(false);
    const renewed = await w.upload('www');
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await w.holds('www', renewed);
    expect(await isLeading(second)).toBe(true);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    expect(await refusals()).toEqual([]);
  });

  test('may do nothing else there', async () => {
    const { namespace } = w;
    const kubeconfig = await kubeconfigOf(api, controlPlane.directory, { namespace: releaseNamespace, name: release });
    await expectForbidden(kubeconfig, forbidden(namespace));
    const may = async (where: string, rules: PolicyRule[]): Promise<void> =>
      expect(await allowed(kubeconfig, where)).toEqual([...flat(rules), ...(await everybodyMay(where))].sort());
    await may(namespace, clusterRules);
    await may(releaseNamespace, [...clusterRules, ...leaderElectionRules]);
  });

  test('works in the namespaces that it is given, and is refused nothing that it asks for', async () => {
    const before = await refusals();
    const { kubeconfig, args } = await install({ watchNamespaces: [w.namespace] });
    await using operator = await startOperator({ kubeconfig, args });
    await eventually(async () => expect(await isLeading(operator)).toBe(true));
    const issued = await w.upload('api');
    await w.certificate('api');
    await w.holds('api', issued);
    expect(await w.event('api', 'Synced')).toMatchObject({ type: 'Normal', count: 1 });
    expect(await operator.stop()).toEqual({ code: 0, signal: null });
    expect(await refusals()).toEqual(before);
  });

  test('may do nothing else there, and nothing elsewhere', async () => {
    const { namespace } = w;
    const { namespace: elsewhere } = await w.neighbour();
    const kubeconfig = await kubeconfigOf(api, controlPlane.directory, { namespace: releaseNamespace, name: release });
    await expectForbidden(kubeconfig, [...forbidden(namespace), ...forbiddenElsewhere(elsewhere)]);
    const may = async (where: string, rules: PolicyRule[]): Promise<void> =>
      expect(await allowed(kubeconfig, where)).toEqual([...flat(rules), ...(await everybodyMay(where))].sort());
    await may(namespace, namespaceRules);
    await may(releaseNamespace, leaderElectionRules);
    await may(elsewhere, []);
  });

  test('has roles for users that come under view, edit and admin of the cluster', async () => {
    const objects = await render();
    const labelsOf = (name: string): object =>
      only(objects, 'ClusterRole', `${release}-${name}`).metadata['labels'] as object;
    const selectorOf = async (name: string): Promise<Record<string, string>> => {
      const { aggregationRule } = await api.get<{
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: Record<string, string> }] };
      }>(`${rbac}/clusterroles/${name}`);
      return aggregationRule.clusterRoleSelectors[0].matchLabels;
    };
    for (const name of ['view', 'edit', 'admin']) expect(labelsOf('view')).toMatchObject(await selectorOf(name));
    for (const name of ['edit', 'admin']) expect(labelsOf('edit')).toMatchObject(await selectorOf(name));
    expect(labelsOf('edit')).not.toMatchObject(await selectorOf('view'));
  });
});
