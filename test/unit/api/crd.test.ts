import { load } from 'js-yaml';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from '../../../scripts/generated-files.ts';
import { customResourceDefinitions, type SchemaNode, unseen } from '../../../src/api/crd.ts';

const definitions = customResourceDefinitions();
const byKind = definitions.map((definition) => [definition.spec.names.kind, definition] as const);
const schemaOf = (definition: (typeof definitions)[number]): SchemaNode =>
  definition.spec.versions[0]!.schema.openAPIV3Schema;

/** Every node of a schema with its path. */
function* nodes(node: SchemaNode, path: string): Generator<[path: string, node: SchemaNode]> {
  yield [path, node];
  for (const [name, field] of Object.entries(node.properties ?? {})) yield* nodes(field, `${path}.${name}`);
  if (node.items) yield* nodes(node.items, `${path}[]`);
  if (node.additionalProperties) yield* nodes(node.additionalProperties, `${path}{}`);
}

/** Nodes of spec and status: what is our own. */
const ownNodes = (definition: (typeof definitions)[number]): [string, SchemaNode][] =>
  ['spec', 'status'].flatMap((name) => Array.from(nodes(schemaOf(definition).properties![name]!, name)));

/** All that a node of ours may hold. Structural schemas forbid the rest, or we have no use for it. */
const keywords = new Set(
  `type description properties additionalProperties items required format enum pattern minimum maximum
   minLength maxLength minItems maxItems maxProperties x-kubernetes-validations x-kubernetes-map-type
   x-kubernetes-list-type x-kubernetes-list-map-keys`.split(/\s+/),
);

/** What is wrong with a node as a part of a structural schema. */
function faults(path: string, node: SchemaNode): string[] {
  const { type, properties, additionalProperties, items, required = [] } = node;
  const found = Object.keys(node)
    .filter((keyword) => !keywords.has(keyword) && !(path === 'status' && keyword === 'default'))
    .map((keyword) => `unknown keyword ${keyword}`);
  if (!['object', 'array', 'string', 'integer', 'boolean'].includes(type)) found.push(`type ${type}`);
  if ((type === 'object') !== Boolean(properties ?? additionalProperties)) found.push('fields and type do not fit');
  if (properties && additionalProperties) found.push('both properties and additionalProperties');
  if ((type === 'array') !== Boolean(items)) found.push('items and type do not fit');
  found.push(...required.filter((name) => !properties?.[name]).map((name) => `requires ${name}, which is no property`));
  if (type === 'string' && !node['enum'] && !node['maxLength']) found.push('text without bound');
  if (items && !node['maxItems']) found.push('list without bound');
  if (additionalProperties && !node['maxProperties']) found.push('map without bound');
  return found.map((fault) => `${path}: ${fault}`);
}

describe('the generated files', () => {
  it.each([...generatedFiles()])('%s is up to date', (path, content) => {
    expect(readFileSync(join(import.meta.dirname, '../../..', path), 'utf8')).toBe(content);
  });

  it('hold the definitions as they are', () => {
    const files = generatedFiles();
    for (const definition of definitions) {
      const file = `${definition.spec.names.plural}.yaml`;
      expect(load(files.get(`crds/${file}`)!)).toEqual(definition);
      expect(files.get(`charts/provider-certificates/files/crds/${file}`)).toBe(files.get(`crds/${file}`));
    }
  });

  it('are small enough for client-side apply, which copies them into an annotation of at most 256 KiB', () => {
    for (const definition of definitions) expect(JSON.stringify(definition).length).toBeLessThan(64 * 1024);
  });
});

describe.each(byKind)('the definition of %s', (_kind, definition) => {
  it('has a structural schema of known keywords, with bounds, without which CEL rules would be too costly', () => {
    expect(ownNodes(definition).flatMap(([path, node]) => faults(path, node))).toEqual([]);
  });

  it('describes every field', () => {
    const fields = ownNodes(definition).filter(([path]) => !/(\[\]|\{\})$/.test(path));
    const mute = fields.filter(([, { description = '' }]) => !/^[A-Z`].*\.$/.test(description));
    expect(mute.map(([path]) => path)).toEqual([]);
    expect(fields.length).toBeGreaterThan(30);
  });

  it('has no default but the one of status', () => {
    const schema = schemaOf(definition);
    const withDefault = [...nodes(schema, '')].filter(([, node]) => 'default' in node);
    expect(withDefault.map(([path]) => path)).toEqual(['.status']);
    expect(schema.properties!['status']!['default']).toEqual(unseen);
  });

  it('merges conditions by type and has a status subresource', () => {
    const conditions = schemaOf(definition).properties!['status']!.properties!['conditions']!;
    expect(conditions).toMatchObject({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });
    expect(definition.spec.versions[0]!.subresources).toEqual({ status: {} });
  });

  it('gives every rule a message that reads as a sentence about the value', () => {
    const rules = [...nodes(schemaOf(definition), '')].flatMap(
      ([, node]) => (node['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[],
    );
    expect(rules.length).toBeGreaterThan(4);
    for (const { message } of rules) expect(message).toMatch(/ must | is used |^must |^keys must /);
  });
});

it('gives the kinds the names and columns that are promised', () => {
  const told = definitions.map(({ spec: { names, scope, versions } }) => ({
    names: [names.plural, ...names.shortNames, ...names.categories],
    scope,
    columns: versions[0]!.additionalPrinterColumns.map(({ name, type, priority = 0 }) => `${name} ${type} ${priority}`),
  }));
  const columns = [
    'Ready string 0',
    'Type string 0',
    'Certificates integer 0',
    'Checked date 0',
    'Message string 0',
    'Age date 0',
  ];
  expect(told).toEqual([
    { names: ['certificateproviders', 'cprov', 'provider-certificates'], scope: 'Namespaced', columns },
    { names: ['clustercertificateproviders', 'ccprov', 'provider-certificates'], scope: 'Cluster', columns },
    {
      names: ['providercertificates', 'pcert', 'provider-certificates'],
      scope: 'Namespaced',
      columns: ['Ready string 0', 'Expires string 0', 'Secret string 0', 'Status string 0', 'Age date 0'].concat([
        'Provider string 1',
        'Issuer string 1',
        'Serial string 1',
      ]),
    },
    {
      names: ['certificateuploads', 'cupload', 'provider-certificates'],
      scope: 'Namespaced',
      columns: ['Ready string 0', 'Expires string 0', 'Remote string 0', 'Status string 0', 'Age date 0'].concat([
        'Secret string 1',
        'Provider string 1',
        'ID string 1',
      ]),
    },
  ]);
});

/** Plurals, singulars, short names and categories of neighbours: cert-manager, External Secrets, Gateway API. */
const taken = new Set(
  `certificates certificate cert certs certificaterequests certificaterequest cr crs issuers issuer iss clusterissuers
   clusterissuer ciss orders order challenges challenge cert-manager cert-manager-acme
   externalsecrets externalsecret es clusterexternalsecrets clusterexternalsecret ces secretstores secretstore ss
   clustersecretstores clustersecretstore css pushsecrets pushsecret ps clusterpushsecrets clusterpushsecret
   external-secrets external-secrets-generators
   gateways gateway gtw gatewayclasses gatewayclass gc httproutes httproute grpcroutes grpcroute tlsroutes tcproutes
   udproutes referencegrants referencegrant refgrant backendtlspolicies btlspolicy gateway-api
   secrets secret configmaps all`.split(/\s+/),
);

it('uses no word of a neighbour', () => {
  const ours = definitions.flatMap(({ spec: { names } }) =>
    [names.plural, names.singular].concat(names.shortNames, names.categories),
  );
  expect(ours.filter((word) => taken.has(word))).toEqual([]);
});
