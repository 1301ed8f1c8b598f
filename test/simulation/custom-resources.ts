import {
  certificateProviders,
  certificateUploads,
  clusterCertificateProviders,
  providerCertificates,
} from '../../src/api/group.ts';
import { customResourceDefinitions } from '../../src/api/crd.ts';
import type { SchemaNode } from '../../src/api/crd.ts';
import type { Resource } from '../../src/kube/objects.ts';
import { copyOf } from './copy.ts';
import { objectShape, readMetadata } from './kinds.ts';
import type { AnyObject, Kind } from './kinds.ts';
import { faultsOf, pruned } from '../support/structural-schema.ts';
import { leaf } from './shape.ts';
import type { Shape } from './shape.ts';

const resources: readonly Resource[] = [
  certificateProviders,
  clusterCertificateProviders,
  providerCertificates,
  certificateUploads,
];

/** Our own kinds, as their definitions say. Rules in CEL are not looked at. */
export const customResources: readonly Kind[] = customResourceDefinitions().map(({ spec: { names, versions } }) => {
  const resource = resources.find(({ plural }) => plural === names.plural);
  const schema = versions[0]?.schema.openAPIV3Schema;
  if (!resource || !schema) throw new Error(`${names.plural} has no resource or no schema`);
  const { spec, status } = schema.properties ?? {};
  if (!spec || !status) throw new Error(`${names.plural} has no spec or no status`);
  return kindOf(resource, { ...schema, properties: { spec, status } });
});

function kindOf(resource: Resource, schema: SchemaNode): Kind {
  const { spec, status } = schema.properties ?? {};
  return {
    resource,
    shape: objectShape('', { spec: shapeOf(spec), status: shapeOf(status) }),
    born: {},
    hasStatus: true,
    replacesUnseen: false,
    createsByReplace: false,
    selectable: [],
    read: ({ ...object }: Partial<AnyObject>) => ({
      ...(pruned(schema, object) as object),
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: readMetadata(object.metadata),
    }),
    // Nulls are not dropped here: a map that lost its last key and belongs to somebody else is one, and refused.
    settle: ({ ...object }: Partial<AnyObject>) => ({ ...object, metadata: readMetadata(object.metadata) }),
    addDefaults: (object) => void (object['status'] ??= copyOf(status?.['default'])),
    prepare: (object) => {
      object.metadata.generation = 1;
      delete object['status'];
    },
    faults: (object) => faultsOf(schema, object, ''),
  };
}

function shapeOf(node: SchemaNode | undefined): Shape {
  if (!node || node['x-kubernetes-map-type'] === 'atomic') return leaf;
  if (node.type === 'array') {
    const [key] = (node['x-kubernetes-list-map-keys'] ?? []) as string[];
    return key === undefined ? leaf : { kind: 'list', key, items: shapeOf(node.items) };
  }
  if (node.additionalProperties) return { kind: 'map', values: shapeOf(node.additionalProperties) };
  if (!node.properties) return leaf;
  const fields = Object.entries(node.properties).map(([name, field]) => [name, shapeOf(field)] as const);
  return { kind: 'struct', fields: Object.fromEntries(fields) };
}
