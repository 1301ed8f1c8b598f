import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findHelm } from '../../../sandbox/helm/helm.ts';

let directory: string;
let lines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'helm-'));
  lines = [];
});

afterEach(() => rm(directory, { recursive: true }));

function find(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return findHelm({ log: (line) => lines.push(line), env: { XDG_CACHE_HOME: directory, PATH: '', ...env } });
}

async function program(path: string, script = ''): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test('takes the one that HELM names before the one on PATH', async () => {
  const named = await program(join(directory, 'my', 'helm4'));
  const installed = await program(join(directory, 'bin', 'helm'));
  const PATH = join(directory, 'bin');
  expect(await find({ HELM: named, PATH })).toBe(named);
  expect(await find({ PATH })).toBe(installed);
});

test('does not look elsewhere when HELM cannot be run', async () => {
  await program(join(directory, 'bin', 'helm'));
  const HELM = join(directory, 'helm');
  await expect(find({ HELM, PATH: join(directory, 'bin') })).rejects.toThrow(`HELM is ${HELM}, which cannot be run`);
});

test('builds the pinned version, which renders for the Kubernetes of its client library', async () => {
  await program(
    join(directory, 'bin', 'go'),
    `for argument; do case $argument in -o=*) output=\${argument#-o=};; esac; done
     mkdir -p "$(dirname "$output")" && echo built > "$output" && chmod +x "$output"
     echo "$@" >> "$XDG_CACHE_HOME/calls"`,
  );
  const found = await find({ PATH: `${join(directory, 'bin')}:/usr/bin:/bin` });
  expect(found).toMatch(/\/provider-certificates\/helm-v3\.\d+\.\d+-[a-z]+-[a-z0-9]+\/helm$/);
  expect(await readFile(join(directory, 'calls'), 'utf8')).toMatch(/chartutil\.k8sVersionMinor=\d+ .*cmd\/helm$/m);
  expect(lines[0]).toMatch(/^building helm v3\.\d+\.\d+ from Go modules: once/);
});

test('finds none without Go', async () => {
  expect(await find({})).toBeUndefined();
});
