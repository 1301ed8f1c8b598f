import { X509Certificate } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { Api, type ApiObject } from '../../sandbox/control-plane/api.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { examples, manifests, prepare } from '../../sandbox/examples.ts';
import { type Authority, createAuthority, type Issued } from '../../sandbox/pki/index.ts';
import { chart, helm, release, type Values } from '../chart/helm.ts';
import type { SyncedReason } from '../../src/api/reasons.ts';
import { findCanaries } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { Observer } from '../support/observer.ts';
import { runFolders } from '../support/run.ts';
import { deployClouds, type RemoteClouds } from './clouds/remote.ts';
import { Line, refusals } from './line.ts';
import { ingressFor, startTraefik } from './traefik.ts';
import { shownBy, Visitor } from './visitor.ts';

interface Secret extends ApiObject {
  metadata: ApiObject['metadata'] & { uid: string; resourceVersion: string };
  type: string;
  data: Record<string, string>;
}

interface Pod extends ApiObject {
  status: { containerStatuses?: { ready: boolean; restartCount: number }[] };
}

const { operator: operatorNamespace, shop } = inject('places');
const traefik = inject('traefik');
const folders = runFolders(inject('runDirectory'));
/** Without cert-manager's patience: a rollout of two pods, whose images are there, on a machine that is busy. */
const patience = '--timeout=180s';

let api: Api;
let authority: Authority;
let clouds: RemoteClouds;
let observer: Observer;
/** Renewed while operators come and go. */
let www: Line;

const inShop = (args: readonly string[], input?: object): Promise<string> =>
  kubectl([...args, `--namespace=${shop}`], input && { input });
const atOperator = (args: readonly string[]): Promise<string> => kubectl([...args, `--namespace=${operatorNamespace}`]);

async function list<T>(kind: string, namespace: string, ...args: string[]): Promise<T[]> {
  const text = await kubectl(['get', kind, `--namespace=${namespace}`, '--output=json', ...args]);
  return (JSON.parse(text) as { items: T[] }).items;
}

/** The TLS Secrets that the operator keeps, by name. */
async function kept(): Promise<Map<string, Secret>> {
  const secrets = await list<Secret>('secrets', shop, '--selector=provider-certificates.io/managed=true');
  return new Map(secrets.map((secret) => [secret.metadata.name, secret]));
}

/** What is the same as long as nobody writes: everything but what belongs to lines that are renewed. */
async function untouched(): Promise<Record<string, string>> {
  const others = [...(await kept())].filter(([name]) => name !== www.name);
  return Object.fromEntries(
    others.map(([name, { metadata }]) => [name, `${metadata.uid}@${metadata.resourceVersion}`]),
  );
}

/** Waits until the Secret of a line holds what was issued. */
async function holds({ name }: Line, { certificate, privateKey }: Issued): Promise<void> {
  await eventually(
    async () => {
      const { data } = await api.get<Secret>(`/api/v1/namespaces/${shop}/secrets/${name}`);
      const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
      const [is, shall] = [text('tls.crt'), certificate].map((pem) => new X509Certificate(pem).serialNumber);
      if (is !== shall || text('tls.key') !== privateKey)
        throw new Error(`Secret ${name} holds ${is}, not ${shall} and its key`);
    },
    { timeoutMs: 120_000, intervalMs: 250 },
  );
}

/** Waits until Synced has this reason. */
async function synced({ name }: Pick<Line, 'name'>, reason: SyncedReason): Promise<void> {
  const path = '{.status.conditions[?(@.type=="Synced")].reason}';
  await inShop(['wait', `pcert/${name}`, `--for=jsonpath=${path}=${reason}`, patience]);
}

/** A ProviderCertificate for a line, which is Ready. */
async function keep(line: Line): Promise<void> {
  await line.renew();
  await inShop(['apply', '--server-side', '-f', '-'], {
    apiVersion: 'provider-certificates.io/v1alpha1',
    kind: 'ProviderCertificate',
    metadata: { name: line.name },
    spec: { providerRef: { name: 'nhn' }, remoteRef: { name: line.name }, dnsNames: [line.domain] },
  });
  await inShop(['wait', `pcert/${line.name}`, '--for=condition=Ready', patience]);
}

function operators(): Promise<Pod[]> {
  return list<Pod>('pods', operatorNamespace, `--selector=app.kubernetes.io/instance=${release}`);
}

/** The pod that holds the Lease. */
async function leader(): Promise<string> {
  const holder = await atOperator(['get', 'lease', release, '--output=jsonpath={.spec.holderIdentity}']);
  if (holder === '') throw new Error('nobody holds the Lease');
  return holder.split('_')[0] ?? '';
}

/** What a NetworkPolicy has to let out: to the port that the API server really has, too. */
async function egress(): Promise<object[]> {
  const ports = await kubectl([
    'get',
    'endpointslices',
    '--namespace=default',
    '--selector=kubernetes.io/service-name=kubernetes',
    '--output=jsonpath={.items[*].ports[*].port}',
  ]);
  const tcp = [...clouds.hosts.map((host) => host.split(':')[1]), ...ports.split(' '), 443, 53].map(Number);
  return [{ ports: [...tcp.map((port) => ({ port, protocol: 'TCP' })), { port: 53, protocol: 'UDP' }] }];
}

async function run(verb: 'install' | 'upgrade', more: Values = {}): Promise<string> {
  const values = {
    image: inject('images').operator,
    replicaCount: 2,
    allowEndpoints: clouds.hosts,
    resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    podDisruptionBudget: { enabled: true },
    networkPolicy: { enabled: true, egress: await egress() },
    ...more,
  };
  return helm([verb, release, chart, '--namespace', operatorNamespace, '--wait', patience], {
    values,
    kubeconfig: inject('kubeconfig'),
  });
}

/** Also waits until its pods are gone. */
async function uninstall(): Promise<string> {
  const told = await helm(['uninstall', release, '--namespace', operatorNamespace, '--wait', patience], {
    kubeconfig: inject('kubeconfig'),
  });
  await eventually(async () => expect(await operators()).toEqual([]), { timeoutMs: 60_000 });
  return told;
}

/** Keeps what the pods have logged, for the search for secrets. */
async function keepLogs(): Promise<void> {
  for (const { metadata } of await operators()) {
    const text = await atOperator(['logs', metadata.name]);
    await writeFile(join(folders.logs, `${metadata.name}.log`), text);
  }
}

beforeAll(async () => {
  api = new Api(accessOf(await readFile(inject('kubeconfig'), 'utf8')));
  authority = await (await createAuthority()).intermediate();
  clouds = await deployClouds(api);
  www = new Line('rolling', { authority, nhn: clouds.nhn });
});

afterAll(() => api?.close());

// One after the other: each begins where the former has left off.
describe('on a cluster with nodes', () => {
  test('the chart gives two operators that are Ready, where the standard `restricted` is enforced', async () => {
    await expect(atOperator(['run', 'not-restricted', '--image=example.com/any', '--restart=Never'])).rejects.toThrow(
      /violates PodSecurity "restricted/,
    );
    const told = await run('install');
    expect(told).not.toContain('WARNING');
    const ready = (await operators()).map(({ status }) => status.containerStatuses?.map(({ ready }) => ready));
    expect(ready).toEqual([[true], [true]]);
    expect((await operators()).map(({ metadata }) => metadata.name)).toContain(await eventually(leader));
    const group = '/apis/provider-certificates.io/v1alpha1';
    const collections = ['providercertificates', 'certificateproviders'].map(
      (plural) => `${group}/namespaces/${shop}/${plural}`,
    );
    observer = await Observer.start(api, folders, [`/api/v1/namespaces/${shop}/events`, ...collections], shop);
  });

  test('the examples of all clouds become Secrets', async () => {
    const create = async (object: ApiObject): Promise<void> => void (await inShop(['create', '-f', '-'], object));
    await prepare({ authority, clouds, create });
    const objects = (await examples({ clouds })).map((object) =>
      object.kind === 'CertificateProvider'
        ? { ...object, spec: { ...(object['spec'] as object), caBundle: clouds.ca } }
        : object,
    );
    await inShop(['apply', '--server-side', '-f', '-'], objects);
    await inShop(['wait', 'pcert', '--all', '--for=condition=Ready', patience]);

    const certificates = objects.filter(({ kind }) => kind === 'ProviderCertificate');
    const wanted = certificates
      .map(({ metadata, spec }) => ({ metadata, ...(spec as { secretName?: string; mode?: string }) }))
      .filter(({ mode }) => mode !== 'Observe')
      .map(({ metadata, secretName }) => secretName ?? metadata.name);
    const secrets = await kept();
    expect([...secrets.keys()].sort()).toEqual(wanted.sort());
    expect(new Set([...secrets.values()].map(({ type }) => type))).toEqual(new Set(['kubernetes.io/tls']));
  });

  test('an account of the whole cluster serves the namespaces that its owner selects', async () => {
    const objects = (await manifests('examples/cluster')).map((object) => {
      if (object.kind !== 'ClusterCertificateProvider') return object;
      const nhn = { endpoint: clouds.nhn.url, credentialsSecretRef: { namespace: shop, name: 'nhn-credentials' } };
      return { ...object, spec: { ...(object['spec'] as object), nhn, caBundle: clouds.ca, pollInterval: '10s' } };
    });
    await clouds.nhn.upload('team-a.example.com', (await authority.issue({ dnsNames: ['team-a.example.com'] })).bundle);
    for (const object of objects) {
      const place = object.kind === 'ProviderCertificate' ? [`--namespace=${shop}`] : [];
      await kubectl(['apply', '--server-side', '-f', '-', ...place], { input: object });
    }
    await synced({ name: 'team-a' }, 'NamespaceNotAllowed');
    await kubectl(['label', 'namespace', shop, 'certificates=shared']);
    await inShop(['wait', 'pcert/team-a', '--for=condition=Ready', patience]);
  });

  test('a rolling upgrade loses nothing', async () => {
    await keep(www);
    const before = await untouched();
    const former = new Set((await operators()).map(({ metadata }) => metadata.name));
    await keepLogs();

    const upgraded = run('upgrade', { logLevel: 'debug' }).then(() => true);
    // The simulated cloud lists days, and has a month of them: after ten, what is uploaded is waited for.
    for (let renewals = 0; renewals < 10; renewals++) {
      await www.renew();
      if (await Promise.race([upgraded, setTimeout(1_000, false)])) break;
    }
    await upgraded;
    await holds(www, await www.renew());

    expect((await operators()).filter(({ metadata }) => former.has(metadata.name))).toEqual([]);
    expect(await untouched()).toEqual(before);
  });

  test.each([
    { what: 'when it is told to end', flags: [] },
    { what: 'when its pod is forced out', flags: ['--grace-period=0', '--force'] },
  ])('the loss of the leader loses nothing, $what', async ({ flags }) => {
    const before = await untouched();
    const former = await leader();
    await keepLogs();
    await kubectl(['delete', 'pod', former, `--namespace=${operatorNamespace}`, '--wait=false', ...flags]);
    const issued = await www.renew();
    await holds(www, issued);
    expect(await eventually(leader)).not.toBe(former);
    await atOperator(['rollout', 'status', `deployment/${release}`, patience]);
    expect(await untouched()).toEqual(before);
  });

  test.skipIf(traefik === undefined)(
    'an ingress controller never shows another certificate than the old or the new one, through renewals and refused bundles',
    async () => {
      await using group = await ProcessGroup.start();
      const edge = new Line('edge', { authority, nhn: clouds.nhn });
      await keep(edge);
      await inShop(['apply', '--server-side', '-f', '-'], ingressFor({ domain: edge.domain, secretName: edge.name }));
      const port = await startTraefik(traefik ?? '', { group, api, namespace: shop });
      const server = { port, domain: edge.domain, ca: authority.root };
      await eventually(() => shownBy(server));
      await using visitor = new Visitor(server);

      for (const refusal of refusals) {
        await visitor.sees(await edge.renew());
        await edge.spoil(refusal);
        await synced(edge, refusal);
        // It looks at Secrets again after 2 s at the latest, when there was something new.
        await setTimeout(3_000);
        await visitor.sees(await edge.renew());
      }
      expect(edge.good).toHaveLength(1 + 10);
      expect(visitor.shown).toEqual(
        edge.good.map(({ certificate }) => new X509Certificate(certificate).fingerprint256),
      );
      expect(visitor.failures).toEqual([]);
      console.log(`${visitor.handshakes} handshakes through 10 renewals and ${refusals.length} refused bundles.`);
    },
  );

  test('no operator was restarted, and none logged an error', async () => {
    const restarts = (await operators()).map(({ status }) => status.containerStatuses?.[0]?.restartCount);
    expect(restarts).toEqual([0, 0]);
    await keepLogs();
    const logs = await Promise.all(
      (await readdir(folders.logs)).map((file) => readFile(join(folders.logs, file), 'utf8')),
    );
    const lines = logs.flatMap((log) => log.split('\n').filter((line) => line.startsWith('{')));
    expect(lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });

  test('uninstalling leaves Secrets, CRDs and what is in them', async () => {
    const before = { secrets: await kept(), certificates: await list<ApiObject>('pcert', shop) };
    expect(before.certificates.length).toBeGreaterThan(10);
    expect(await uninstall()).toContain('kept due to the resource policy');
    expect(await kept()).toEqual(before.secrets);
    expect(await list('pcert', shop)).toEqual(before.certificates);
    expect((await kubectl(['get', 'crd', '--output=name'])).match(/\.provider-certificates\.io$/gm)).toHaveLength(4);
  });

  test('installed again, it goes on where it was', async () => {
    const before = await untouched();
    await run('install');
    await holds(www, await www.renew());
    expect(await untouched()).toEqual(before);
  });

  test('every version of every Secret was right, none was lost, and nothing told a secret', async () => {
    await keepLogs();
    const problems = await observer.stop();
    console.log(`Observed: ${observer.summary}.`);
    expect(problems).toEqual([]);
    const written = [...observer.uids];
    expect(written.map(([key]) => key).sort()).toEqual(
      [...(await kept()).keys()].map((name) => `${shop}/${name}`).sort(),
    );
    expect(written.filter(([, uids]) => uids.size > 1)).toEqual([]);
    expect(await findCanaries(folders)).toEqual([]);
  });
});
