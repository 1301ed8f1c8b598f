import { Metrics } from '../../src/observability/metrics.ts';

/** Put to every series by who scrapes. */
const fromScrape = ['job', 'instance', 'namespace', 'pod'];

/** The metrics that the operator exposes, and the names of their labels: of a scrape in which everything happened once. */
export async function exposed(): Promise<Map<string, Set<string>>> {
  const provider = { kind: 'CertificateProvider', namespace: 'shop', name: 'nhn', ready: true, lastSuccess: 1 };
  const metrics = new Metrics({
    version: '1',
    queue: { depth: 0, oldestDueMs: () => 0 },
    watchRestarts: () => 0,
    leading: () => true,
    providers: () => ({ states: [provider], traffic: [{ provider: 'nhn', inFlight: 0, inFlightLimit: 8 }] }),
  });
  metrics.reconciled('panic', 1);
  metrics.providerRequested({ provider: 'nhn', operation: 'list', code: '200', durationMs: 1, clockSkewMs: 1 });
  metrics.setCertificate(
    { namespace: 'shop', name: 'www' },
    {
      conditions: [{ type: 'Synced', status: 'True', reason: 'Synced' }],
      notBefore: 1,
      notAfter: 1,
      lastSuccess: 1,
      renewedElsewhere: false,
    },
  );
  const found = new Map<string, Set<string>>();
  for (const line of (await metrics.scrape()).text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(\{.*\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const known = found.get(name) ?? new Set(fromScrape);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

/**
 * What a query uses that the operator does not expose, a line each.
 * @param query PromQL, as far as alerts and dashboard need it
 */
export function unknownIn(query: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const problems: string[] = [];
  const labels = new Set<string>();
  const selectors = [...query.matchAll(/\b((?:provider_certificates|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
  if (selectors.length === 0) problems.push(`no metric in: ${query}`);
  for (const [, name = '', matchers = ''] of selectors) {
    const known = metrics.get(name);
    if (known === undefined) problems.push(`${name} is not exposed`);
    for (const label of known ?? []) labels.add(label);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (known !== undefined && !known.has(label)) problems.push(`${name} has no label ${label}`);
  }
  for (const [, list = ''] of query.matchAll(/\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)) {
    for (const label of list.split(',').map((text) => text.trim()))
      if (!labels.has(label)) problems.push(`nothing in the query has the label ${label}`);
  }
  return problems;
}
