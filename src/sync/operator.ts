import type { Logger } from 'pino';
import type { ProviderCertificate, ProviderCertificateStatus } from '../api/certificate.ts';
import {
  certificateProviders,
  certificateUploads,
  clusterCertificateProviders,
  providerCertificates,
} from '../api/group.ts';
import { fieldManager, managedLabel } from '../api/names.ts';
import type { Clock } from '../clock.ts';
import { Controller, type Outcome } from '../controller/controller.ts';
import { type Priority, WorkQueue } from '../controller/queue.ts';
import type { KubeClient } from '../kube/client.ts';
import { EventRecorder } from '../kube/events.ts';
import {
  type KubeObject,
  type Resource,
  apiVersionOf,
  namespaces as namespaceResource,
  objectKey,
  secrets as secretResource,
} from '../kube/objects.ts';
import type { Lease, LeaseLost } from '../kube/lease.ts';
import { Reflector } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import { Accounts } from '../providers/accounts.ts';
import type { Endpoints } from '../providers/endpoints.ts';
import type { HttpCall } from '../providers/http.ts';
import type { ProviderType } from '../providers/provider.ts';
import type { ProxySettings } from '../providers/proxy.ts';
import { providerFor as registered } from '../providers/registry.ts';
import { Actor } from './act.ts';
import type { Announcement } from './announce.ts';
import { Writer } from './apply.ts';
import {
  Directory,
  type ProviderLookup,
  type ProviderObject,
  type ProviderState,
  providerKey,
  providerKeyFor,
} from './directory.ts';
import { Holders } from './holder.ts';
import { forgetManagers, withoutLastApplied } from './last-applied.ts';
import { Lookout } from './look.ts';
import { Memories } from './memory.ts';
import { CertificateReconciler } from './reconcile.ts';
import { SecretReferences } from './references.ts';
import { SharedFields } from './shared-fields.ts';
import { Targets } from './target.ts';
import { Uploads } from './uploads/uploads.ts';

export interface OperatorOptions {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  endpoints: Endpoints;
  /** On the way to providers. */
  proxy?: ProxySettings | undefined;
  /** Empty: all namespaces, and cluster providers too. */
  watchNamespaces: readonly string[];
  /** Whether Secrets are uploaded, as CertificateUploads ask for. Default: false. */
  uploads?: boolean;
  /** How many certificates are worked on at the same time. */
  concurrency: number;
  /** Name of this replica, as events show it. */
  instance: string;
  /** Held by who may work. Absent: this is the only replica. */
  lease?: Lease | undefined;
  /** Default: the clouds that are spoken to. */
  providerFor?: ProviderLookup;
  /** In [0, 1): what spreads retries and polls. Default: by chance. */
  random?: () => number;
  /** Called when the lease is lost: the process has to end at once, with whatever is in flight. */
  onLeaseLost?: (error: LeaseLost) => void;
  observer: OperatorObserver;
}

/** Told what the operator does and finds; for metrics. */
export interface OperatorObserver {
  reconciled(result: { outcome: Outcome; durationMs: number }): void;
  providerCalled(call: HttpCall & { provider: ProviderType }): void;
  /** The status of a ProviderCertificate that was looked at; undefined when it is gone. */
  certificate(key: string, status: ProviderCertificateStatus | undefined): void;
}

/** In milliseconds; whoever is idle takes what is due at once. */
const longestDue = 120_000;
/**
 * What runs at the end may go on for so long, in milliseconds. Then the lease is given up and events are sent, and all of it
 * ends within 10 s.
 */
const graceMs = 6_000;
/** Provider objects are few, and each costs little. */
const providerConcurrency = 4;
/** Uploads are few too, and while they wait for a provider they take no place. */
const uploadConcurrency = 4;

/**
 * The whole operator: caches, queues and controllers, wired together. Everything that happens in the cluster or at a provider
 * ends as a key in a queue; everything that is done begins with one.
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #reflectors: Pick<Reflector<KubeObject>, 'run' | 'synced' | 'restarts'>[] = [];
  readonly #certificates: Store<ProviderCertificate>;
  readonly #providers: Record<ProviderObject['kind'], Store<ProviderObject>>;
  readonly #secrets: Store<KubeObject>;
  readonly #namespaces: Store<KubeObject>;
  readonly #uploads: Uploads;
  readonly #certificateQueue: WorkQueue;
  readonly #providerQueue: WorkQueue;
  readonly #accounts: Accounts;
  readonly #directory: Directory;
  readonly #events: EventRecorder;
  readonly #references: readonly Pick<SecretReferences, 'stop'>[];
  readonly #controllers: { providers: Controller; certificates: Controller; uploads: Controller };
  #ready = false;
  #leading = false;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { client, clock, logger, endpoints, proxy, concurrency, instance, observer } = options;
    const { random = Math.random, providerFor = registered } = options;
    const store = <T extends KubeObject>(): Store<T> => new Store<T>({ logger, trim: forgetManagers });
    this.#certificates = store();
    this.#providers = { CertificateProvider: store(), ClusterCertificateProvider: store() };
    const fields = new SharedFields();
    this.#secrets = new Store({ logger, trim: (secret) => fields.share(secret) });
    this.#namespaces = store();
    this.#certificateQueue = new WorkQueue({ clock, random });
    this.#providerQueue = new WorkQueue({ clock, random });
    this.#accounts = new Accounts({
      clock,
      logger,
      endpoints,
      proxy,
      random,
      onCall: (call) => observer.providerCalled(call),
    });
    this.#events = new EventRecorder({ client, clock, logger, component: fieldManager, instance });

    const references = (queue: WorkQueue): SecretReferences =>
      new SecretReferences({ client, clock, logger, random, onChange: (owner) => queue.add(owner) });
    const [ofProviders, ofCertificates] = [references(this.#providerQueue), references(this.#certificateQueue)];
    this.#references = [ofProviders, ofCertificates];
    const users = this.#certificates.index(({ metadata, spec }) => [providerKeyOf(metadata.namespace, spec)]);
    const directory = (this.#directory = new Directory({
      client,
      clock,
      endpoints,
      providerFor,
      providers: this.#providers,
      namespaces: this.#namespaces,
      clusterWide: options.watchNamespaces.length === 0,
      accounts: this.#accounts,
      references: ofProviders,
      events: this.#events,
      onFault: (key) => this.#providerQueue.add(key),
      onChange: (key, affects) => {
        for (const certificate of users(key))
          if (affects(certificate.spec?.remoteRef ?? {})) this.#enqueue(certificate);
        this.#uploads.providerChanged(key, affects);
      },
    }));

    const holders = new Holders(this.#certificates, {
      onRival: (key) => this.#certificateQueue.add(key),
      onUnclaimed: (secretKey) => targets.forget(secretKey),
    });
    const targets = new Targets({ client, clock, store: this.#secrets, holders });
    const writer = new Writer({ client, targets });
    const memories = new Memories();
    const lookout = new Lookout({
      certificates: this.#certificates,
      directory,
      holders,
      targets,
      references: ofCertificates,
      memories,
      clock,
      onGone: (key) => observer.certificate(key, undefined),
    });
    const announce = ({ apiVersion, kind, metadata }: KubeObject, event: Announcement): void => {
      const { namespace, name, uid } = metadata;
      this.#events.record({ apiVersion, kind, namespace, name, uid }, event);
    };
    const actor = new Actor({
      client,
      targets,
      writer,
      stillWanted: (view) => lookout.stillWanted(view),
      announce,
      onWritten: (key, secretKey) => {
        for (const rival of holders.claimants(secretKey)) if (rival !== key) this.#certificateQueue.add(rival, 'high');
      },
      clock,
      random,
    });
    const reconciler = new CertificateReconciler({
      client,
      certificates: this.#certificates,
      lookout,
      actor,
      memories,
      announce,
      clock,
      observe: (key, status) => observer.certificate(key, status),
    });

    this.#uploads = new Uploads({ client, clock, logger, random, directory, announce });

    const controller = (
      name: string,
      queue: WorkQueue,
      workers: number,
      reconcile: ConstructorParameters<typeof Controller>[0]['reconcile'],
    ): Controller =>
      new Controller({
        name,
        queue,
        concurrency: workers,
        reconcile,
        graceMs,
        clock,
        logger,
        onResult: (result) => observer.reconciled(result),
      });
    this.#controllers = {
      providers: controller('provider', this.#providerQueue, providerConcurrency, (key, o) =>
        directory.reconcile(key, o),
      ),
      certificates: controller('certificate', this.#certificateQueue, concurrency, (key, o) =>
        reconciler.reconcile(key, o),
      ),
      uploads: controller('upload', this.#uploads.queue, uploadConcurrency, (key, o) =>
        this.#uploads.reconcile(key, o),
      ),
    };
    this.#connect(holders);
  }

  /** Whether the caches hold everything: what is decided now is decided on the whole picture. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whether this replica is the one that works. */
  get leading(): boolean {
    return this.#leading;
  }

  get queues(): { provider: WorkQueue; certificate: WorkQueue } {
    return { provider: this.#providerQueue, certificate: this.#certificateQueue };
  }

  /** What is wrong when keys are due for long although there are workers for them; undefined while all is well. */
  get stalled(): string | undefined {
    const { providers, certificates, uploads } = this.#controllers;
    const stuck = (queue: WorkQueue, { idle }: Controller): boolean =>
      this.#leading && idle > 0 && queue.oldestDueMs() > longestDue;
    return stuck(this.#providerQueue, providers) ||
      stuck(this.#certificateQueue, certificates) ||
      stuck(this.#uploads.queue, uploads)
      ? 'work is due, and nobody does it'
      : undefined;
  }

  /** How the provider objects stand, and what is under way at each cloud. */
  get providers(): { states: Iterable<ProviderState>; traffic: Accounts['traffic'] } {
    return { states: this.#directory.states(), traffic: this.#accounts.traffic };
  }

  /** How often lists and watches broke off since the start. */
  get watchRestarts(): number {
    return this.#reflectors.reduce((sum, { restarts }) => sum + restarts, 0);
  }

  /**
   * Works until the signal is aborted: caches first, then the lease, then providers and certificates; stops in reverse,
   * letting what runs end within 10 s.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const watching = new AbortController();
    const events = this.#events.run(watching.signal);
    const watches = this.#reflectors.map((reflector) => reflector.run(watching.signal));
    try {
      await Promise.race([Promise.all(this.#reflectors.map(({ synced }) => synced)), aborted(signal)]);
      if (!signal.aborted) {
        this.#ready = true;
        logger.info({ certificates: this.#certificates.size, secrets: this.#secrets.size }, 'caches are complete');
        await this.#lead(signal);
      }
    } finally {
      this.#ready = false;
      for (const watches of [...this.#references, this.#uploads]) watches.stop();
      watching.abort();
      await Promise.all([this.#accounts.stop(), events, ...watches]);
    }
  }

  /** Works while the lease is held; keeps it until all work has ended. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { lease, onLeaseLost, logger } = this.#options;
    await lease?.acquire(signal).catch(() => {}); // the signal: nothing will be done
    if (signal.aborted) return;
    this.#leading = true;
    logger.info('work begins');
    const ended = new AbortController();
    const kept = lease?.keep(ended.signal).catch((error: LeaseLost) => onLeaseLost?.(error));
    await Promise.all(Object.values(this.#controllers).map((controller) => controller.run(signal)));
    this.#leading = false;
    ended.abort();
    await kept;
    await lease?.release();
  }

  /** From the cluster into the queues. */
  #connect(holders: Holders): void {
    const { watchNamespaces } = this.#options;
    const scopes = watchNamespaces.length === 0 ? [undefined] : watchNamespaces;
    for (const namespace of scopes) {
      this.#reflect(providerCertificates, this.#certificates, { namespace });
      this.#reflect(certificateProviders, this.#providers.CertificateProvider, { namespace });
      if (this.#options.uploads === true) this.#reflect(certificateUploads, this.#uploads.store, { namespace });
      this.#reflect(secretResource, this.#secrets, {
        namespace,
        labelSelector: `${managedLabel}=true`,
        metadataOnly: true,
      });
    }
    if (watchNamespaces.length === 0) {
      this.#reflect(clusterCertificateProviders, this.#providers.ClusterCertificateProvider, {});
      this.#reflect(namespaceResource, this.#namespaces, { metadataOnly: true });
    }
    this.#certificates.subscribe(({ object }) => this.#enqueue(object));
    this.#secrets.subscribe(({ object }) => {
      for (const key of holders.claimants(objectKey(object.metadata))) this.#certificateQueue.add(key, 'high');
    });
    for (const providers of Object.values(this.#providers)) {
      providers.subscribe(({ object }) => this.#providerQueue.add(providerKey(object.kind, object.metadata)));
    }
    const inNamespace = this.#certificates.index(({ metadata, spec }) =>
      spec?.providerRef?.kind === 'ClusterCertificateProvider' ? [metadata.namespace ?? ''] : [],
    );
    this.#namespaces.subscribe(({ object }) => {
      for (const certificate of inNamespace(object.metadata.name)) this.#enqueue(certificate);
      this.#uploads.namespaceChanged(object.metadata.name);
    });
  }

  #reflect<T extends KubeObject>(
    resource: Resource,
    store: Store<T>,
    selection: { namespace?: string | undefined; labelSelector?: string; metadataOnly?: boolean },
  ): void {
    const { client, clock, logger, random = Math.random } = this.#options;
    // Objects in lists do not say what they are.
    const decode = (raw: KubeObject): T =>
      withoutLastApplied({ ...raw, apiVersion: apiVersionOf(resource), kind: resource.kind }) as T;
    this.#reflectors.push(new Reflector({ client, clock, logger, random, resource, store, decode, ...selection }));
  }

  #enqueue({ metadata }: ProviderCertificate, priority: Priority = 'normal'): void {
    this.#certificateQueue.add(objectKey(metadata), priority);
  }
}

/** From the raw object, which may predate a rule. */
function providerKeyOf(namespace = '', spec: Pick<ProviderCertificate['spec'], 'providerRef'> | undefined): string {
  const { kind = 'CertificateProvider', name = '' } = spec?.providerRef ?? {};
  return providerKeyFor({ kind, name }, namespace);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
