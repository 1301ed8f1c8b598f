import type { SchemaNode } from '../../../src/api/crd.ts';

/** Whether a value fits a structural schema, CEL rules left aside. The keywords are those that our schemas use. */
export function fits(node: SchemaNode, value: unknown): boolean {
  switch (node.type) {
    case 'string':
      return typeof value === 'string' && fitsText(node, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return (
        Number.isInteger(value) &&
        (value as number) >= ((node['minimum'] as number | undefined) ?? -Infinity) &&
        (value as number) <= ((node['maximum'] as number | undefined) ?? Infinity)
      );
    case 'array':
      return (
        Array.isArray(value) && within(node, 'Items', value.length) && value.every((item) => fits(node.items!, item))
      );
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value) && fitsObject(node, value);
  }
}

function fitsText(node: SchemaNode, value: string): boolean {
  const choices = node['enum'] as string[] | undefined;
  const pattern = node['pattern'] as string | undefined;
  return (
    (choices?.includes(value) ?? true) &&
    (pattern === undefined || new RegExp(pattern).test(value)) &&
    within(node, 'Length', [...value].length)
  );
}

function fitsObject(
  { properties = {}, additionalProperties, required = [], ...node }: SchemaNode,
  value: object,
): boolean {
  const entries = Object.entries(value);
  return (
    required.every((name) => name in value) &&
    within({ ...node }, 'Properties', entries.length) &&
    entries.every(([name, field]) => {
      const schema = properties[name] ?? additionalProperties;
      return schema === undefined || fits(schema, field);
    })
  );
}

function within(node: SchemaNode, what: 'Items' | 'Length' | 'Properties', size: number): boolean {
  const [least = 0, most = Infinity] = [node[`min${what}`], node[`max${what}`]] as (number | undefined)[];
  return size >= least && size <= most;
}
