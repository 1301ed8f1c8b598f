import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const prefix = 'provider_certificates_';

/** What is read at the moment of a scrape. */
interface Sources {
  version: string;
  queue: { readonly depth: number; oldestDueMs(): number };
  /** How often watches were started again since the process started. */
  watchRestarts: () => number;
}

interface CertificateName {
  namespace: string;
  name: string;
}

interface ProviderName {
  kind: string;
  /** Absent for cluster providers. */
  namespace?: string | undefined;
  name: string;
}

/** What a ProviderCertificate shows: its conditions, and the dates (in milliseconds) of the certificate in its Secret. */
export interface CertificateState {
  conditions: readonly { type: string; status: 'True' | 'False' | 'Unknown' }[];
  notBefore?: number | undefined;
  notAfter?: number | undefined;
}

const statuses = ['True', 'False', 'Unknown'] as const;

/** The metrics of the process, in a registry of their own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #reconciles: Counter<'result'>;
  readonly #reconcileSeconds: Histogram;
  readonly #requests: Counter<'provider' | 'operation' | 'code'>;
  readonly #requestSeconds: Histogram<'provider' | 'operation'>;
  readonly #notAfter: Gauge<'namespace' | 'name'>;
  readonly #notBefore: Gauge<'namespace' | 'name'>;
  readonly #condition: Gauge<'namespace' | 'name' | 'condition' | 'status'>;
  readonly #providerReady: Gauge<'kind' | 'namespace' | 'name'>;
  /** The conditions that each certificate has series for. */
  readonly #conditionTypes = new Map<string, ReadonlySet<string>>();

  constructor({ version, queue, watchRestarts }: Sources) {
    const named = <Label extends string>(name: string, help: string, labelNames: Label[] = []) => ({
      name: `${prefix}${name}`,
      help,
      labelNames,
      registers: [this.#registry],
    });
    const buildInfo = new Gauge(named('build_info', 'Always 1; the version is a label.', ['version', 'node']));
    buildInfo.set({ version, node: process.version }, 1);
    this.#sampled('workqueue_depth', 'Keys that are due and wait for a worker.', () => queue.depth);
    this.#sampled(
      'workqueue_oldest_seconds',
      'How long the key that waits longest has been due.',
      () => queue.oldestDueMs() / 1_000,
    );
    this.#sampled('watch_restarts_total', 'Watches on the API server that were started again.', watchRestarts);
    this.#reconciles = new Counter(named('reconcile_total', 'Reconciles by how they ended.', ['result']));
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
    this.#notAfter = new Gauge(
      named('certificate_expiration_timestamp_seconds', 'When the certificate in the Secret ends.', [
        'namespace',
        'name',
      ]),
    );
    this.#notBefore = new Gauge(
      named('certificate_not_before_timestamp_seconds', 'When the certificate in the Secret begins.', [
        'namespace',
        'name',
      ]),
    );
    this.#condition = new Gauge(
      named('certificate_condition', '1 for the status that a condition has, 0 for the others.', [
        'namespace',
        'name',
        'condition',
        'status',
      ]),
    );
    this.#providerReady = new Gauge(
      named('provider_ready', '1 when a provider object is Ready, else 0.', ['kind', 'namespace', 'name']),
    );
  }

  /** The text of a scrape, in the Prometheus exposition format. */
  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  reconciled(result: string, durationMs: number): void {
    this.#reconciles.inc({ result });
    this.#reconcileSeconds.observe(durationMs / 1_000);
  }

  /** @param call `provider` is nhn, scp or naver; `code` an HTTP status, or a word where there was no answer */
  providerRequested(call: { provider: string; operation: string; code: string; durationMs: number }): void {
    const { provider, operation, code, durationMs } = call;
    this.#requests.inc({ provider, operation, code });
    this.#requestSeconds.observe({ provider, operation }, durationMs / 1_000);
  }

  /** Takes the place of everything said about this certificate before. */
  setCertificate({ namespace, name }: CertificateName, { conditions, notBefore, notAfter }: CertificateState): void {
    const labels = { namespace, name };
    setOrRemove(this.#notBefore, labels, notBefore);
    setOrRemove(this.#notAfter, labels, notAfter);
    const types = new Set(conditions.map(({ type }) => type));
    this.#dropConditions(labels, types);
    for (const { type, status } of conditions) {
      for (const each of statuses)
        this.#condition.set({ ...labels, condition: type, status: each }, each === status ? 1 : 0);
    }
    this.#conditionTypes.set(`${namespace}/${name}`, types);
  }

  removeCertificate({ namespace, name }: CertificateName): void {
    const labels = { namespace, name };
    this.#notBefore.remove(labels);
    this.#notAfter.remove(labels);
    this.#dropConditions(labels, new Set());
    this.#conditionTypes.delete(`${namespace}/${name}`);
  }

  setProvider({ kind, namespace = '', name }: ProviderName, ready: boolean): void {
    this.#providerReady.set({ kind, namespace, name }, ready ? 1 : 0);
  }

  removeProvider({ kind, namespace = '', name }: ProviderName): void {
    this.#providerReady.remove({ kind, namespace, name });
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

  #dropConditions(labels: CertificateName, kept: ReadonlySet<string>): void {
    for (const condition of this.#conditionTypes.get(`${labels.namespace}/${labels.name}`) ?? []) {
      if (kept.has(condition)) continue;
      for (const status of statuses) this.#condition.remove({ ...labels, condition, status });
    }
  }
}

function setOrRemove(gauge: Gauge<'namespace' | 'name'>, labels: CertificateName, ms: number | undefined): void {
  if (ms === undefined) gauge.remove({ ...labels });
  else gauge.set({ ...labels }, ms / 1_000);
}
