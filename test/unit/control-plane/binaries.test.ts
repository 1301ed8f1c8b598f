import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findBinaries, pinnedVersions } from '../../../sandbox/control-plane/binaries.ts';

let directory: string;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'binaries-'));
  lines = [];
});

afterEach(() => rm(directory, { recursive: true }));

function find(env: NodeJS.ProcessEnv): ReturnType<typeof findBinaries> {
  return findBinaries({ log: (line) => lines.push(line), env: { XDG_CACHE_HOME: directory, PATH: '', ...env } });
}

async function program(path: string, script = ''): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

async function cacheFolder(): Promise<string> {
  const { kubernetes, etcd } = await pinnedVersions();
  const name = `control-plane-${kubernetes}-etcd-${etcd}-${process.platform}-${process.arch}`;
  return join(directory, 'provider-certificates', name);
}

test('takes them from KUBEBUILDER_ASSETS before all', async () => {
  const assets = join(directory, 'assets');
  for (const folder of [assets, await cacheFolder()]) {
    await program(join(folder, 'etcd'));
    await program(join(folder, 'kube-apiserver'));
  }
  expect(await find({ KUBEBUILDER_ASSETS: assets })).toEqual({
    etcd: join(assets, 'etcd'),
    kubeApiserver: join(assets, 'kube-apiserver'),
  });
});

test('does not look elsewhere when KUBEBUILDER_ASSETS lacks one', async () => {
  await program(join(directory, 'etcd'));
  await expect(find({ KUBEBUILDER_ASSETS: directory })).rejects.toThrow(
    `KUBEBUILDER_ASSETS is ${directory}, which does not hold etcd and kube-apiserver`,
  );
});

test('takes them from the cache folder, without Go', async () => {
  const cache = await cacheFolder();
  await program(join(cache, 'etcd'));
  await program(join(cache, 'kube-apiserver'));
  expect(await find({})).toEqual({ etcd: join(cache, 'etcd'), kubeApiserver: join(cache, 'kube-apiserver') });
  expect(lines).toEqual([]);
});

test('finds none without Go', async () => {
  expect(await find({})).toBeUndefined();
});

/** Writes what it is asked to build. */
const goThatWorks = `
for argument; do case $argument in -o=*) output=\${argument#-o=};; esac; done
mkdir -p "$(dirname "$output")" && echo built > "$output" && chmod +x "$output"
echo "$@" >> "$XDG_CACHE_HOME/calls"`;

test('builds them once, whoever asks at the same time', async () => {
  await program(join(directory, 'bin', 'go'), goThatWorks);
  const cache = await cacheFolder();
  const PATH = `${join(directory, 'bin')}:${process.env['PATH']}`;
  const found = await Promise.all([find({ PATH }), find({ PATH }), find({ PATH })]);
  for (const binaries of found) {
    expect(binaries).toEqual({ etcd: join(cache, 'etcd'), kubeApiserver: join(cache, 'kube-apiserver') });
  }
  expect(lines.filter((line) => line.startsWith('building kube-apiserver v'))).toHaveLength(1);
  const { kubernetes, etcd } = await pinnedVersions();
  expect(lines).toContain(`waiting for another process that builds kube-apiserver ${kubernetes} and etcd ${etcd}`);
});

test('starts anew where an earlier build left half', async () => {
  await program(join(await cacheFolder(), 'etcd'));
  await program(join(directory, 'bin', 'go'), goThatWorks);
  expect(await find({ PATH: `${join(directory, 'bin')}:${process.env['PATH']}` })).toBeDefined();
});

test('tells why a build failed', async () => {
  await program(join(directory, 'bin', 'go'), 'echo "module lookup disabled" >&2; exit 1');
  expect(await find({ PATH: `${join(directory, 'bin')}:${process.env['PATH']}` })).toBeUndefined();
  expect(lines.at(-1)).toBe('Building etcd from Go modules failed (exit code 1):\nmodule lookup disabled');
});
