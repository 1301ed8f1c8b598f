import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { loadAll } from 'js-yaml';

import { buildOperator } from '../scripts/build.ts';
import { Api, type ApiObject } from './control-plane/api.ts';
import { type ControlPlane, startControlPlane } from './control-plane/index.ts';
import { accessOf } from './control-plane/kubeconfig.ts';
import { freePort } from './control-plane/port.ts';
import { ProcessGroup, type Running } from './control-plane/processes.ts';
import { type Authority, type Issued, createAuthority } from './pki/index.ts';
import { type NhnAccount, type NhnSimulator, startNhnSimulator } from './providers/nhn/simulator.ts';
import { operatorRules } from './rbac.ts';

const root = join(import.meta.dirname, '..');

/** Where the examples are applied. */
export const namespace = 'default';

/** Nobody's credentials: the simulated NHN Cloud knows only these. */
const account: NhnAccount = {
  appKey: 'sandbox-appkey-0001',
  accessKeyId: 'sandbox-access-key-id',
  secretAccessKey: 'sandbox-secret-access-key',
};

const paths: Record<string, string> = {
  Secret: `/api/v1/namespaces/${namespace}/secrets`,
  CertificateProvider: `/apis/provider-certificates.io/v1alpha1/namespaces/${namespace}/certificateproviders`,
  ProviderCertificate: `/apis/provider-certificates.io/v1alpha1/namespaces/${namespace}/providercertificates`,
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
};

/** A small world on this machine: a real API server, a simulated NHN Cloud, and the operator between them. */
export class World implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly api: Api;
  readonly nhn: NhnSimulator;
  readonly authority: Authority;
  readonly #processes: ProcessGroup;
  operator: Running | undefined;

  private constructor(o: {
    controlPlane: ControlPlane;
    api: Api;
    nhn: NhnSimulator;
    authority: Authority;
    processes: ProcessGroup;
  }) {
    this.controlPlane = o.controlPlane;
    this.api = o.api;
    this.nhn = o.nhn;
    this.authority = o.authority;
    this.#processes = o.processes;
  }

  /** Starts the API server with our CRDs, and a cloud that holds the certificates of the examples. */
  static async start(log: (line: string) => void): Promise<World> {
    const controlPlane = await startControlPlane({ log });
    const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
    const nhn = await startNhnSimulator(account);
    const authority = await (await createAuthority()).intermediate();
    const world = new World({ controlPlane, api, nhn, authority, processes: await ProcessGroup.start() });
    for (const definition of await manifests('crds')) await world.apply(definition);
    return world;
  }

  /** Issues a new certificate for a name and uploads it to the cloud, as its owner would. */
  async upload(name: string): Promise<Issued> {
    const issued = await this.authority.issue({ dnsNames: [name] });
    this.nhn.upload(name, issued.bundle);
    return issued;
  }

  /** Runs the operator as it runs in a cluster: the built file, with the rights it needs and no others. */
  async startOperator(): Promise<void> {
    const file = join(this.#processes.directory, 'operator.mjs');
    await buildOperator(file);
    const kubeconfig = await this.controlPlane.serviceAccount({
      namespace: 'provider-certificates',
      name: 'operator',
      rules: operatorRules,
    });
    this.operator = await this.#processes.spawn({
      file: process.execPath,
      args: [
        file,
        `--kubeconfig=${kubeconfig}`,
        `--listen-address=127.0.0.1:${await freePort()}`,
        `--allow-endpoint=${new URL(this.nhn.url).host}`,
      ],
      env: { PATH: process.env['PATH'], HOME: this.#processes.directory },
      log: this.operatorLog,
    });
  }

  get operatorLog(): string {
    return join(this.#processes.directory, 'operator.log');
  }

  async apply(object: ApiObject): Promise<void> {
    const path = paths[object.kind];
    if (path === undefined) throw new Error(`The sandbox does not know where ${object.kind} goes`);
    await this.api.apply(path, object, 'kubectl');
  }

  /** An object of the namespace of the examples. */
  get(kind: 'Secret' | 'CertificateProvider' | 'ProviderCertificate', name: string): Promise<ApiObject> {
    return this.api.get<ApiObject>(`${paths[kind]}/${name}`);
  }

  list(kind: 'Secret' | 'CertificateProvider' | 'ProviderCertificate'): Promise<{ items: ApiObject[] }> {
    return this.api.get<{ items: ApiObject[] }>(paths[kind] ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.end();
    await this.nhn[Symbol.asyncDispose]();
    await this.api.close();
    await this.controlPlane.stop();
  }
}

/**
 * The examples as they are, but for what can only be known here: the endpoint of the simulated cloud, its credentials, and
 * a poll interval that does not try a spectator's patience.
 */
export async function examples(world: World): Promise<ApiObject[]> {
  return (await manifests('examples/nhn')).map((object) => {
    if (object.kind === 'Secret' && object.metadata.name === 'nhn-credentials')
      return { ...object, stringData: { ...account } };
    if (object.kind !== 'CertificateProvider') return object;
    const spec = object['spec'] as { nhn: object };
    return { ...object, spec: { ...spec, nhn: { ...spec.nhn, endpoint: world.nhn.url }, pollInterval: '10s' } };
  });
}

/** All objects in the YAML files of a folder of this repository; Secrets and providers first. */
async function manifests(folder: string): Promise<ApiObject[]> {
  const files = (await readdir(join(root, folder))).filter((file) => file.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')));
  const objects = texts.flatMap((text) => loadAll(text) as ApiObject[]);
  const order = ['Secret', 'CertificateProvider'];
  const rank = ({ kind }: ApiObject): number => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return objects.toSorted((a, b) => rank(a) - rank(b));
}
