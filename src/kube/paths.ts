import { apiVersionOf } from './objects.ts';
import type { ObjectName, Resource } from './objects.ts';

type Query = Record<string, string | number | boolean | undefined>;

/** The path below the server's URL of a collection (without a name) or an object, and of what belongs to it. */
export function pathOf(resource: Resource, { namespace, name }: Partial<ObjectName>, subresource?: string): string {
  const parts = [resource.group ? 'apis' : 'api', apiVersionOf(resource)];
  if (namespace && resource.namespaced) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource) parts.push(subresource);
  return `/${parts.join('/')}`;
}

/** `?a=1&b=2` of what is defined, or ''. */
export function queryOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
  return search.size > 0 ? `?${search}` : '';
}
