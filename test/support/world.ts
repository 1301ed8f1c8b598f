import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { pino } from 'pino';
import { inject } from 'vitest';

import { Api } from '../../sandbox/control-plane/api.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { createServiceAccount } from '../../sandbox/control-plane/service-account.ts';
import { type Authority, type Issued, type LeafRequest, createAuthority } from '../../sandbox/pki/index.ts';
import {
  type NhnAccount,
  type NhnDates,
  type NhnSimulator,
  startNhnSimulator,
} from '../../sandbox/providers/nhn/simulator.ts';
import { clusterRules, leaderElectionRules, namespaceRules, uploadRules } from '../../sandbox/rbac.ts';
import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { certificateProviders, clusterCertificateProviders, providerCertificates } from '../../src/api/group.ts';
import { refreshAnnotation } from '../../src/api/names.ts';
import type { ProviderReadyReason, ReadyReason, SyncedReason } from '../../src/api/reasons.ts';
import { systemClock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Transport } from '../../src/kube/transport.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { apiVersionOf, events, namespaces, secrets } from '../../src/kube/objects.ts';
import type { KubeObject, Resource, Secret } from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { canary } from './canaries.ts';
import { eventually } from './eventually.ts';
import { type Operator, startOperator } from './operator.ts';

export type CertificateSpec = ProviderCertificate['spec'];
type Condition = NonNullable<NonNullable<ProviderCertificate['status']>['conditions']>[number];

export interface SeenEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
}

interface ProviderObject extends KubeObject {
  status?: { conditions?: Condition[]; certificates?: number };
}

interface WorldOptions {
  /** Default: the control plane that all tests share. */
  kubeconfig?: string;
  /**
   * The operator serves all namespaces, and cluster providers. Only on a control plane of one's own: operators must not
   * fight.
   */
  clusterWide?: boolean;
  /** Of the provider object `nhn`. */
  pollInterval?: string;
  /** False: without an operator, until `startOperator`. */
  operator?: boolean;
  /** The operator may upload, and does. */
  uploads?: boolean;
  /** More flags for the operator, and more of its environment. */
  args?: readonly string[];
  env?: Record<string, string>;
  /** What the operator is started with instead of its kubeconfig, such as the way through a proxy. */
  through?: (kubeconfig: string) => Promise<string>;
}

/** What a first list and a first download take, and a poll, on a machine that is busy with other tests. */
const patience = { timeoutMs: 60_000 };
const clock = systemClock;
const logger = pino({ level: 'silent' });
const { signal } = new AbortController();

/**
 * Starts a namespace of its own with a simulated NHN Cloud, the provider object `nhn` for it, and an operator that works
 * in this namespace only, with the rights it needs there and no others.
 */
export async function world(options: WorldOptions = {}): Promise<World> {
  const { kubeconfig = inject('kubeconfig'), pollInterval = '10s', operator = true } = options;
  const connection = loadConnection({ kubeconfig, clock, logger });
  const client = new KubeClient(new Transport(connection, { clock, logger, userAgent: 'somebody' }), { clock });
  const namespace = await newNamespace(client);
  const authority = await (await createAuthority()).intermediate();
  const { access, nhn } = await cloud();
  const made = new World({ client, namespace, authority, access, nhn, options: { ...options, kubeconfig } });
  await made.credentials('nhn', access);
  await made.provider('nhn', nhn, { pollInterval });
  if (operator) await made.startOperator();
  return made;
}

/** A simulated NHN Cloud of its own, with the only credentials that it lets in. */
export async function cloud(): Promise<{ access: NhnAccount; nhn: NhnSimulator }> {
  const secret = (): string => randomBytes(12).toString('hex');
  const access = { appKey: `app${secret()}`, accessKeyId: `id${secret()}`, secretAccessKey: `key${secret()}` };
  canary(access.appKey, access.secretAccessKey);
  return { access, nhn: await startNhnSimulator(access) };
}

async function newNamespace(client: KubeClient, labels: Record<string, string> = {}): Promise<string> {
  const name = `world-${randomBytes(4).toString('hex')}`;
  const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await client.create(namespaces, manifest, { signal });
  return name;
}

/** Everything that one test file plays with. Writes are those of a user called `somebody`, unless said otherwise. */
export class World implements AsyncDisposable {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly authority: Authority;
  /** The account of the provider object `nhn`. */
  readonly access: NhnAccount;
  readonly nhn: NhnSimulator;
  readonly #options: WorldOptions & { kubeconfig: string };
  readonly #certificates = new Store<ProviderCertificate>({ logger });
  readonly #watching = new AbortController();
  readonly #neighbours: World[] = [];
  #operator: Operator | undefined;
  #refreshes = 0;

  constructor(o: {
    client: KubeClient;
    namespace: string;
    authority: Authority;
    access: NhnAccount;
    nhn: NhnSimulator;
    options: WorldOptions & { kubeconfig: string };
  }) {
    this.client = o.client;
    this.namespace = o.namespace;
    this.authority = o.authority;
    this.access = o.access;
    this.nhn = o.nhn;
    this.#options = o.options;
    const { client, namespace } = o;
    const certificates = { resource: providerCertificates, store: this.#certificates, namespace };
    void new Reflector({ client, ...certificates, logger, clock }).run(this.#watching.signal);
  }

  get operator(): Operator {
    if (this.#operator === undefined) throw new Error('no operator was started');
    return this.#operator;
  }

  /**
   * @param options.ready false: it cannot become ready now, and is not waited for
   * @param options.alsoWatch more namespaces to work in, with the same rights there
   */
  async startOperator({
    alsoWatch = [],
    ...options
  }: { ready?: boolean; alsoWatch?: string[] } = {}): Promise<Operator> {
    const { clusterWide = false, uploads = false, through, args = [], env = {} } = this.#options;
    const watched = clusterWide ? [] : [this.namespace, ...alsoWatch];
    const scope = watched.flatMap((namespace) => ['--watch-namespace', namespace]);
    const work = uploads ? ['--enable-uploads'] : [];
    const kubeconfig = await this.serviceAccount(alsoWatch);
    this.#operator = await startOperator({
      kubeconfig: (await through?.(kubeconfig)) ?? kubeconfig,
      args: [...scope, ...work, '--allow-endpoint', '127.0.0.1', ...args],
      env,
      ...options,
    });
    return this.#operator;
  }

  /**
   * Makes the ServiceAccount of the operator with what it needs; with watched namespaces that is nothing outside of them.
   *
   * @param alsoWatch more of them
   * @returns the path of a kubeconfig with a new token of it
   */
  async serviceAccount(alsoWatch: readonly string[] = []): Promise<string> {
    const { kubeconfig, clusterWide = false, uploads = false } = this.#options;
    const api = new Api(accessOf(await readFile(kubeconfig, 'utf8')));
    const { namespace } = this;
    const more = uploads ? uploadRules : [];
    const work = [...namespaceRules, ...more];
    try {
      return await createServiceAccount(api, dirname(kubeconfig), {
        namespace,
        name: 'operator',
        rules: clusterWide ? [...clusterRules, ...more] : [],
        namespacedRules: [
          { namespace, rules: [...(clusterWide ? [] : work), ...leaderElectionRules] },
          ...alsoWatch.map((other) => ({ namespace: other, rules: work })),
        ],
      });
    } finally {
      await api.close();
    }
  }

  /** Another namespace, with the same provider; nothing is in it. For an operator that serves all namespaces. */
  async neighbour(labels: Record<string, string> = {}): Promise<World> {
    const { client, authority, access, nhn } = this;
    const namespace = await newNamespace(client, labels);
    const neighbour = new World({ client, namespace, authority, access, nhn, options: this.#options });
    this.#neighbours.push(neighbour);
    return neighbour;
  }

  // At the provider

  /** Issues a certificate and uploads it to the provider with its chain, root and key. Default name in it: `<name>.example.com`. */
  async upload(name: string, request: LeafRequest = {}, dates: NhnDates = {}): Promise<Issued> {
    const issued = await this.issue(name, request);
    this.nhn.upload(name, issued.bundle, dates);
    return issued;
  }

  issue(name: string, request: LeafRequest = {}): Promise<Issued> {
    return this.authority.issue({ dnsNames: [`${name}.example.com`], ...request });
  }

  // Provider objects

  /** Writes the credentials Secret `<provider>-credentials`. */
  credentials(provider: string, values: Partial<NhnAccount>): Promise<Secret> {
    return this.putSecret(`${provider}-credentials`, { ...values });
  }

  /** Writes a CertificateProvider, by default for NHN Cloud with `<name>-credentials`. */
  provider(name: string, { url }: { url: string }, spec: Record<string, unknown> = {}): Promise<ProviderObject> {
    return this.client.apply<ProviderObject>(
      certificateProviders,
      {
        ...this.#head(certificateProviders, name),
        spec: {
          nhn: { endpoint: url, credentialsSecretRef: { name: `${name}-credentials` } },
          pollInterval: '10s',
          ...spec,
        },
      },
      { fieldManager: 'somebody', force: true, signal },
    );
  }

  /** Writes a ClusterCertificateProvider that uses `nhn-credentials` of this namespace. */
  clusterProvider(name: string, spec: Record<string, unknown>): Promise<ProviderObject> {
    const { namespace } = this;
    return this.client.apply<ProviderObject>(
      clusterCertificateProviders,
      {
        apiVersion: apiVersionOf(clusterCertificateProviders),
        kind: clusterCertificateProviders.kind,
        metadata: { name },
        spec: {
          nhn: { endpoint: this.nhn.url, credentialsSecretRef: { namespace, name: 'nhn-credentials' } },
          pollInterval: '10s',
          ...spec,
        },
      },
      { fieldManager: 'somebody', force: true, signal },
    );
  }

  /** The status of a CertificateProvider as it is now. */
  async providerStatus(name: string): Promise<ProviderObject['status']> {
    const { namespace } = this;
    return (await this.client.get<ProviderObject>(certificateProviders, { namespace, name }, { signal })).status;
  }

  /** Waits until a CertificateProvider is Ready, or not, for this reason. */
  providerReady(name: string, reason: ProviderReadyReason): Promise<Condition> {
    return eventually(
      async () => {
        const { namespace } = this;
        const found = await this.client.get<ProviderObject>(certificateProviders, { namespace, name }, { signal });
        const { generation } = found.metadata;
        return expectReason(`CertificateProvider ${name}`, found.status?.conditions, {
          type: 'Ready',
          reason,
          generation,
        });
      },
      { ...patience, intervalMs: 250 },
    );
  }

  // ProviderCertificates

  /** Creates a ProviderCertificate; by default for the certificate of the same name at `nhn`. */
  async certificate(
    name: string,
    spec: Partial<CertificateSpec> = {},
    metadata: object = {},
  ): Promise<ProviderCertificate> {
    const head = this.#head(providerCertificates, name);
    const created = await this.client.create<ProviderCertificate>(
      providerCertificates,
      {
        ...head,
        metadata: { ...head.metadata, ...metadata },
        spec: { providerRef: { name: 'nhn' }, remoteRef: { name }, ...spec },
      },
      { signal },
    );
    this.#certificates.absorb(created);
    return created;
  }

  /** Changes the spec; null removes a field. */
  async patch(name: string, spec: { [F in keyof CertificateSpec]?: unknown }): Promise<ProviderCertificate> {
    return this.#change(name, { spec });
  }

  /** Asks for a download now. */
  async refresh(name: string): Promise<string> {
    const value = `refresh-${++this.#refreshes}`;
    await this.#change(name, { metadata: { annotations: { [refreshAnnotation]: value } } });
    return value;
  }

  /** Deletes a ProviderCertificate, and waits until it is gone. */
  async remove(name: string): Promise<void> {
    const key = `${this.namespace}/${name}`;
    const uid = this.#certificates.get(key)?.metadata.uid;
    await this.client.delete(providerCertificates, { namespace: this.namespace, name }, { signal });
    await eventually(() => {
      if (uid !== undefined && this.#certificates.get(key)?.metadata.uid === uid)
        throw new Error(`${name} is still there`);
    });
  }

  /** What the API server has now. */
  get(name: string): Promise<ProviderCertificate> {
    return this.client.get(providerCertificates, { namespace: this.namespace, name }, { signal });
  }

  /** Waits until Synced has this reason, and speaks of the spec as it is now. */
  synced(name: string, reason: SyncedReason): Promise<Condition> {
    return this.#condition(name, 'Synced', reason);
  }

  /** Waits until Ready has this reason, and speaks of the spec as it is now. */
  ready(name: string, reason: ReadyReason): Promise<Condition> {
    return this.#condition(name, 'Ready', reason);
  }

  /** Waits until a ProviderCertificate satisfies the check, which throws as long as it does not. */
  until<T>(name: string, check: (certificate: ProviderCertificate) => T): Promise<T> {
    return eventually(() => {
      const found = this.#certificates.get(`${this.namespace}/${name}`);
      if (found === undefined) throw new Error(`there is no ProviderCertificate ${name}`);
      return check(found);
    }, patience);
  }

  #condition(name: string, type: string, reason: string): Promise<Condition> {
    return this.until(name, ({ status, metadata: { generation } }) =>
      expectReason(`ProviderCertificate ${name}`, status?.conditions, { type, reason, generation }),
    );
  }

  async #change(name: string, patch: object): Promise<ProviderCertificate> {
    const where = { namespace: this.namespace, name };
    const changed = await this.client.mergePatch<ProviderCertificate>(providerCertificates, where, patch, { signal });
    this.#certificates.absorb(changed);
    return changed;
  }

  // Secrets

  /** The Secret as it is now; undefined when there is none. */
  async secret(name: string, namespace = this.namespace): Promise<Secret | undefined> {
    return this.client.get<Secret>(secrets, { namespace, name }, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** Waits until the Secret exists and satisfies the check, which throws as long as it does not. */
  secretUntil(name: string, check: (secret: Secret) => void = () => {}): Promise<Secret> {
    return eventually(
      async () => {
        const secret = await this.secret(name);
        if (secret === undefined) throw new Error(`there is no Secret ${name}`);
        check(secret);
        return secret;
      },
      { ...patience, intervalMs: 250 },
    );
  }

  /** Waits until the Secret holds exactly this certificate and its key. */
  holds(name: string, issued: Pick<Issued, 'certificate' | 'privateKey'>): Promise<Secret> {
    return this.secretUntil(name, (secret) => {
      const [is, shall] = [leafOf(secret), new X509Certificate(issued.certificate)];
      if (is?.fingerprint256 !== shall.fingerprint256)
        throw new Error(`Secret ${name} holds ${is?.serialNumber ?? 'nothing'}, not ${shall.serialNumber}`);
      if (textOf(secret, 'tls.key') !== issued.privateKey) throw new Error(`Secret ${name} holds another key`);
    });
  }

  /** Creates or replaces the data of a Secret of somebody; by default an Opaque one. */
  putSecret(
    name: string,
    values: Record<string, string>,
    {
      type = 'Opaque',
      manager = 'somebody',
      metadata = {},
    }: { type?: string; manager?: string; metadata?: object } = {},
  ): Promise<Secret> {
    const head = this.#head(secrets, name);
    return this.client.apply<Secret>(
      secrets,
      { ...head, metadata: { ...head.metadata, ...metadata }, type, data: encoded(values) },
      { fieldManager: manager, force: true, signal },
    );
  }

  /** Creates a Secret as `kubectl create` does: nothing of it is anybody's by apply. */
  createSecret(
    name: string,
    values: Record<string, string>,
    rest: { type?: string; immutable?: boolean; metadata?: object } = {},
  ): Promise<Secret> {
    const head = this.#head(secrets, name);
    const { metadata = {}, ...fields } = rest;
    return this.client.create<Secret>(
      secrets,
      {
        ...head,
        metadata: { ...head.metadata, ...metadata },
        type: 'kubernetes.io/tls',
        ...fields,
        data: encoded(values),
      },
      { signal },
    );
  }

  patchSecret(name: string, patch: object): Promise<Secret> {
    return this.client.mergePatch<Secret>(secrets, { namespace: this.namespace, name }, patch, { signal });
  }

  deleteSecret(name: string): Promise<void> {
    return this.client.delete(secrets, { namespace: this.namespace, name }, { signal });
  }

  // Events

  /** The events about an object of ours, in the order in which they came to be. */
  async events(name: string, kind = 'ProviderCertificate'): Promise<SeenEvent[]> {
    const fieldSelector = `involvedObject.name=${name},involvedObject.kind=${kind}`;
    const seen: (SeenEvent & KubeObject & { firstTimestamp?: string })[] = [];
    const pages = this.client.pages<(typeof seen)[number]>(events, {
      namespace: this.namespace,
      fieldSelector,
      signal,
    });
    for await (const { items } of pages) seen.push(...items);
    return seen
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map(({ type, reason, message, count }) => ({ type, reason, message, count }));
  }

  /** The reasons of these events, but for what is told while the list at the provider is older than the certificate. */
  async reasons(name: string): Promise<string[]> {
    const seen = await this.events(name);
    return seen.map(({ reason }) => reason).filter((reason) => reason !== 'CertificateNotFound');
  }

  /** Waits until there is an event with this reason. */
  event(name: string, reason: string): Promise<SeenEvent> {
    return eventually(
      async () => {
        const seen = await this.events(name);
        const found = seen.findLast((event) => event.reason === reason);
        if (found === undefined)
          throw new Error(
            `no event ${reason} for ${name}, only ${seen.map((event) => event.reason).join(', ') || 'none'}`,
          );
        return found;
      },
      { ...patience, intervalMs: 250 },
    );
  }

  #head(
    { kind, ...resource }: Resource,
    name: string,
  ): { apiVersion: string; kind: string; metadata: { namespace: string; name: string } } {
    return { apiVersion: apiVersionOf({ kind, ...resource }), kind, metadata: { namespace: this.namespace, name } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#operator?.[Symbol.asyncDispose]();
    for (const one of [this, ...this.#neighbours]) one.#watching.abort();
    await this.nhn[Symbol.asyncDispose]();
  }
}

/** The values of a kubernetes.io/tls Secret for something that was issued. */
export function tlsOf({ certificate, chain, privateKey }: Issued): { 'tls.crt': string; 'tls.key': string } {
  return { 'tls.crt': certificate + chain, 'tls.key': privateKey };
}

export function leafOf(secret: Secret | undefined): X509Certificate | undefined {
  const certificates = textOf(secret, 'tls.crt');
  return certificates ? new X509Certificate(certificates) : undefined;
}

/** The text under a key of a Secret; '' when there is none. */
export function textOf(secret: Secret | undefined, key: string): string {
  return Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
}

export function encoded(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

function expectReason(
  title: string,
  conditions: readonly Condition[] = [],
  expected: { type: string; reason: string; generation: number | undefined },
): Condition {
  const { type, reason, generation } = expected;
  const found = conditions.find((condition) => condition.type === type);
  if (found?.reason === reason && found.observedGeneration === generation) return found;
  const shown = conditions.map((one) => `${one.type}=${one.reason}@${one.observedGeneration} (${one.message})`);
  throw new Error(`${title}: ${type} is not ${reason}@${generation}, but ${shown.join('; ') || 'nothing is said yet'}`);
}
