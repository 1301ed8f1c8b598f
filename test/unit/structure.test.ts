import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

import { usedOfUndici } from '../../scripts/build.ts';

const root = join(import.meta.dirname, '../..');

/** What each room may use besides itself. Files that lie directly in src belong to the room `main`, but for those that everybody may know. */
const allowed: Record<string, readonly string[]> = {
  api: [],
  kube: [],
  controller: [],
  certificate: [],
  providers: [],
  observability: [],
  sync: ['api', 'kube', 'controller', 'certificate', 'providers'],
  cli: ['sync', 'api', 'kube', 'providers', 'certificate'],
  main: ['sync', 'api', 'kube', 'providers', 'observability'],
};

const common = new Set(['clock.ts', 'printable.ts', 'unless-aborted.ts']);

function roomOf(file: string): string {
  const [first = '', second] = relative(join(root, 'src'), file).split('/');
  return second === undefined ? (common.has(first) ? 'common' : 'main') : first;
}

function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g);
  return Array.from(found, ([, path = '']) => resolve(dirname(file), path));
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(root, 'src', file));

test('imports go one way', () => {
  const wrong = files.flatMap((file) => {
    const room = roomOf(file);
    return importsOf(file)
      .map(roomOf)
      .filter((other) => other !== room && other !== 'common' && !allowed[room]?.includes(other))
      .map((other) => `${relative(root, file)} imports from ${other}`);
  });
  expect(wrong).toEqual([]);
});

test('nothing in src comes from outside of it', () => {
  const outside = files.filter((file) =>
    importsOf(file).some((path) => relative(join(root, 'src'), path).startsWith('..')),
  );
  expect(outside).toEqual([]);
});

test('nothing is used of undici that the built files leave out', () => {
  const used = files.flatMap((file) => {
    const [, names = ''] = /import \{([^}]*)\} from 'undici'/.exec(readFileSync(file, 'utf8')) ?? [];
    return names.split(',').map((name) => name.trim());
  });
  const values = used.filter((name) => name !== '' && !name.startsWith('type '));
  expect(new Set(values)).toEqual(new Set(Object.keys(usedOfUndici)));
});

test('it looks at everything', () => {
  expect(new Set(files.map(roomOf))).toEqual(new Set([...Object.keys(allowed), 'common']));
  expect(files.flatMap(importsOf).length).toBeGreaterThan(100);
});
