import { dump } from 'js-yaml';

import { sections, type ValueSchema } from './values.ts';

/** values.yaml: every value with its default, and what it is for above it. */
export function valuesYaml(): string {
  const parts = sections.map(([title, values]) => `# --- ${title} ---\n\n${entries(values, '')}`);
  return `# Generated from scripts/chart by "npm run generate".\n\n${parts.join('\n')}`;
}

function entries(values: Record<string, ValueSchema>, indent: string): string {
  return Object.entries(values)
    .map(([name, schema]) => entry(name, schema, indent))
    .join(indent === '' ? '\n' : '');
}

function entry(name: string, schema: ValueSchema, indent: string): string {
  const comment = wrapped(schema.description ?? '', 118 - indent.length)
    .map((line) => `${indent}# ${line}\n`)
    .join('');
  if (schema.properties) return `${comment}${indent}${name}:\n${entries(schema.properties, `${indent}  `)}`;
  // Without a default it is only shown how it would look.
  const [mark, value] = schema.default === undefined ? ['# ', schema.examples?.[0]] : ['', schema.default];
  const lines = dump({ [name]: value }, { lineWidth: -1 })
    .trimEnd()
    .split('\n');
  return comment + lines.map((line) => `${indent}${mark}${line}\n`).join('');
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
