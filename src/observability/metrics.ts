import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const prefix = 'provider_certificates_';

/** What is read at the moment of a scrape. */
interface Sources {
  version: string;
  queue: { readonly depth: number; oldestDueMs(): number };
  /** How often watches were started again since the process started. */
  watchRestarts: () => number;
  leading: () => boolean;
  providers: () => { states: Iterable<ProviderState>; traffic: Iterable<Traffic> };
}

interface ProviderState {
  kind: string;
  /** Absent for cluster providers. */
  namespace?: string | undefined;
  name: string;
  ready: boolean;
  /** Milliseconds since the epoch. */
  lastSuccess?: number | undefined;
}

interface Traffic {
  provider: string;
  inFlight: number;
  inFlightLimit: number;
}

interface CertificateName {
  namespace: string;
  name: string;
}

/** What a ProviderCertificate shows; times in milliseconds since the epoch. */
export interface CertificateState {
  conditions: readonly { type: string; status: 'True' | 'False' | 'Unknown'; reason: string }[];
  notBefore?: number | undefined;
  notAfter?: number | undefined;
  lastSuccess?: number | undefined;
  /** The provider has one that ends later. */
  renewedElsewhere?: boolean | undefined;
}

const statuses = ['True', 'False', 'Unknown'] as const;
const ofCertificate = ['namespace', 'name'] as const;
const ofProvider = ['kind', 'namespace', 'name'] as const;

/** The metrics of the process, in a registry of their own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #reconciles: Counter<'result'>;
  readonly #panics: Counter;
  readonly #reconcileSeconds: Histogram;
  readonly #requests: Counter<'provider' | 'operation' | 'code'>;
  readonly #requestSeconds: Histogram<'provider' | 'operation'>;
  readonly #clockSkew: Gauge<'provider'>;
  readonly #dates: Record<'notAfter' | 'notBefore' | 'lastSuccess', Gauge<'namespace' | 'name'>>;
  readonly #renewedElsewhere: Gauge<'namespace' | 'name'>;
  readonly #condition: Gauge<'namespace' | 'name' | 'condition' | 'status'>;
  readonly #statusInfo: Gauge<'namespace' | 'name' | 'reason'>;
  /** What each certificate has series for besides its name: its conditions, and the reason of Synced. */
  readonly #shown = new Map<string, { types: ReadonlySet<string>; reason: string | undefined }>();

  constructor({ version, queue, watchRestarts, leading, providers }: Sources) {
    collectDefaultMetrics({ register: this.#registry });
    const named = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) => ({
      name: `${prefix}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
    const buildInfo = new Gauge(named('build_info', 'Always 1; the version is a label.', ['version', 'node']));
    buildInfo.set({ version, node: process.version }, 1);
    this.#sampled('leader', '1 while this replica is the one that works.', () => Number(leading()));
    this.#sampled('workqueue_depth', 'Keys that are due and wait for a worker.', () => queue.depth);
    this.#sampled(
      'workqueue_oldest_seconds',
      'How long the key that waits longest has been due.',
      () => queue.oldestDueMs() / 1_000,
    );
    this.#sampled('watch_restarts_total', 'Watches on the API server that were started again.', watchRestarts);
    this.#reconciles = new Counter(named('reconcile_total', 'Reconciles by how they ended.', ['result']));
    this.#panics = new Counter(
      named('reconcile_panics_total', 'Reconciles that threw what was not foreseen: a defect.'),
    );
    this.#reconcileSeconds = new Histogram({
      ...named('reconcile_duration_seconds', 'How long reconciles took.'),
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120],
    });
    this.#requests = new Counter(
      named('provider_requests_total', 'Calls to providers by outcome.', ['provider', 'operation', 'code']),
    );
    this.#requestSeconds = new Histogram({
      ...named('provider_request_duration_seconds', 'How long calls to providers took.', ['provider', 'operation']),
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    });
    this.#clockSkew = new Gauge(
      named('clock_skew_seconds', "How far this machine's clock is ahead of the provider's.", ['provider']),
    );
    this.#dates = {
      notAfter: new Gauge(
        named('certificate_expiration_timestamp_seconds', 'When the certificate in the Secret ends.', ofCertificate),
      ),
      notBefore: new Gauge(
        named('certificate_not_before_timestamp_seconds', 'When the certificate in the Secret begins.', ofCertificate),
      ),
      lastSuccess: new Gauge(
        named(
          'certificate_last_success_timestamp_seconds',
          'When the Secret was last proved equal to what the provider has.',
          ofCertificate,
        ),
      ),
    };
    this.#renewedElsewhere = new Gauge(
      named('certificate_renewed_elsewhere', '1 when the provider has a certificate that ends later.', ofCertificate),
    );
    this.#condition = new Gauge(
      named('certificate_condition', '1 for the status that a condition has, 0 for the others.', [
        ...ofCertificate,
        'condition',
        'status',
      ]),
    );
    this.#statusInfo = new Gauge(
      named('certificate_status_info', 'Always 1; why Synced is as it is.', [...ofCertificate, 'reason']),
    );
    this.#sampledEach('provider_ready', '1 when a provider object is Ready, else 0.', ofProvider, function* () {
      for (const { kind, namespace = '', name, ready } of providers().states)
        yield [{ kind, namespace, name }, Number(ready)];
    });
    this.#sampledEach(
      'provider_last_success_timestamp_seconds',
      'When the certificates of a provider object were last listed.',
      ofProvider,
      function* () {
        for (const { kind, namespace = '', name, lastSuccess } of providers().states)
          if (lastSuccess !== undefined) yield [{ kind, namespace, name }, lastSuccess / 1_000];
      },
    );
    this.#sampledEach('provider_in_flight', 'Calls under way.', ['provider'], function* () {
      for (const { provider, inFlight } of providers().traffic) yield [{ provider }, inFlight];
    });
    this.#sampledEach('provider_in_flight_limit', 'How many calls may be under way.', ['provider'], function* () {
      for (const { provider, inFlightLimit } of providers().traffic) yield [{ provider }, inFlightLimit];
    });
  }

  /** The text of a scrape, in the Prometheus exposition format. */
  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  reconciled(result: string, durationMs: number): void {
    this.#reconciles.inc({ result });
    if (result === 'panic') this.#panics.inc();
    this.#reconcileSeconds.observe(durationMs / 1_000);
  }

  /** @param call `provider` is nhn, scp or naver; `code` an HTTP status, or a word where there was no answer */
  providerRequested(call: {
    provider: string;
    operation: string;
    code: string;
    durationMs: number;
    clockSkewMs?: number | undefined;
  }): void {
    const { provider, operation, code, durationMs, clockSkewMs } = call;
    this.#requests.inc({ provider, operation, code });
    this.#requestSeconds.observe({ provider, operation }, durationMs / 1_000);
    if (clockSkewMs !== undefined) this.#clockSkew.set({ provider }, clockSkewMs / 1_000);
  }

  /** Takes the place of everything said about this certificate before. */
  setCertificate({ namespace, name }: CertificateName, state: CertificateState): void {
    const labels = { namespace, name };
    for (const date of ['notAfter', 'notBefore', 'lastSuccess'] as const) {
      const ms = state[date];
      if (ms === undefined) this.#dates[date].remove(labels);
      else this.#dates[date].set(labels, ms / 1_000);
    }
    this.#renewedElsewhere.set(labels, Number(state.renewedElsewhere ?? false));
    const types = new Set(state.conditions.map(({ type }) => type));
    const reason = state.conditions.find(({ type }) => type === 'Synced')?.reason;
    this.#dropShown(labels, { types, reason });
    for (const { type, status } of state.conditions) {
      for (const each of statuses)
        this.#condition.set({ ...labels, condition: type, status: each }, each === status ? 1 : 0);
    }
    if (reason !== undefined) this.#statusInfo.set({ ...labels, reason }, 1);
    this.#shown.set(`${namespace}/${name}`, { types, reason });
  }

  removeCertificate({ namespace, name }: CertificateName): void {
    const labels = { namespace, name };
    for (const gauge of [...Object.values(this.#dates), this.#renewedElsewhere]) gauge.remove(labels);
    this.#dropShown(labels, { types: new Set(), reason: undefined });
    this.#shown.delete(`${namespace}/${name}`);
  }

  /** A metric that is read at the moment of a scrape: a counter when it is called a total, else a gauge. */
  #sampled(name: string, help: string, read: () => number): void {
    const options = { name: `${prefix}${name}`, help, registers: [] };
    const metric = name.endsWith('_total')
      ? new Counter({
          ...options,
          collect() {
            this.reset();
            this.inc(read());
          },
        })
      : new Gauge({
          ...options,
          collect() {
            this.set(read());
          },
        });
    this.#registry.registerMetric(metric);
  }

  /** A gauge whose series are all read anew at the moment of a scrape. */
  #sampledEach<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Iterable<[labels: Record<Label, string>, value: number]>,
  ): void {
    const metric = new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
    this.#registry.registerMetric(metric);
  }

  #dropShown(labels: CertificateName, kept: { types: ReadonlySet<string>; reason: string | undefined }): void {
    const { types, reason } = this.#shown.get(`${labels.namespace}/${labels.name}`) ?? {};
    for (const condition of types ?? []) {
      if (kept.types.has(condition)) continue;
      for (const status of statuses) this.#condition.remove({ ...labels, condition, status });
    }
    if (reason !== undefined && reason !== kept.reason) this.#statusInfo.remove({ ...labels, reason });
  }
}
