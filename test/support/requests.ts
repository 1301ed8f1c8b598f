import type { ControlPlane } from '../../sandbox/control-plane/index.ts';
import { clusterRules } from '../../sandbox/rbac.ts';

/** What an API server was asked for, by its own count: `VERB resource[/subresource]`, without watches. */
export type Requests = Record<string, number>;

const counted = new Set(['GET', 'POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION']);
/** What the API server asks itself for. */
const ownAffairs = new Set([
  'leases',
  'apiservices',
  'customresourcedefinitions',
  'flowschemas',
  'prioritylevelconfigurations',
]);

/** The requests so far, as the API server's metrics tell. */
export async function requestsOf(controlPlane: Pick<ControlPlane, 'metrics'>): Promise<Requests> {
  return requestsIn(await controlPlane.metrics());
}

/** @param lists whether they are counted, too */
export function requestsIn(metrics: string, { lists = false }: { lists?: boolean } = {}): Requests {
  const requests: Requests = {};
  for (const line of metrics.split('\n')) {
    if (!line.startsWith('apiserver_request_total{')) continue;
    const {
      verb = '',
      resource = '',
      subresource = '',
    } = Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value])) as Partial<
      Record<string, string>
    >;
    if (!(counted.has(verb) || (lists && verb === 'LIST')) || resource === '' || ownAffairs.has(resource)) continue;
    const key = `${verb} ${resource}${subresource && `/${subresource}`}`;
    requests[key] = (requests[key] ?? 0) + Number(line.slice(line.lastIndexOf(' ')));
  }
  return requests;
}

/** What came after `before`; nothing is in it that did not happen. */
export function since(before: Requests, after: Requests): Requests {
  const pairs = Object.entries(after).map(([key, count]) => [key, count - (before[key] ?? 0)] as const);
  return Object.fromEntries(pairs.filter(([, count]) => count !== 0));
}

const verbs: Record<string, string> = { GET: 'get', POST: 'create', PATCH: 'patch', APPLY: 'patch' };

/** Only those that the operator may have made: others have done the rest. */
export function ofOperator(requests: Requests): Requests {
  const may = new Set(
    clusterRules.flatMap((rule) => (rule.resources ?? []).flatMap((it) => rule.verbs.map((verb) => `${verb} ${it}`))),
  );
  return Object.fromEntries(
    Object.entries(requests).filter(([key]) => {
      const [verb = '', resource = ''] = key.split(' ');
      return may.has(`${verbs[verb]} ${resource}`);
    }),
  );
}

/** Only those that change something. */
export function writes(requests: Requests): Requests {
  return Object.fromEntries(Object.entries(requests).filter(([key]) => !/^(GET|LIST) /.test(key)));
}
