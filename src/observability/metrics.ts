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

/** What one object or one pool contributes to a metric. */
type Series = [labels: Record<string, string>, value: number];

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

/** The metrics of the process, in a registry of their own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #reconciles: Counter<'result'>;
  readonly #panics: Counter;
  readonly #reconcileSeconds: Histogram;
  readonly #requests: Counter<'provider' | 'operation' | 'code'>;
  readonly #requestSeconds: Histogram<'provider' | 'operation'>;
  readonly #clockSkew: Gauge<'provider'>;
  readonly #certificates = new Map<string, { labels: Record<string, string>; state: CertificateState }>();

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
    // A replica that waits has a queue, too, from which nobody takes.
    this.#sampled('workqueue_depth', 'Keys that are due and wait for a worker.', () => (leading() ? queue.depth : 0));
    this.#sampled('workqueue_oldest_seconds', 'How long the key that waits longest has been due.', () =>
      leading() ? queue.oldestDueMs() / 1_000 : 0,
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
    this.#sampleCertificates();
    this.#sampledEach('provider_ready', '1 when a provider object is Ready, else 0.', function* () {
      for (const { kind, namespace = '', name, ready } of providers().states)
        yield [{ kind, namespace, name }, Number(ready)];
    });
    this.#sampledEach(
      'provider_last_success_timestamp_seconds',
      'When the certificates of a provider object were last listed.',
      function* () {
        for (const { kind, namespace = '', name, lastSuccess } of providers().states)
          if (lastSuccess !== undefined) yield [{ kind, namespace, name }, lastSuccess / 1_000];
      },
    );
    this.#sampledEach('provider_in_flight', 'Calls under way.', function* () {
      for (const { provider, inFlight } of providers().traffic) yield [{ provider }, inFlight];
    });
    this.#sampledEach('provider_in_flight_limit', 'How many calls may be under way.', function* () {
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
    const conditions = state.conditions.map(({ type, status, reason }) => ({ type, status, reason })); // without messages
    this.#certificates.set(`${namespace}/${name}`, { labels: { namespace, name }, state: { ...state, conditions } });
  }

  removeCertificate({ namespace, name }: CertificateName): void {
    this.#certificates.delete(`${namespace}/${name}`);
  }

  #sampleCertificates(): void {
    const certificates = this.#certificates;
    const ofEach = (name: string, help: string, series: (state: CertificateState) => Iterable<Series>): void =>
      this.#sampledEach(`certificate_${name}`, help, function* () {
        for (const { labels, state } of certificates.values())
          for (const [more, value] of series(state)) yield [{ ...labels, ...more }, value];
      });
    const date = (name: string, help: string, read: (state: CertificateState) => number | undefined): void =>
      ofEach(`${name}_timestamp_seconds`, help, function* (state) {
        const ms = read(state);
        if (ms !== undefined) yield [{}, ms / 1_000];
      });
    date('expiration', 'When the certificate in the Secret ends.', ({ notAfter }) => notAfter);
    date('not_before', 'When the certificate in the Secret begins.', ({ notBefore }) => notBefore);
    date(
      'last_success',
      'When the Secret was last proved equal to what the provider has.',
      ({ lastSuccess }) => lastSuccess,
    );
    ofEach('renewed_elsewhere', '1 when the provider has a certificate that ends later.', ({ renewedElsewhere }) => [
      [{}, Number(renewedElsewhere ?? false)],
    ]);
    ofEach('condition', '1 for the status that a condition has, 0 for the others.', function* ({ conditions }) {
      for (const { type, status } of conditions)
        for (const each of statuses) yield [{ condition: type, status: each }, Number(each === status)];
    });
    ofEach('status_info', 'Always 1; why Synced is as it is.', function* ({ conditions }) {
      const reason = conditions.find(({ type }) => type === 'Synced')?.reason;
      if (reason !== undefined) yield [{ reason }, 1];
    });
  }

  #sampled(name: string, help: string, read: () => number): void {
    this.#sampledEach(name, help, () => [[{}, read()]]);
  }

  /**
   * A metric whose series are read at the moment of a scrape: a counter when it is called a total, else a gauge. Nothing is
   * kept in between: fourteen series for each certificate took up more memory than all else that is known of it.
   */
  #sampledEach(name: string, help: string, read: () => Iterable<Series>): void {
    const options = { name: `${prefix}${name}`, help, registers: [this.#registry] };
    const metric = name.endsWith('_total') ? new Counter(options) : new Gauge(options);
    const describe = metric.get.bind(metric);
    metric.get = async () => ({
      ...(await describe()),
      values: Array.from(read(), ([labels, value]) => ({ labels, value })),
    });
  }
}
