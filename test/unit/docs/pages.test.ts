import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

import manifest from '../../../package.json' with { type: 'json' };
import { home } from '../../../scripts/chart/project.ts';
import { anchorsOf, linksOf } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const find = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: root, exclude: ['node_modules', 'dist', '.git'] }).toSorted();

const pages = find('**/*.md', '.github/**/*.md');
/** Places where links to the home of the project are written out in full. */
const others = find('.github/**/*.yml', 'charts/*/templates/*', 'charts/*/Chart.yaml', 'charts/*/values.yaml');

/** Where a link inside of the repository leads, as a path in it and an anchor; undefined for other links. */
function inside(page: string, link: string): { file: string; anchor: string | undefined } | undefined {
  const onGitHub = `${home}/blob/main/`;
  const path = link.startsWith(onGitHub) ? `/${link.slice(onGitHub.length)}` : link;
  if (/^[a-z]+:/.test(path)) return undefined;
  const [file = '', anchor] = path.split('#');
  const from = path.startsWith('/') ? root : dirname(join(root, page));
  return { file: file === '' ? page : relative(root, resolve(from, `./${decodeURI(file)}`)), anchor };
}

function broken(page: string, link: string): string[] {
  const target = inside(page, link);
  if (target === undefined) return [];
  const { file, anchor } = target;
  if (file.startsWith('..') || !existsSync(join(root, file))) return [`${page}: ${link} leads nowhere`];
  if (anchor === undefined) return [];
  const known = statSync(join(root, file)).isFile() && file.endsWith('.md') && anchorsOf(read(file)).has(anchor);
  return known ? [] : [`${page}: there is no heading for ${link}`];
}

test('every link in a page leads to a file, and to a heading of it', () => {
  expect(pages.length).toBeGreaterThan(20);
  expect(pages.flatMap((page) => linksOf(read(page)).flatMap((link) => broken(page, link)))).toEqual([]);
});

test('so does every link to the home of the project', () => {
  const links = others.flatMap((file) =>
    Array.from(read(file).matchAll(/https:\/\/github\.com\/[^\s"'<>)]+\/blob\/[^\s"'<>)]+/g), ([link]) => ({
      file,
      link,
    })),
  );
  expect(links.length).toBeGreaterThan(1);
  expect(links.filter(({ link }) => !link.startsWith(home))).toEqual([]);
  expect(links.flatMap(({ file, link }) => broken(file, link))).toEqual([]);
});

test('every page of docs is in the index', () => {
  const listed = new Set(linksOf(read('docs/README.md')).map((link) => inside('docs/README.md', link)?.file));
  expect(find('docs/**/*.md').filter((page) => page !== 'docs/README.md' && !listed.has(page))).toEqual([]);
});

test('every npm script that a page or a workflow names exists', () => {
  const named = [...pages, ...find('.github/workflows/*.yml', '.ci/run')].flatMap((file) =>
    Array.from(read(file).matchAll(/\bnpm run ([a-z][a-z0-9:-]*)/g), ([, script = '']) => ({ file, script })),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ script }) => !(script in manifest.scripts))).toEqual([]);
});
