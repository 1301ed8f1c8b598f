import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { table } from '../markdown.ts';
import { sections, type ValueSchema } from './values.ts';

/** README.md of the chart: what is written by hand in readme.md, and the tables of all values. */
export function chartReadme(): string {
  const text = readFileSync(join(import.meta.dirname, 'readme.md'), 'utf8');
  const tables = sections.map(
    ([title, values]) => `### ${title}\n\n${table(['Value', 'Default', 'What it does'], rows(values))}`,
  );
  return text.replace('<!-- values -->', () => tables.join('\n\n'));
}

function rows(values: Record<string, ValueSchema>, path = ''): string[][] {
  return Object.entries(values).flatMap(([name, schema]) => {
    const { properties, description = '', default: value } = schema;
    const own = [`\`${path}${name}\``, value === undefined ? '' : `\`${JSON.stringify(value)}\``, description];
    return [own, ...rows(properties ?? {}, `${path}${name}.`)];
  });
}
