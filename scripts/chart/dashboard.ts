/** The Grafana dashboard. What all panels have in common is written once; queries speak for themselves. */

interface Target {
  expr: string;
  /** What a series is called. */
  legend?: string;
}

interface Panel {
  title: string;
  description?: string;
  type: 'stat' | 'table' | 'timeseries';
  unit?: string;
  width: number;
  height: number;
  targets: Target[];
  /** From this value on it is yellow, or red. */
  thresholds?: { yellow?: number; red?: number };
  stacked?: boolean;
}

const metric = (name: string, labels = ''): string => `provider_certificates_${name}${labels && `{${labels}}`}`;
const ofNamespace = 'namespace=~"$namespace"';
const condition = (type: string, status: string): string =>
  `max by (namespace, name) (${metric('certificate_condition', `condition="${type}", status="${status}", ${ofNamespace}`)})`;
const expiry = `max by (namespace, name) (${metric('certificate_expiration_timestamp_seconds', ofNamespace)})`;

const stat = (title: string, expr: string, more: Partial<Panel> = {}): Panel => ({
  title,
  type: 'stat',
  width: 4,
  height: 4,
  targets: [{ expr }],
  ...more,
});

const series = (title: string, targets: Target[], more: Partial<Panel> = {}): Panel => ({
  title,
  type: 'timeseries',
  width: 8,
  height: 8,
  targets,
  ...more,
});

const rows: Record<string, Panel[]> = {
  Certificates: [
    stat('Certificates', `count(${condition('Ready', 'True')})`, { description: 'ProviderCertificates.' }),
    stat('Not Ready', `sum(${condition('Ready', 'False')})`, { thresholds: { red: 1 } }),
    stat('Not Synced', `sum(${condition('Synced', 'False')})`, { thresholds: { yellow: 1 } }),
    stat('Expiring', `sum(${condition('Expiring', 'True')})`, { thresholds: { yellow: 1 } }),
    stat('Next expiry', `min(${expiry} - time())`, { unit: 's' }),
    stat(
      'Newer at the provider',
      `sum(max by (namespace, name) (${metric('certificate_renewed_elsewhere', ofNamespace)}))`,
      {
        thresholds: { yellow: 1 },
      },
    ),
    {
      title: 'The next to expire',
      type: 'table',
      unit: 's',
      width: 12,
      height: 8,
      targets: [{ expr: `sort(bottomk(20, ${expiry} - time()))` }],
    },
    series(
      'Why certificates are as they are',
      [{ expr: `count by (reason) (${metric('certificate_status_info', ofNamespace)})`, legend: '{{reason}}' }],
      { width: 12, stacked: true, description: 'The reason of Synced; docs/conditions.md explains each.' },
    ),
  ],
  Providers: [
    series('Ready', [
      {
        expr: `max by (kind, namespace, name) (${metric('provider_ready')})`,
        legend: '{{kind}} {{namespace}}/{{name}}',
      },
    ]),
    series(
      'Calls by outcome',
      [
        {
          expr: `sum by (provider, operation, code) (rate(${metric('provider_requests_total')}[$__rate_interval]))`,
          legend: '{{provider}} {{operation}} {{code}}',
        },
      ],
      { unit: 'reqps', stacked: true },
    ),
    series(
      'How long calls take (95 %)',
      [
        {
          expr: `histogram_quantile(0.95, sum by (provider, operation, le) (rate(${metric('provider_request_duration_seconds_bucket')}[$__rate_interval])))`,
          legend: '{{provider}} {{operation}}',
        },
      ],
      { unit: 's' },
    ),
    series('Under way, and how many may be', [
      { expr: `sum by (provider) (${metric('provider_in_flight')})`, legend: '{{provider}}' },
      { expr: `sum by (provider) (${metric('provider_in_flight_limit')})`, legend: '{{provider}} limit' },
    ]),
    series(
      'Time since the last list',
      [
        {
          expr: `time() - max by (kind, namespace, name) (${metric('provider_last_success_timestamp_seconds')})`,
          legend: '{{kind}} {{namespace}}/{{name}}',
        },
      ],
      { unit: 's' },
    ),
    series(
      'Clock ahead of the provider',
      [{ expr: `max by (provider) (${metric('clock_skew_seconds')})`, legend: '{{provider}}' }],
      {
        unit: 's',
      },
    ),
  ],
  Operator: [
    stat('Leaders', `sum(${metric('leader')})`, { description: 'Should be 1 for each release.' }),
    stat('Replicas', `count(${metric('build_info')})`),
    stat('Defects', `sum(${metric('reconcile_panics_total')})`, {
      thresholds: { red: 1 },
      description: 'Reconciles that ended in an unforeseen way; the log tells where.',
    }),
    stat('Waiting', `max(${metric('workqueue_depth')})`),
    stat('Waiting longest', `max(${metric('workqueue_oldest_seconds')})`, {
      unit: 's',
      thresholds: { yellow: 60, red: 300 },
    }),
    stat('Watches started again', `sum(increase(${metric('watch_restarts_total')}[1h]))`, {
      description: 'In an hour.',
    }),
    series(
      'Reconciles',
      [{ expr: `sum by (result) (rate(${metric('reconcile_total')}[$__rate_interval]))`, legend: '{{result}}' }],
      { unit: 'ops', stacked: true },
    ),
    series(
      'How long reconciles take',
      ['0.5', '0.95', '0.99'].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric('reconcile_duration_seconds_bucket')}[$__rate_interval])))`,
        legend: quantile,
      })),
      { unit: 's' },
    ),
    series(
      'Memory',
      [{ expr: `process_resident_memory_bytes and on (instance) ${metric('build_info')}`, legend: '{{instance}}' }],
      { unit: 'bytes' },
    ),
  ],
};

const datasource = { type: 'prometheus', uid: '$datasource' };

/** The JSON that Grafana imports. */
export function dashboard(): string {
  let id = 0;
  let y = 0;
  const panels = Object.entries(rows).flatMap(([title, inRow]) => {
    const row = { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] };
    let x = 0;
    const placed = inRow.map((panel) => {
      if (x + panel.width > 24) [x, y] = [0, y + panel.height];
      const gridPos = { x, y, w: panel.width, h: panel.height };
      x += panel.width;
      if (x === 24) [x, y] = [0, y + panel.height];
      return { id: ++id, gridPos, ...rendered(panel) };
    });
    return [row, ...placed];
  });
  return `${JSON.stringify({ ...frame, panels }, null, 2)}\n`;
}

function rendered({
  title,
  description,
  type,
  unit = 'short',
  targets,
  thresholds = {},
  stacked = false,
}: Panel): object {
  const { yellow, red } = thresholds;
  const steps = [
    { color: 'green', value: null },
    ...(yellow === undefined ? [] : [{ color: 'yellow', value: yellow }]),
    ...(red === undefined ? [] : [{ color: 'red', value: red }]),
  ];
  return {
    type,
    title,
    ...(description !== undefined && { description }),
    datasource,
    fieldConfig: {
      defaults: {
        unit,
        thresholds: { mode: 'absolute', steps },
        ...(type === 'timeseries' && {
          min: 0,
          custom: stacked ? { fillOpacity: 30, stacking: { mode: 'normal' } } : {},
        }),
      },
      overrides: [],
    },
    options: type === 'table' ? { showHeader: true } : {},
    ...(type === 'table' && { transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }] }),
    targets: targets.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      ...(legend !== undefined && { legendFormat: legend }),
      ...(type === 'timeseries' ? {} : { instant: true }),
      ...(type === 'table' && { format: 'table' }),
    })),
  };
}

const frame = {
  title: 'Provider certificates',
  uid: 'provider-certificates',
  description: 'Certificates of cloud certificate managers in Secrets. Generated from scripts/chart/dashboard.ts.',
  tags: ['certificates', 'kubernetes'],
  schemaVersion: 39,
  refresh: '1m',
  time: { from: 'now-6h', to: 'now' },
  templating: {
    list: [
      { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
      {
        name: 'namespace',
        label: 'Namespace',
        type: 'query',
        datasource,
        query: { query: `label_values(${metric('certificate_condition')}, namespace)`, refId: 'namespace' },
        includeAll: true,
        multi: true,
        allValue: '.*',
        current: { text: 'All', value: '$__all' },
        refresh: 2,
      },
    ],
  },
};
