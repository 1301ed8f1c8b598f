import { describe, expect, test } from 'vitest';

import { sections, valuesSchema, type ValueSchema } from '../../scripts/chart/values.ts';
import type { PolicyRule } from '../../sandbox/control-plane/index.ts';
import { clusterRules, leaderElectionRules, namespaceRules, uploadRules } from '../../sandbox/rbac.ts';
import { type Deployment, only, render, template, type Values, withoutHelm } from './helm.ts';

/** Every value, its groups included. */
function all(values: Record<string, ValueSchema>, path = ''): [path: string, schema: ValueSchema][] {
  return Object.entries(values).flatMap(([name, schema]) => [
    [`${path}${name}`, schema] as [string, ValueSchema],
    ...all(schema.properties ?? {}, `${path}${name}.`),
  ]);
}

describe('the values', () => {
  test('all say what they are for', () => {
    const values = all(valuesSchema.properties ?? {});
    expect(values.length).toBeGreaterThan(80);
    expect(
      values.filter(([, { description = '' }]) => !/^[A-Z`].*[.)]$/.test(description)).map(([path]) => path),
    ).toEqual([]);
  });

  test('have a default, or show what one could look like', () => {
    const bare = all(valuesSchema.properties ?? {}).filter(
      ([, schema]) => !schema.properties && schema.default === undefined && schema.examples === undefined,
    );
    expect(bare).toEqual([]);
  });

  test('are in one section each', () => {
    const names = sections.flatMap(([, values]) => Object.keys(values));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(Object.keys(valuesSchema.properties ?? {}));
  });
});

const refused: { what: string; values: Values; message: RegExp }[] = [
  {
    what: 'a name with a typing error',
    values: { replicas: 2 },
    message: /additional properties 'replicas' not allowed/,
  },
  {
    what: 'one in a group',
    values: { prometheus: { serviceMonitor: { enabled: true } } },
    message: /'\/prometheus': additional properties 'serviceMonitor' not allowed/,
  },
  {
    what: 'a number in place of a list',
    values: { allowEndpoints: 'cm.example.com' },
    message: /'\/allowEndpoints'.*want array/,
  },
  {
    what: 'a word that is none of those',
    values: { logLevel: 'verbose' },
    message: /'\/logLevel'.*'trace', 'debug', 'info'/,
  },
  { what: 'more workers than the operator takes', values: { concurrency: 2000 }, message: /'\/concurrency'.*1,?024/ },
  {
    what: 'what cannot be a namespace',
    values: { watchNamespaces: ['Team_A'] },
    message: /'\/watchNamespaces\/0'.*pattern/,
  },
  {
    what: 'a namespace twice',
    values: { watchNamespaces: ['a', 'a'] },
    message: /'\/watchNamespaces'.*items at 0 and 1 are equal/,
  },
  {
    what: 'a label that YAML takes for a number',
    values: { podLabels: { version: 1.1 } },
    message: /'\/podLabels\/version'.*want string/,
  },
  {
    what: 'replicas that would fight',
    values: { replicaCount: 2, leaderElection: { enabled: false } },
    message: /replicaCount is 2 and leaderElection\.enabled is false/,
  },
  {
    what: 'two places for the authorities',
    values: { caBundle: { configMapName: 'a', secretName: 'b' } },
    message: /caBundle\.configMapName and caBundle\.secretName are both set/,
  },
  {
    what: 'two budgets',
    values: { podDisruptionBudget: { enabled: true, minAvailable: 1, maxUnavailable: 1 } },
    message: /podDisruptionBudget\.minAvailable and podDisruptionBudget\.maxUnavailable are both set/,
  },
];

describe.skipIf(withoutHelm)('the chart', () => {
  test.each(refused)('refuses $what', async ({ values, message }) => {
    await expect(template(values)).rejects.toThrow(message);
  });

  /** In the order of their text, as their own order means nothing. */
  const sorted = (...rules: PolicyRule[]): string[] =>
    rules.map((rule) => JSON.stringify(rule, Object.keys(rule).sort())).sort();
  const rulesOf = (role: { rules?: PolicyRule[] }): string[] => sorted(...(role.rules ?? []));

  test('grants in the whole cluster what the operator is tested with, and leases in its own namespace', async () => {
    const objects = await render();
    expect(rulesOf(only(objects, 'ClusterRole', 'provider-certificates'))).toEqual(sorted(...clusterRules));
    expect(rulesOf(only(objects, 'Role'))).toEqual(sorted(...leaderElectionRules));
  });

  test('grants more where it uploads, and says so to the operator', async () => {
    const uploads = { enabled: true };
    const everywhere = await render({ uploads });
    expect(rulesOf(only(everywhere, 'ClusterRole', 'provider-certificates'))).toEqual(
      sorted(...clusterRules, ...uploadRules),
    );
    expect(only<Deployment>(everywhere, 'Deployment').spec.template.spec.containers[0].args).toContain(
      '--enable-uploads',
    );
    const inOne = await render({ uploads, watchNamespaces: ['shop'] });
    expect(rulesOf(only(inOne, 'Role', 'provider-certificates'))).toEqual(sorted(...namespaceRules, ...uploadRules));
  });

  test('or the same in each namespace that it watches', async () => {
    const objects = await render({ watchNamespaces: ['shop'] });
    expect(rulesOf(only(objects, 'Role', 'provider-certificates'))).toEqual(sorted(...namespaceRules));
    expect(rulesOf(only(objects, 'Role', 'provider-certificates-leader-election'))).toEqual(
      sorted(...leaderElectionRules),
    );
  });

  test('grants all of it to the ServiceAccount that runs, by bindings that name these roles', async () => {
    for (const values of [{}, { watchNamespaces: ['shop', 'blog'] }, { serviceAccount: { name: 'mine' } }]) {
      const objects = await render(values);
      const { serviceAccountName: name } = only<Deployment>(objects, 'Deployment').spec.template.spec;
      const roles = objects.filter(
        ({ kind, metadata }) => kind.endsWith('Role') && !/-(view|edit)$/.test(metadata.name),
      );
      const bound = roles.map(({ kind, metadata }) =>
        objects.find(
          (object) =>
            object.kind === `${kind}Binding` &&
            object.metadata.namespace === metadata.namespace &&
            object.metadata.name === metadata.name,
        ),
      );
      expect(bound.length).toBeGreaterThan(1);
      for (const [index, binding] of bound.entries()) {
        const { kind, metadata } = roles[index]!;
        expect(binding).toMatchObject({
          roleRef: { kind, name: metadata.name },
          subjects: [{ kind: 'ServiceAccount', name, namespace: 'platform' }],
        });
      }
    }
  });

  test.each([
    { values: {}, name: 'provider-certificates' },
    { values: { nameOverride: 'certs' }, name: 'provider-certificates-certs' },
    { values: { fullnameOverride: 'certs' }, name: 'certs' },
    { values: { fullnameOverride: 'c'.repeat(80) }, name: 'c'.repeat(47) },
  ])('calls its objects and its Lease $name with $values', async ({ values, name }) => {
    const objects = await render(values);
    const { metadata, spec } = only<Deployment>(objects, 'Deployment');
    expect(metadata.name).toBe(name);
    expect(spec.template.spec.containers[0].args).toContain(`--leader-election-id=${name}`);
    expect(only(objects, 'Role', `${name}-leader-election`)['rules']).toContainEqual(
      expect.objectContaining({ resourceNames: [name], verbs: ['get', 'update'] }),
    );
    expect(objects.filter((object) => object.metadata.name.length > 63)).toEqual([]);
  });
});
