import { dump } from 'js-yaml';
import { customResourceDefinitions } from '../src/api/crd.ts';
import { chartFiles } from './chart/index.ts';
import { conditionsPage } from './conditions-page.ts';
import { referencePage } from './reference-page.ts';

const chart = 'charts/provider-certificates';

/** Every file that is made from another: path in the repository, content. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const definitions = customResourceDefinitions();
  for (const definition of definitions) {
    const yaml = `# Generated from src/api by "npm run generate".\n${dump(definition, { lineWidth: 120, noRefs: true })}`;
    const file = `${definition.spec.names.plural}.yaml`;
    files.set(`crds/${file}`, yaml);
    // Helm never updates what lies in a chart's own crds/ folder; the chart renders these from its templates.
    files.set(`${chart}/files/crds/${file}`, yaml);
  }
  files.set('docs/reference.md', referencePage(definitions));
  files.set('docs/conditions.md', conditionsPage());
  for (const [name, content] of chartFiles()) files.set(`${chart}/${name}`, content);
  return files;
}
