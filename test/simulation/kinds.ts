import type { Cause } from '../../src/kube/errors.ts';
import { events, leases, namespaces, secrets } from '../../src/kube/objects.ts';
import type { KubeObject, ObjectMeta, Resource } from '../../src/kube/objects.ts';
import { isSame, leaf, struct, texts, withoutEmpty } from './shape.ts';
import type { Shape } from './shape.ts';

/** An object with all its fields. */
export interface AnyObject extends KubeObject {
  metadata: ObjectMeta & { finalizers?: string[]; deletionGracePeriodSeconds?: number };
  [field: string]: unknown;
}

/** What the API server knows about a kind. */
export interface Kind {
  resource: Resource;
  shape: Shape;
  /** An object before anything is written to it. */
  born: object;
  /** Has a `status` that only its subresource writes, and a `generation`. */
  hasStatus: boolean;
  /** A PUT may do without a version, and overwrites whatever is there. */
  replacesUnseen: boolean;
  /** A PUT makes what is not there. */
  createsByReplace: boolean;
  /** Fields that a selector may name, besides name and namespace. */
  selectable: readonly string[];
  /** What the server makes of an object that it is sent, before defaults: cleaned. */
  read(object: object): object;
  /** What it makes of the result of a server-side apply. */
  settle(object: object): object;
  /** What is added where it is missing, whenever an object is read. */
  addDefaults(object: AnyObject): void;
  /** What the server itself writes into a new object; it belongs to nobody. */
  prepare(object: AnyObject): void;
  faults(object: AnyObject, before: AnyObject | undefined): Cause[];
}

const metadata = struct(
  `name generateName namespace uid resourceVersion generation creationTimestamp deletionTimestamp
   deletionGracePeriodSeconds managedFields selfLink`,
  {
    labels: texts,
    annotations: texts,
    finalizers: { kind: 'set' },
    ownerReferences: { kind: 'list', key: 'uid', items: leaf },
  },
);

/** The shape of a whole object with these fields of its own. */
export function objectShape(names: string, fields: Readonly<Record<string, Shape>> = {}): Shape {
  return struct(`apiVersion kind ${names}`, { metadata, ...fields });
}

const nothing = (): void => {};

/** A kind that is built into the API server. */
function builtIn(resource: Resource, shape: Shape, rest: Partial<Kind> = {}): Kind {
  const read = (object: object): object => withoutEmpty(shape, object) as object;
  return {
    resource,
    shape,
    born: { metadata: {} },
    hasStatus: false,
    replacesUnseen: true,
    createsByReplace: false,
    selectable: [],
    read,
    settle: read,
    addDefaults: nothing,
    prepare: nothing,
    faults: () => [],
    ...rest,
  };
}

const invalidValue = (field: string, value: unknown, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});
const forbidden = (field: string, why: string): Cause => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
});
const required = (field: string): Cause => ({ reason: 'FieldValueRequired', field, message: 'Required value' });

const maxSecretBytes = 1024 * 1024;

function secretFaults(object: AnyObject, before: AnyObject | undefined): Cause[] {
  const {
    type,
    immutable,
    data = {},
  } = object as { type?: unknown; immutable?: unknown; data?: Record<string, string> };
  const faults: Cause[] = [];
  if (before && type !== before['type']) faults.push(invalidValue('type', type, 'field is immutable'));
  if (before?.['immutable'] === true) {
    const why = 'field is immutable when `immutable` is set';
    if (immutable !== true) faults.push(forbidden('immutable', why));
    if (!isSame(data, before['data'] ?? {})) faults.push(forbidden('data', why));
  }
  const bytes = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0);
  if (bytes > maxSecretBytes) {
    const message = `Too long: may not be more than ${maxSecretBytes} bytes`;
    faults.push({ reason: 'FieldValueTooLong', field: 'data', message });
  }
  if (type !== 'kubernetes.io/tls') return faults;
  return [...faults, ...['tls.crt', 'tls.key'].filter((key) => !(key in data)).map((key) => required(`data[${key}]`))];
}

function eventFaults({ metadata, ...event }: AnyObject): Cause[] {
  const { namespace } = (event['involvedObject'] ?? {}) as { namespace?: string };
  // Events about cluster-scoped objects are in the namespace "default".
  if ((namespace ?? 'default') === metadata.namespace) return [];
  return [invalidValue('involvedObject.namespace', namespace ?? '', 'does not match event.namespace')];
}

function leaseFaults(lease: AnyObject): Cause[] {
  const { leaseDurationSeconds: seconds } = (lease['spec'] ?? {}) as { leaseDurationSeconds?: number };
  if (seconds === undefined || seconds > 0) return [];
  return [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')];
}

const eventFields = `involvedObject reason message type count firstTimestamp lastTimestamp
  reportingComponent reportingInstance`;
const leaseFields = 'holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions';

export const builtIns: readonly Kind[] = [
  builtIn(secrets, objectShape('type immutable', { data: texts }), {
    addDefaults: (secret) => void (secret['type'] ??= 'Opaque'),
    faults: secretFaults,
    selectable: ['type'],
  }),
  builtIn(events, objectShape(eventFields, { source: struct('component host') }), {
    born: { metadata: {}, source: {} },
    faults: eventFaults,
    selectable: ['involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'reason', 'type'],
  }),
  builtIn(leases, objectShape('', { spec: struct(leaseFields) }), {
    born: { metadata: {}, spec: {} },
    faults: leaseFaults,
    replacesUnseen: false,
    createsByReplace: true,
  }),
  builtIn(namespaces, objectShape('', { spec: struct('finalizers'), status: struct('phase') }), {
    born: { metadata: {}, spec: {}, status: {} },
    addDefaults: ({ metadata }) => {
      metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
    },
    prepare: (namespace) => {
      Object.assign(namespace, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
    },
  }),
];

/** What the API server makes of the metadata that it reads, whatever the kind. */
export function readMetadata(value: unknown): unknown {
  return withoutEmpty(metadata, value);
}
