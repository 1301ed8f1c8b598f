/** Shapes of the Kubernetes API, as far as this program looks at them, and where each kind is served. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Who wrote which fields: `fieldsV1` is a tree of `f:name` keys. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: 'Apply' | 'Update';
  subresource?: string;
  time?: string;
  fieldsV1?: Record<string, unknown>;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/** An object as the API server returns it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** An object to be written: what is left out of its metadata is left to the server. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: Partial<ObjectMeta> & { name: string };
  [field: string]: unknown;
}

export interface Secret extends KubeObject {
  type: string;
  /** Base64. */
  data?: Record<string, string>;
  immutable?: boolean;
}

/** A kind and where it is served. `group` is '' for the core group. */
export interface Resource {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

export interface ObjectName {
  namespace?: string | undefined;
  name: string;
}

export const secrets: Resource = core('secrets', 'Secret', true);
export const namespaces: Resource = core('namespaces', 'Namespace', false);
export const events: Resource = core('events', 'Event', true);

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

function core(plural: string, kind: string, namespaced: boolean): Resource {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

/** `namespace/name`, or `name` for a cluster-scoped object: what caches and queues know an object by. */
export function objectKey({ namespace, name }: ObjectName): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The `apiVersion` field of a resource's objects: `v1`, `example.io/v1alpha1`. */
export function apiVersionOf({ group, version }: Resource): string {
  return group ? `${group}/${version}` : version;
}

/** The keys of `data` that a manager holds. Who lost all of them to others still holds the empty map. */
export function dataKeysOf({ fieldsV1 }: ManagedFieldsEntry): string[] {
  const data = (fieldsV1?.['f:data'] ?? {}) as Record<string, unknown>;
  return Object.keys(data)
    .filter((key) => key.startsWith('f:'))
    .map((key) => key.slice(2));
}

/** RFC 3339 to the second, as the API server itself writes times. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
