import { expect, test } from 'vitest';
import { candidates } from '../../../src/cli/candidates.ts';
import { program } from '../../../src/cli/program.ts';

const root = program({
  shell: {
    name: 'pcert',
    out: { write() {} },
    err: { write() {} },
    env: {},
    now: () => 0,
    input: async () => Buffer.alloc(0),
    ask: async () => undefined,
  },
  version: '1',
  ended() {},
});

function after(...words: string[]): { words: string[] } & Omit<ReturnType<typeof candidates>, 'words'> {
  const { words: found, ...rest } = candidates(root, words);
  return { ...rest, words: found.map(({ word }) => word) };
}

test('commands, as far as they are written', () => {
  expect(after('').words).toContain('status');
  expect(after('s').words).toEqual(['status', 'sync', 'suspend']);
  expect(after('remote', 's').words).toContain('show');
  expect(after('nonsense', '').words).toEqual([]);
});

test('flags of the command and of the program', () => {
  expect(after('status', '--e').words).toEqual(['--expiring']);
  expect(after('status', '--n').words).toEqual(['--namespace']);
  expect(after('check', '--n').words).toEqual([]);
});

test('values', () => {
  expect(after('status', '-o', '').words).toEqual(['wide', 'json', 'yaml']);
  expect(after('status', '--output=y').words).toEqual(['--output=yaml']);
  // bash makes three words of it.
  expect(after('status', '--output', '=', 'y').words).toEqual(['yaml']);
  expect(after('completion', 'z').words).toEqual(['zsh']);
});

test('names that the cluster knows, and where', () => {
  expect(after('status', '')).toMatchObject({ names: 'certificates' });
  expect(after('-n', 'shop', 'sync', 'a', '')).toMatchObject({ names: 'certificates', flags: { namespace: 'shop' } });
  expect(after('import', '--provider', '')).toMatchObject({ names: 'providers' });
  expect(after('import', '--provider=n')).toMatchObject({ names: 'providers', prefix: '--provider=' });
  expect(after('status', '--namespace=')).toMatchObject({ names: 'namespaces' });
  expect(after('status', 'one', '')).not.toHaveProperty('names');
});

test('files', () => {
  expect(after('check', '').files).toBe(true);
  expect(after('fetch', '--config', '').files).toBe(true);
  expect(after('fetch', '--out', '').files).toBe(true);
  expect(after('status', '').files).toBe(false);
});
