import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { apiVersionOf, objectKey, secrets } from '../../src/kube/objects.ts';
import { certificateProviders, providerCertificates } from '../../src/api/group.ts';
import { refreshAnnotation } from '../../src/api/names.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/errors.ts';
import type { KubeObject, Manifest, Resource, Secret } from '../../src/kube/objects.ts';
import { ModelApiServer } from './api-server.ts';
import { Cloud } from './cloud.ts';
import { Invariants, Violation } from './invariants.ts';
import type { Pool } from './pool.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { type Variation, variationOf } from './variation.ts';
import { VirtualTime } from './virtual-time.ts';
import { type Weather, fairWeather } from './wire.ts';

const namespace = 'default';
const forever = new AbortController().signal;
/** Whoever is told to end has so long for it. */
const longestEndMs = 10_000;
/** Soon enough for those that take a silent watch for a dead one. */
const bookmarkMs = 120_000;

/** One cluster with its users, one cloud, and operators that come and go; all of it decided by a seed. */
export class World {
  readonly pool: Pool;
  readonly random: Random;
  readonly time: VirtualTime;
  readonly server: ModelApiServer;
  readonly cloud: Cloud;
  readonly invariants: Invariants;
  readonly processes: Process[] = [];
  readonly leaderElection: boolean;
  readonly variation: Variation;
  weather: Weather = fairWeather;
  /** What happened, for whoever has to find out why. */
  readonly story: string[] = [];
  readonly #user: KubeClient;
  #refreshes = 0;

  constructor(pool: Pool, seed: number) {
    this.pool = pool;
    this.random = new Random(seed);
    this.time = new VirtualTime(pool.origin);
    this.server = new ModelApiServer({ clock: this.time });
    this.variation = variationOf(seed);
    this.cloud = new Cloud(this.random, this.time, this.variation);
    const { time, cloud, variation } = this;
    this.invariants = new Invariants({ pool, cloud, time, limits: variation.limits });
    this.server.observe(this.invariants.stored);
    this.#user = new KubeClient(this.server.as('somebody'), { clock: this.time });
    this.leaderElection = this.random.chance(0.5);
    const tell = (): void => {
      this.server.bookmark();
      this.time.after(bookmarkMs, tell);
    };
    tell();
  }

  tell(what: string): void {
    this.story.push(`${(this.time.elapsed() / 1_000).toFixed(3).padStart(10)} s  ${what}`);
  }

  pass(ms: number): Promise<void> {
    return this.time.pass(ms, () => {
      this.invariants.check();
      const leading = this.alive.filter(({ operator, machine }) => operator.leading && machine.awakeForMs > 1_000);
      if (leading.length > 1)
        throw new Violation(`${leading.map(({ name }) => name).join(' and ')} lead at the same time`);
      const late = this.processes.find(({ endingForMs }) => endingForMs > longestEndMs);
      if (late !== undefined) throw new Violation(`${late.name} was told to end, and did not within 10 s`);
    });
  }

  startOperator(): void {
    const name = `operator-${this.processes.length + 1}`;
    const { time, random, server, cloud, leaderElection, invariants: around } = this;
    const weather = (): Weather => this.weather;
    const skewMs = this.variation.skewMs();
    this.processes.push(new Process({ name, time, random, server, cloud, weather, leaderElection, skewMs, around }));
    this.tell(`${name} starts`);
  }

  get alive(): Process[] {
    return this.processes.filter(({ alive }) => alive);
  }

  // What users do. They meet the API server directly, and nobody is in their way.

  async credentials(secretAccessKey: string): Promise<void> {
    const values = { appKey: 'app', accessKeyId: 'id', secretAccessKey };
    const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, base64(value)]));
    await this.apply(secrets, { name: 'nhn-credentials', data, type: 'Opaque' });
  }

  async provider(pollInterval: string): Promise<void> {
    const nhn = { credentialsSecretRef: { name: 'nhn-credentials' } };
    await this.apply(certificateProviders, { name: 'nhn', spec: { nhn, pollInterval, limits: this.variation.limits } });
  }

  async certificate(name: string, spec: Partial<ProviderCertificate['spec']>): Promise<void> {
    const manifest = { providerRef: { name: 'nhn' }, remoteRef: { name: this.pool.names[0] }, ...spec };
    await this.#user.create(
      providerCertificates,
      { ...head(providerCertificates, name), spec: manifest },
      { signal: forever },
    );
  }

  async change(name: string, patch: object): Promise<void> {
    await this.#user.mergePatch(providerCertificates, { namespace, name }, patch, { signal: forever });
  }

  async refresh(name: string): Promise<void> {
    this.invariants.forgetDownloads(600_000); // it may be a while until somebody leads who sees it
    await this.change(name, { metadata: { annotations: { [refreshAnnotation]: String(++this.#refreshes) } } });
  }

  async remove(resource: Resource, name: string): Promise<void> {
    await this.#user.delete(resource, { namespace, name }, { signal: forever });
  }

  async edit(name: string, patch: object): Promise<void> {
    await this.#user.mergePatch(secrets, { namespace, name }, patch, { signal: forever });
  }

  async createSecret(name: string, fields: object): Promise<void> {
    await this.#user.create(secrets, { ...head(secrets, name), ...fields }, { signal: forever });
  }

  async apply(resource: Resource, { name, ...fields }: { name: string; [field: string]: unknown }): Promise<void> {
    await this.#user.apply(
      resource,
      { ...head(resource, name), ...fields },
      { fieldManager: 'somebody', force: true, signal: forever },
    );
  }

  async get<T extends KubeObject>(resource: Resource, name: string): Promise<T | undefined> {
    try {
      return await this.#user.get<T>(resource, { namespace, name }, { signal: forever });
    } catch (error) {
      if (error instanceof KubeError && error.reason === 'NotFound') return undefined;
      throw error;
    }
  }

  async all<T extends KubeObject>(resource: Resource): Promise<T[]> {
    const found: T[] = [];
    for await (const { items } of this.#user.pages<T>(resource, { namespace, signal: forever })) found.push(...items);
    return found;
  }

  async certificates(): Promise<ProviderCertificate[]> {
    return this.all<ProviderCertificate>(providerCertificates);
  }

  /** Secrets by name, without those with credentials. */
  async tlsSecrets(): Promise<Map<string, Secret>> {
    const all = await this.all<Secret>(secrets);
    return new Map(
      all.filter(({ metadata }) => metadata.name !== 'nhn-credentials').map((secret) => [secret.metadata.name, secret]),
    );
  }

  /** YYYY-MM-DD, so many days ago. */
  day(ago: number): string {
    return new Date(this.time.now() - ago * 86_400_000).toISOString().slice(0, 10);
  }
}

function head(resource: Resource, name: string): Manifest {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { namespace, name } };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** `namespace/name` of an object in the one namespace that there is. */
export function keyOf(name: string): string {
  return objectKey({ namespace, name });
}
