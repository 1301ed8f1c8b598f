import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { pcert } from '../../support/pcert.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The words of all commands: `['remote', 'list']`. */
async function commands(words: string[] = []): Promise<string[][]> {
  const { out } = await pcert(['__complete', ...words, '']);
  const names = out.split('\n').flatMap((line) => /^([a-z-]+)\t/.exec(line)?.[1] ?? []);
  const all = words.length > 1 ? [] : names.map((name) => [...words, name]);
  return (
    await Promise.all(all.map(async (one) => [one, ...(one.at(-1) === 'remote' ? await commands(one) : [])]))
  ).flat();
}

test('every command has examples in its help, and a place in the documentation', async () => {
  const all = await commands();
  expect(all).toContainEqual(['remote', 'self-sign']);
  const page = read('docs/cli.md');
  for (const words of all) {
    const { code, out, err } = await pcert([...words, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: pcert ${words.join(' ')}`);
    if (words.join() !== 'remote') expect(out).toContain(`\n  pcert ${words.join(' ')} `);
    const last = words.at(-1);
    expect(page).toMatch(new RegExp(`^## .*\\b${last}\\b|^\\| \`${last}\` \\|`, 'm'));
  }
});

test('the version, and help for whoever says nothing', async () => {
  expect(await pcert(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  expect(await pcert([])).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes: 0') });
});

test.each(['bash', 'zsh', 'fish', 'kubectl'])('a completion script for %s asks the program itself', async (shell) => {
  const { code, out } = await pcert(['completion', shell]);
  expect(code).toBe(0);
  expect(out).toContain('pcert __complete');
});

test('the manifest for krew names files that a release has', () => {
  const { metadata, spec } = load(read('krew/pcert.yaml')) as {
    metadata: { name: string };
    spec: { platforms: { bin: string; sha256: string; files: { from: string }[] }[] };
  };
  expect(metadata.name).toBe('pcert');
  for (const { bin, sha256, files } of spec.platforms) {
    expect(files.map(({ from }) => from)).toEqual([bin, 'LICENSE']);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});
