import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { Api } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { freePort } from '../../sandbox/control-plane/port.ts';
import { ProcessGroup, type Running } from '../../sandbox/control-plane/processes.ts';
import { type Bench, namesOf } from './bench.ts';
import { Collections } from './collections.ts';
import type { Values } from './measures.ts';
import { parallel } from './parallel.ts';
import { untilQuiet } from './process-usage.ts';
import { difference, type Sample, takeSample } from './sample.ts';
import type { Place, Subject, Wanted } from './subject.ts';
import { type Watch, watch } from './watch.ts';
import type { Requests } from '../support/requests.ts';

export interface StageOptions {
  /** How many certificates the provider holds. */
  certificates: number;
  /** How often it is asked for news; default: 5 min, so that it is not asked again. */
  pollInterval?: string;
  /** More requests per second than this it answers with 429. */
  perSecond?: number;
  /** The certificates are wanted in many namespaces. */
  clusterWide?: boolean;
}

interface Parts {
  bench: Bench;
  subject: Subject;
  place: Place;
  controlPlane: ControlPlane;
  api: Api;
  collections: Collections;
  group: ProcessGroup;
  kubeconfig: string;
  owned: AsyncDisposableStack;
}

/** As long as something may take that needs no more than a moment on an idle machine, in milliseconds. */
const patienceMs = 60_000;
/** As long as each certificate may take on top of that, until it is Ready and when a start has to look at it. */
const patiencePerCertificateMs = 1_000;
const restPerCertificateMs = 20;

/** One API server, one account at the simulated cloud, and one subject between them: where one scenario takes place. */
export class Stage implements AsyncDisposable {
  readonly bench: Bench;
  readonly subject: Subject;
  readonly place: Place;
  readonly api: Api;
  readonly collections: Collections;
  /** When each certificate (`namespace/name`) was first seen to be Ready; milliseconds since the epoch. */
  readonly #readyAt = new Map<string, number>();
  readonly #controlPlane: ControlPlane;
  readonly #group: ProcessGroup;
  readonly #kubeconfig: string;
  readonly #owned: AsyncDisposableStack;
  #watch: Watch | undefined;
  #running: Running | undefined;

  private constructor(o: Parts) {
    this.bench = o.bench;
    this.subject = o.subject;
    this.place = o.place;
    this.api = o.api;
    this.collections = o.collections;
    this.#controlPlane = o.controlPlane;
    this.#group = o.group;
    this.#kubeconfig = o.kubeconfig;
    this.#owned = o.owned;
  }

  /** Sets everything up and waits until the subject is at rest. */
  static async start(bench: Bench, subject: Subject, o: StageOptions): Promise<Stage> {
    await using owned = new AsyncDisposableStack();
    const controlPlane = owned.use(await startControlPlane({ log: bench.say }));
    const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
    owned.defer(() => api.close());
    const { latencyMs } = bench;
    const { certificates, pollInterval = '5m', clusterWide = false, perSecond } = o;
    const names = namesOf(certificates);
    const provider = await bench.cloud.open({ names, latencyMs, ...(perSecond !== undefined && { perSecond }) });
    const kubeconfig = await controlPlane.serviceAccount({
      namespace: 'operator',
      name: 'operator',
      rules: subject.rules,
    });
    const collections = new Collections(api);
    for (const definition of await subject.definitions()) await collections.apply(definition);
    const place = { namespace: 'bench', provider, pollInterval, clusterWide };
    const group = owned.use(await ProcessGroup.start());
    const parts = { bench, subject, place, controlPlane, api, collections, group, kubeconfig };
    const stage = new Stage({ ...parts, owned: owned.move() });
    try {
      await stage.#open();
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  async #open(): Promise<void> {
    const { subject, place, collections } = this;
    await this.namespaces([place.namespace]);
    const setup = subject.setup(place);
    for (const object of setup) await collections.apply(object);
    const certificate = subject.certificate({ namespace: '', name: '', remote: '' }, place);
    this.#watch = await watch(this.api, await collections.everywhere(certificate), (object, at) => {
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      if (!this.#readyAt.has(key) && subject.isReady(object)) this.#readyAt.set(key, at);
    });
    await this.startSubject();
    await this.#until('the setup is in use', patienceMs, async () => {
      const now = await Promise.all(setup.map((object) => collections.get(object)));
      return subject.inUse?.(now) ?? true;
    });
    await this.quiet();
  }

  /** Starts the subject, and does not wait for it. */
  async startSubject(): Promise<void> {
    const home = this.#group.directory;
    const program = this.subject.program({ kubeconfig: this.#kubeconfig, port: await freePort(), home });
    this.#running = await this.#group.spawn({ ...program, log: this.#log });
  }

  /** SIGTERM, and what does not end by that is killed. */
  async stopSubject(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.kill('SIGTERM');
    const waited = new AbortController();
    const tooLong = setTimeout(patienceMs, undefined, { signal: waited.signal }).then(
      () => running?.kill('SIGKILL'),
      () => {}, // it ended
    );
    await running?.exited;
    waited.abort();
    await tooLong;
  }

  /** Waits until the subject is at rest. @returns when that was; undefined when it goes on and on */
  async quiet(): Promise<number | undefined> {
    const running = this.#running;
    if (running === undefined) throw new Error(`${this.subject.name} does not run`);
    const limitMs = patienceMs + this.#readyAt.size * restPerCertificateMs;
    try {
      return await untilQuiet(running.pid, limitMs);
    } catch (error) {
      await setTimeout(100); // the report of its end may be on the way
      throw running.exit === undefined ? error : await this.#failure('it is at rest', 'it has ended');
    }
  }

  async namespaces(names: readonly string[]): Promise<void> {
    const head = { apiVersion: 'v1', kind: 'Namespace' };
    await parallel(names.length, (index) =>
      this.collections.create({ ...head, metadata: { name: names[index] ?? '' } }),
    );
  }

  /** Creates an object for each certificate that is wanted, as fast as the API server takes them. */
  async want(wanted: readonly Wanted[]): Promise<void> {
    const objects = wanted.map((one) => this.subject.certificate(one, this.place));
    await parallel(objects.length, async (index) => {
      const object = objects[index];
      if (object) await this.collections.create(object);
    });
  }

  /** The first certificates of the provider, each wanted under its own name. */
  wanted(count: number): Wanted[] {
    return namesOf(count).map((name) => ({ namespace: this.place.namespace, name, remote: name }));
  }

  /** Waits until each of them has been Ready. @returns when that was, in the same order; milliseconds since the epoch */
  async ready(wanted: readonly Wanted[]): Promise<number[]> {
    const keys = wanted.map(({ namespace, name }) => `${namespace}/${name}`);
    let next = 0;
    const all = (): boolean => {
      while (next < keys.length && this.#readyAt.has(keys[next] ?? '')) next++;
      return next === keys.length;
    };
    const ms = patienceMs + keys.length * patiencePerCertificateMs;
    await this.#until(`${keys.length} certificates are Ready`, ms, all, this.#watch);
    return keys.map((key) => this.#readyAt.get(key) ?? NaN);
  }

  /** Waits for what the harness sees by a watch. */
  seen(what: string, holds: () => boolean, watch: Watch): Promise<void> {
    return this.#until(what, patienceMs, holds, watch);
  }

  /**
   * Does something, and tells what it took: what was asked of the API server and of the provider, and CPU time and memory of
   * everybody. A subject that is started meanwhile is measured from its start.
   */
  async measure<T>(during: () => Promise<T>): Promise<{ result: T; values: Values; requests: Requests }> {
    await this.bench.cloud.resetCounters();
    const before = await this.#sample();
    const result = await during();
    return { result, ...difference(before, await this.#sample()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.stop();
    await this.stopSubject();
    await this.#owned.disposeAsync();
  }

  #sample(): Promise<Sample> {
    const { collections, bench } = this;
    return takeSample({ controlPlane: this.#controlPlane, collections, cloud: bench.cloud, pid: this.#running?.pid });
  }

  async #until(what: string, ms: number, holds: () => boolean | Promise<boolean>, watch?: Watch): Promise<void> {
    const broken = watch?.broken ?? new Promise<never>(() => {});
    for (const end = Date.now() + ms; !(await holds()); await Promise.race([setTimeout(20), broken])) {
      if (this.#running?.exit !== undefined) throw await this.#failure(what, 'it has ended');
      if (Date.now() > end) throw await this.#failure(what, `that did not happen within ${ms / 1_000} s`);
    }
  }

  async #failure(what: string, why: string): Promise<Error> {
    const log = (await readFile(this.#log, 'utf8')).trim().split('\n').slice(-10).join('\n');
    return new Error(
      `Waited for ${this.subject.name} until ${what}: ${why}; ${this.#readyAt.size} certificates were Ready. ` +
        `Its log ends with:\n${log}`,
    );
  }

  get #log(): string {
    return join(this.#group.directory, 'subject.log');
  }
}
