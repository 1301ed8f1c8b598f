import type { SchemaNode } from '../../src/api/crd.ts';
import type { Cause } from '../../src/kube/errors.ts';

/** The value without fields that the schema does not name, and without null: both are dropped in silence. */
export function pruned(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => (node.items ? pruned(node.items, item) : item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).flatMap(([name, field]) => {
    const schema = node.properties?.[name] ?? node.additionalProperties;
    return schema && field !== null ? [[name, pruned(schema, field)] as const] : [];
  });
  return Object.fromEntries(kept);
}

/** What a value has against a schema, field by field; without rules in CEL. `field` is the path of the value itself. */
export function faultsOf(node: SchemaNode, value: unknown, field: string): Cause[] {
  const own = Array.from(ownFaults(node, value), ([reason, message]) => ({
    reason: `FieldValue${reason}`,
    field,
    message,
  }));
  if (typeof value !== 'object' || value === null) return own;
  const { items, properties = {}, additionalProperties, required = [] } = node;
  if (Array.isArray(value)) {
    return [...own, ...value.flatMap((item, nth) => (items ? faultsOf(items, item, `${field}[${nth}]`) : []))];
  }
  const pathTo = (name: string): string => (field ? `${field}.${name}` : name);
  const missing = required
    .filter((name) => !(name in value))
    .map((name) => ({ reason: 'FieldValueRequired', field: pathTo(name), message: 'Required value' }));
  const below = Object.entries(value).flatMap(([name, part]) => {
    const schema = properties[name] ?? additionalProperties;
    return schema ? faultsOf(schema, part, pathTo(name)) : [];
  });
  return [...own, ...missing, ...below];
}

type Fault = [reason: string, message: string];

function* ownFaults(node: SchemaNode, value: unknown): Generator<Fault> {
  const type = typeOf(value);
  if (type !== node.type) {
    yield ['TypeInvalid', `Invalid value: ${JSON.stringify(type)}: must be of type ${node.type}`];
  } else if (typeof value === 'string') {
    yield* textFaults(node, value);
  } else if (typeof value === 'number') {
    yield* outside(node, ['minimum', 'maximum'], value);
  } else if (Array.isArray(value)) {
    yield* outside(node, ['minItems', 'maxItems'], value.length, 'TooMany');
  } else if (typeof value === 'object' && value !== null) {
    yield* outside(node, ['minProperties', 'maxProperties'], Object.keys(value).length, 'TooMany');
  }
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function* textFaults(node: SchemaNode, value: string): Generator<Fault> {
  const { enum: choices, pattern, format } = node as { enum?: string[]; pattern?: string; format?: string };
  const seen = JSON.stringify(value);
  if (choices && !choices.includes(value)) {
    const supported = choices.map((choice) => JSON.stringify(choice)).join(', ');
    yield ['NotSupported', `Unsupported value: ${seen}: supported values: ${supported}`];
  }
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    yield ['Invalid', `Invalid value: ${seen}: should match '${pattern}'`];
  }
  if (format === 'date-time' && !dateTime.test(value)) {
    yield ['TypeInvalid', `Invalid value: ${seen}: must be of type date-time`];
  }
  yield* outside(node, ['minLength', 'maxLength'], [...value].length, 'TooLong');
}

function* outside(
  node: SchemaNode,
  [least, most]: [least: string, most: string],
  size: number,
  tooMuch = 'Invalid',
): Generator<Fault> {
  const [min = -Infinity, max = Infinity] = [node[least], node[most]] as (number | undefined)[];
  if (size < min) yield ['Invalid', `Invalid value: ${size}: ${least} is ${min}`];
  if (size > max) yield [tooMuch, `Invalid value: ${size}: ${most} is ${max}`];
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
