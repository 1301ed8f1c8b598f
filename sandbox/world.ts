import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { buildOperator } from '../scripts/build.ts';
import { type Clouds, startClouds } from './clouds.ts';
import { Api, type ApiObject } from './control-plane/api.ts';
import { type ControlPlane, startControlPlane } from './control-plane/index.ts';
import { accessOf } from './control-plane/kubeconfig.ts';
import { freePort } from './control-plane/port.ts';
import { ProcessGroup, type Running } from './control-plane/processes.ts';
import { manifests } from './examples.ts';
import { type Authority, createAuthority } from './pki/index.ts';
import { clusterRules, uploadRules } from './rbac.ts';

/** Where the examples are applied. */
export const namespace = 'default';

const paths: Record<string, string> = {
  Secret: `/api/v1/namespaces/${namespace}/secrets`,
  CertificateProvider: `/apis/provider-certificates.io/v1alpha1/namespaces/${namespace}/certificateproviders`,
  ProviderCertificate: `/apis/provider-certificates.io/v1alpha1/namespaces/${namespace}/providercertificates`,
  CertificateUpload: `/apis/provider-certificates.io/v1alpha1/namespaces/${namespace}/certificateuploads`,
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
};

type Shown = 'Secret' | 'CertificateProvider' | 'ProviderCertificate' | 'CertificateUpload';

/** A small world on this machine: a real API server, three simulated clouds, and the operator between them. */
export class World implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly api: Api;
  readonly clouds: Clouds;
  readonly authority: Authority;
  readonly #processes: ProcessGroup;
  operator: Running | undefined;

  private constructor(o: {
    controlPlane: ControlPlane;
    api: Api;
    clouds: Clouds;
    authority: Authority;
    processes: ProcessGroup;
  }) {
    this.controlPlane = o.controlPlane;
    this.api = o.api;
    this.clouds = o.clouds;
    this.authority = o.authority;
    this.#processes = o.processes;
  }

  /** Starts the API server with our CRDs, and the clouds. */
  static async start(log: (line: string) => void): Promise<World> {
    const controlPlane = await startControlPlane({ log });
    const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
    const clouds = await startClouds();
    const authority = await (await createAuthority()).intermediate();
    const world = new World({ controlPlane, api, clouds, authority, processes: await ProcessGroup.start() });
    for (const definition of await manifests('crds')) await world.apply(definition);
    return world;
  }

  /** Runs the operator as it runs in a cluster: the built file, with the rights it needs and no others. */
  async startOperator(): Promise<void> {
    const file = join(this.#processes.directory, 'operator.mjs');
    await buildOperator(file);
    const kubeconfig = await this.controlPlane.serviceAccount({
      namespace: 'provider-certificates',
      name: 'operator',
      rules: [...clusterRules, ...uploadRules],
    });
    this.operator = await this.#processes.spawn({
      file: process.execPath,
      args: [
        file,
        `--kubeconfig=${kubeconfig}`,
        `--listen-address=127.0.0.1:${await freePort()}`,
        '--allow-endpoint=127.0.0.1',
        '--enable-uploads',
      ],
      env: { PATH: process.env['PATH'], HOME: this.#processes.directory },
      log: this.operatorLog,
    });
  }

  get operatorLog(): string {
    return join(this.#processes.directory, 'operator.log');
  }

  /** As `kubectl apply` does, on the server's side. */
  async apply(object: ApiObject): Promise<void> {
    await this.api.apply(pathOf(object), object, 'kubectl');
  }

  /** As `kubectl create` does: nothing of it is anybody's by apply. */
  async create(object: ApiObject): Promise<void> {
    await this.api.post(pathOf(object), object);
  }

  /** An object of the namespace of the examples. */
  get(kind: Shown, name: string): Promise<ApiObject> {
    return this.api.get<ApiObject>(`${paths[kind]}/${name}`);
  }

  list(kind: Shown): Promise<{ items: ApiObject[] }> {
    return this.api.get<{ items: ApiObject[] }>(paths[kind] ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.end();
    await this.clouds[Symbol.asyncDispose]();
    await this.api.close();
    await this.controlPlane.stop();
  }
}

function pathOf({ kind }: ApiObject): string {
  const path = paths[kind];
  if (path === undefined) throw new Error(`The sandbox does not know where ${kind} goes`);
  return path;
}
