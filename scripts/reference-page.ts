import type { CustomResourceDefinition, SchemaNode } from '../src/api/crd.ts';
import { table } from './markdown.ts';

/** The field reference, from the definitions. */
export function referencePage(definitions: readonly CustomResourceDefinition[]): string {
  return `<!-- Generated from src/api by "npm run generate". -->
# Field reference

Kinds of \`provider-certificates.io/v1alpha1\`. \`kubectl explain pcert.spec --recursive\` shows the same in a terminal.
What a field must hold (said in parentheses) is checked by the API server: a mistake is refused when the manifest is applied. Defaults are applied by the operator and never written into the object.

${definitions.map(kind).join('\n')}`;
}

function kind({ spec }: CustomResourceDefinition): string {
  const { names, scope, versions } = spec;
  const { properties, description } = versions[0]!.schema.openAPIV3Schema;
  return `## ${names.kind}

${description} ${scope === 'Cluster' ? 'Cluster-wide' : 'Namespaced'}; short name \`${names.shortNames[0]}\`.

${table(['Field', 'Type', 'Description'], rows('spec', properties!['spec']!, true))}

${table(['Status field', 'Type', 'Description'], rows('status', properties!['status']!, false))}
`;
}

function rows(path: string, node: SchemaNode, required: boolean): string[][] {
  const own = [
    `\`${path}\`${required ? ' (required)' : ''}`,
    typeOf(node),
    [node.description, ...bounds(node)].join(' '),
  ];
  // The values of maps and the texts of lists are told by the type; only objects have fields of their own.
  const fields = node.items ?? node;
  const below = Object.entries(fields.properties ?? {}).flatMap(([name, field]) =>
    rows(`${path}${node.items ? '[]' : ''}.${name}`, field, fields.required?.includes(name) ?? false),
  );
  return [own, ...below];
}

function typeOf({ type, items, additionalProperties, enum: choices, format }: SchemaNode): string {
  if (items) return `list of ${typeOf(items)}`;
  if (additionalProperties) return `map of ${typeOf(additionalProperties)}`;
  if (Array.isArray(choices)) return choices.map((choice) => `\`${choice}\``).join(' | ');
  return format === 'date-time' ? 'time' : type;
}

/** How many and how large, and the rules that the API server checks with the words that it uses. */
function bounds(node: SchemaNode): string[] {
  const { minimum, maximum, minItems = 0, maxItems, maxProperties, items, additionalProperties } = node;
  const sentences: string[] = [];
  if (minimum !== undefined && maximum !== undefined) sentences.push(`From ${minimum} to ${maximum}.`);
  if (maxItems !== undefined) sentences.push(`${minItems} to ${maxItems} entries.`);
  if (maxProperties !== undefined) sentences.push(`At most ${maxProperties} entries.`);
  const values = items ?? additionalProperties;
  const rules = [
    ...rulesOf(node),
    ...(values && !values.properties ? rulesOf(values).map((rule) => `each ${rule}`) : []),
  ];
  return [...sentences, ...rules.map((rule) => `(${rule})`)];
}

const rulesOf = (node: SchemaNode): string[] =>
  ((node['x-kubernetes-validations'] ?? []) as { message: string }[]).map(({ message }) => message);
