import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { dump, load } from 'js-yaml';
import { describe, expect, test } from 'vitest';

import type { ApiObject } from '../../sandbox/control-plane/api.ts';
import { difference } from './difference.ts';
import { chart, helm, objectsIn, render, template, withoutHelm } from './helm.ts';
import { matrix } from './matrix.ts';

const snapshots = join(import.meta.dirname, 'snapshots');

const { version } = load(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as { version: string };

/**
 * The objects of a rendered chart as YAML, without the CRDs, by what they are about: in an order and a form that is the same
 * for all versions of Helm, without what changes with each release.
 */
function manifests(text: string): Map<string, string> {
  const found = objectsIn(text)
    .filter(({ kind }) => kind !== 'CustomResourceDefinition')
    .map((object): [string, string] => {
      const { kind, metadata } = object;
      const manifest = dump(object, { lineWidth: -1 })
        .replaceAll(version, 'VERSION')
        .replace(/(provider-certificates\.json: \|-?)(?:\n {4}.*)+/, '$1\n    …');
      return [`${kind} ${metadata.namespace ?? ''}/${metadata.name}`, manifest];
    });
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe.skipIf(withoutHelm)('the chart', () => {
  test('passes helm lint --strict, whatever is set', async () => {
    for (const values of Object.values(matrix)) await helm(['lint', '--strict', chart], { values });
  });

  /** All of the default; of everything else how it differs from that. */
  test.each(Object.entries(matrix))('renders %s as before', async (name, values) => {
    const [usual, rendered] = await Promise.all([template({}), template(values)]).then((both) => both.map(manifests));
    const gone = [...usual!.keys()].filter((key) => !rendered!.has(key)).map((key) => `# Not there: ${key}\n`);
    const shown = [...rendered!].flatMap(([key, text]) => {
      const before = name === 'default' ? undefined : usual!.get(key);
      if (before === text) return [];
      return [before === undefined ? `---\n${text}` : `--- # ${key}\n${difference(before, text)}\n`];
    });
    const settings = dump(values).trimEnd().replaceAll(/^/gm, '# ');
    const snapshot = [`# Rendered with\n${settings}\n`, ...gone, ...shown].join('');
    await expect(snapshot).toMatchFileSnapshot(join(snapshots, `${name}.snap`));
  });

  test('has no snapshot that nothing is compared with', () => {
    expect(readdirSync(snapshots).sort()).toEqual(
      Object.keys(matrix)
        .map((name) => `${name}.snap`)
        .sort(),
    );
  });

  test('has the CRDs as they were generated, with labels of its own, to be kept', async () => {
    const folder = join(chart, 'files', 'crds');
    const generated = readdirSync(folder).map((file) => load(readFileSync(join(folder, file), 'utf8')) as ApiObject);
    const definitions = (values = {}): Promise<ApiObject[]> =>
      render(values).then((objects) => objects.filter(({ kind }) => kind === 'CustomResourceDefinition'));
    expect(generated).toHaveLength(4);
    expect(
      (await definitions()).map(({ metadata, ...rest }) => ({ ...rest, metadata: { name: metadata.name } })),
    ).toEqual(generated);
    for (const { metadata } of await definitions()) {
      expect(metadata['annotations']).toEqual({ 'helm.sh/resource-policy': 'keep' });
      expect(metadata['labels']).toMatchObject({ 'app.kubernetes.io/name': 'provider-certificates' });
    }
    for (const { metadata } of await definitions({ crds: { keep: false } })) {
      expect(metadata).not.toHaveProperty('annotations');
    }
    expect(await definitions({ crds: { enabled: false } })).toEqual([]);
  });

  test('makes no cluster-wide grant, and asks for no namespace but its own, when it watches some', async () => {
    const objects = await render({ watchNamespaces: ['shop', 'blog'] });
    expect(objects.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
    const places = objects.filter(({ kind }) => kind === 'Role').map(({ metadata }) => metadata.namespace);
    expect(places).toEqual(['shop', 'blog', 'platform']);
  });

  test('goes into a parent chart under a condition', async () => {
    const text = await template({ enabled: true, global: { somethingOfTheParent: true } });
    expect(objectsIn(text).length).toBeGreaterThan(8);
  });
});
