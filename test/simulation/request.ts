import type { Request } from '../../src/kube/transport.ts';
import type { AnyObject } from './kinds.ts';

/** What a path of the API names: a collection, or with a name one object, or a part of it. */
export interface Target {
  /** `v1`, `example.io/v1alpha1`. */
  apiVersion: string;
  plural: string;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
  query: URLSearchParams;
}

const pattern =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+\/[^/]+))(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>[^/]+))?$/;

/** Undefined for a path that is not one of an object or collection. */
export function readTarget(path: string): Target | undefined {
  const [location = '', query] = path.split('?');
  const { core, group = '', plural = '', ...rest } = pattern.exec(location)?.groups ?? {};
  if (!plural) return undefined;
  const { namespace, name, subresource } = rest as Partial<Record<string, string>>;
  return {
    apiVersion: core ?? group,
    plural,
    namespace: namespace && decodeURIComponent(namespace),
    name: name && decodeURIComponent(name),
    subresource,
    query: new URLSearchParams(query),
  };
}

/** What would arrive over a real wire: a copy without fields that are undefined, in the namespace of the path. */
export function readBody({ body }: Request, namespace: string | undefined): AnyObject {
  const object = JSON.parse(JSON.stringify(body ?? {})) as AnyObject;
  if (namespace !== undefined) object.metadata = { ...object.metadata, namespace };
  return object;
}

/** Whether the answer is to be metadata alone. */
export function wantsMetadata({ accept = '' }: Request): boolean {
  return accept.includes('as=PartialObjectMetadata');
}
