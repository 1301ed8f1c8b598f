import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { pino } from 'pino';

import { type Clouds, credentials, startClouds } from '../../sandbox/clouds.ts';
import type { ControlPlane } from '../../sandbox/control-plane/index.ts';
import { freePort } from '../../sandbox/control-plane/port.ts';
import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { type Authority, createAuthority } from '../../sandbox/pki/index.ts';
import { clusterRules, leaderElectionRules } from '../../sandbox/rbac.ts';
import { buildOperator } from '../../scripts/build.ts';
import { certificateProviders, clusterCertificateProviders } from '../../src/api/group.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { apiVersionOf, namespaces, type Resource, secrets } from '../../src/kube/objects.ts';
import { Transport } from '../../src/kube/transport.ts';
import { findCanaries } from '../support/canaries.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { type ObservedControlPlane, startObserved } from '../support/observed.ts';
import type { Observer } from '../support/observer.ts';
import { type RunFolders, runFolders } from '../support/run.ts';
import { encoded } from '../support/world.ts';
import { entryPoint } from '../support/image.ts';
import { Replica } from './replica.ts';

/** How often the clouds are asked for their lists. */
export const pollSeconds = 10;
const root = join(import.meta.dirname, '..', '..');
const { signal } = new AbortController();
const logger = pino({ level: 'silent' });
const operatorNamespace = 'provider-certificates';

/** One operator, and its own way to the API server. */
export interface Seat {
  replica: Replica;
  proxy: FaultyProxy;
  /** Where it serves its metrics. */
  url: string;
}

/** The names of the provider objects that each namespace has; one of the cluster serves all. */
export const providers = { nhn: 'nhn', tokens: 'nhn-v13', scp: 'scp', naver: 'naver', cluster: 'shared' } as const;

/** A control plane of its own with an observer, three simulated clouds, and operators, which elect a leader if there are several. */
export class Stage implements AsyncDisposable {
  readonly client: KubeClient;
  readonly clouds: Clouds;
  readonly authority: Authority;
  readonly seats: readonly Seat[];
  readonly #observed: ObservedControlPlane;
  readonly #folders: RunFolders;
  readonly #ends: AsyncDisposableStack;

  private constructor(o: {
    observed: ObservedControlPlane;
    folders: RunFolders;
    client: KubeClient;
    clouds: Clouds;
    authority: Authority;
    seats: readonly Seat[];
    ends: AsyncDisposableStack;
  }) {
    this.#observed = o.observed;
    this.#folders = o.folders;
    this.client = o.client;
    this.clouds = o.clouds;
    this.authority = o.authority;
    this.seats = o.seats;
    this.#ends = o.ends;
  }

  /** @param replicas how many operators; they do not run yet */
  static async start({ replicas }: { replicas: number }): Promise<Stage> {
    await using building = new AsyncDisposableStack();
    const observed = await startObserved(({ directory }) => runFolders(join(directory, 'run')));
    const { controlPlane } = observed;
    building.defer(() => controlPlane.stop());
    const folders = runFolders(join(controlPlane.directory, 'run'));
    await buildOperator(folders.operator);
    const connection = loadConnection({ kubeconfig: controlPlane.adminKubeconfig, clock, logger });
    building.defer(() => connection.close());
    const client = new KubeClient(new Transport(connection, { clock, logger, userAgent: 'chaos' }), { clock });
    const clouds = building.use(await startClouds());
    const authority = await (await createAuthority()).intermediate();
    const group = building.use(await ProcessGroup.start());
    const kubeconfig = await controlPlane.serviceAccount({
      namespace: operatorNamespace,
      name: 'operator',
      rules: clusterRules,
      namespacedRules: [{ namespace: operatorNamespace, rules: leaderElectionRules }],
    });
    const seats: Seat[] = [];
    for (let index = 0; index < replicas; index++) {
      const proxy = building.use(await FaultyProxy.start(kubeconfig));
      const address = `127.0.0.1:${await freePort()}`;
      const args = [
        ...entryPoint.flags,
        folders.operator,
        `--kubeconfig=${await proxy.kubeconfig(kubeconfig)}`,
        ...(replicas > 1 ? ['--leader-elect'] : []),
        `--listen-address=${address}`,
        '--allow-endpoint=127.0.0.1',
        '--log-level=debug',
      ];
      const replica = new Replica({ name: `operator-${index}`, group, args, logs: folders.logs });
      seats.push({ replica, proxy, url: `http://${address}` });
    }
    return new Stage({ observed, folders, client, clouds, authority, seats, ends: building.move() });
  }

  get controlPlane(): ControlPlane {
    return this.#observed.controlPlane;
  }

  get observer(): Observer {
    return this.#observed.observer;
  }

  /** Makes a namespace with provider objects for all clouds, which are asked every 10 s. */
  async furnish(namespace: string): Promise<void> {
    const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await this.client.create(namespaces, manifest, { signal });
    for (const cloud of ['nhn', 'scp', 'naver'] as const) await this.putCredentials(namespace, cloud);
    for (const name of [providers.nhn, providers.tokens, providers.scp, providers.naver])
      await this.putProvider(namespace, name);
  }

  /** A provider object of the cluster for NHN Cloud, with the credentials of a namespace. */
  async furnishCluster(namespace: string): Promise<void> {
    const { url } = this.clouds.nhn;
    await this.#apply(clusterCertificateProviders, {
      metadata: { name: providers.cluster },
      spec: {
        nhn: { endpoint: url, credentialsSecretRef: { namespace, name: 'nhn-credentials' } },
        pollInterval: `${pollSeconds}s`,
        allowedNamespaces: { from: 'All' },
      },
    });
  }

  async putProvider(namespace: string, name: Exclude<keyof typeof providers, 'cluster'> | string): Promise<void> {
    const { nhn, scp, naver } = this.clouds;
    const ref = (cloud: keyof Clouds & string) => ({ credentialsSecretRef: { name: `${cloud}-credentials` } });
    const specs: Record<string, object> = {
      [providers.nhn]: { nhn: { endpoint: nhn.url, ...ref('nhn') } },
      [providers.tokens]: {
        nhn: { apiVersion: 'v1.3', endpoint: nhn.url, tokenEndpoint: nhn.url, ...ref('nhn') },
      },
      [providers.scp]: { scp: { endpoint: scp.url, ...ref('scp') } },
      [providers.naver]: { naver: { apiVersion: 'v2', endpoint: naver.url, ...ref('naver') } },
    };
    await this.#apply(certificateProviders, {
      metadata: { namespace, name },
      spec: { ...specs[name], pollInterval: `${pollSeconds}s` },
    });
  }

  /** @param spoilt some of them instead of the right ones */
  putCredentials(
    namespace: string,
    cloud: 'nhn' | 'scp' | 'naver',
    spoilt: Record<string, string> = {},
  ): Promise<void> {
    return this.putSecret(namespace, `${cloud}-credentials`, { ...credentials[cloud], ...spoilt });
  }

  async putSecret(namespace: string, name: string, values: Record<string, string>): Promise<void> {
    await this.#apply(secrets, { metadata: { namespace, name }, type: 'Opaque', data: encoded(values) });
  }

  /** Does what must be done in the end, however often the API server is in the way. */
  async insist<T>(act: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof KubeError) || !error.retryable) throw error;
        await sleep(250);
      }
    }
  }

  /**
   * Ends the operators and looks at everything that was seen of them.
   * @returns what was wrong, a line each
   */
  async conclude(): Promise<string[]> {
    await Promise.all(this.seats.map(({ replica }) => replica.stop()));
    const problems = this.seats.flatMap(({ replica }) => replica.problems);
    const seen = await this.observer.stop();
    return [...problems, ...seen, ...(await findCanaries(this.#folders))];
  }

  /** Copies what the operators logged to where it stays. @returns where */
  async keepLogs(name: string): Promise<string> {
    const kept = join(root, '.cache', 'logs', name);
    await rm(kept, { recursive: true, force: true });
    await cp(this.#folders.logs, kept, { recursive: true });
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ends.disposeAsync();
  }

  async #apply(
    resource: Resource,
    object: { metadata: { namespace?: string; name: string }; [field: string]: unknown },
  ) {
    const manifest = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
    await this.client.apply(resource, manifest, { fieldManager: 'chaos', force: true, signal });
  }
}
