import { chartYaml } from './chart-yaml.ts';
import { dashboard } from './dashboard.ts';
import { chartReadme } from './readme.ts';
import { valuesYaml } from './values-yaml.ts';
import { valuesSchema } from './values.ts';

/** The files of the chart that are made from one source each: name in the chart, content. */
export function chartFiles(): [name: string, content: string][] {
  return [
    ['Chart.yaml', chartYaml()],
    ['README.md', chartReadme()],
    ['values.yaml', valuesYaml()],
    ['values.schema.json', `${JSON.stringify(valuesSchema, null, 2)}\n`],
    ['files/dashboard.json', dashboard()],
  ];
}
