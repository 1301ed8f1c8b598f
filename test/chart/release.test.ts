import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { emptyFolder, npmRun } from '../support/npm-run.ts';
import { helm, withoutHelm } from './helm.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'dist', 'release');
const { version } = manifest;

interface BillOfMaterials {
  bomFormat: string;
  metadata: { component: { name: string; version: string; type: string } };
  components: { name: string; version: string }[];
}

/** Names of the packages that the operator and the command line are bundled from. */
async function bundled(): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [join(root, 'src', 'main.ts'), join(root, 'src', 'cli', 'main.ts')],
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    absWorkingDir: root,
  });
  const names = Object.keys(metafile.inputs).map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined);
}

describe.skipIf(withoutHelm)('npm run release', () => {
  test('with --dry-run makes all files, and their checksums', async () => {
    await using scratch = await emptyFolder();
    const run = npmRun(scratch.path, 'release', '--', '--dry-run');
    const exited = await run.exited;
    expect({ exited, output: run.output() }).toMatchObject({ exited: [0, null] });

    const files = [
      'operator.mjs',
      'pcert.mjs',
      'pcert.tar.gz',
      `provider-certificates-${version}.tgz`,
      'sbom.cdx.json',
    ];
    expect((await readdir(folder)).toSorted()).toEqual(['SHA256SUMS', ...files]);
    const sums = (await readFile(join(folder, 'SHA256SUMS'), 'utf8')).trimEnd().split('\n');
    expect(sums).toEqual(
      await Promise.all(
        files.map(async (file) => {
          const hash = createHash('sha256').update(await readFile(join(folder, file)));
          return `${hash.digest('hex')}  ${file}`;
        }),
      ),
    );

    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'operator.mjs'), '--version']);
    expect(stdout).toBe(`${version}\n`);
    const archive = await promisify(execFile)('tar', ['-tzf', join(folder, 'pcert.tar.gz')]);
    expect(archive.stdout.split('\n')).toEqual(['pcert.mjs', 'LICENSE', '']);
    const chart = await helm(['show', 'chart', join(folder, `provider-certificates-${version}.tgz`)]);
    expect(chart).toContain(`version: ${version}`);
    expect(await helm(['template', 'release', join(folder, `provider-certificates-${version}.tgz`)])).toContain(
      'kind: CustomResourceDefinition',
    );

    const bill = JSON.parse(await readFile(join(folder, 'sbom.cdx.json'), 'utf8')) as BillOfMaterials;
    expect(bill.bomFormat).toBe('CycloneDX');
    expect(bill.metadata.component).toMatchObject({ name: manifest.name, version, type: 'application' });
    const listed = new Set(bill.components.map(({ name }) => name));
    const packages = await bundled();
    expect(packages).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(packages.filter((name) => !listed.has(name))).toEqual([]);
    expect(
      Object.keys(manifest.devDependencies).filter((name) => listed.has(name) && !packages.includes(name)),
    ).toEqual(
      ['@types/node'], // a dependency of @kubernetes/client-node too
    );
  });

  test('without it publishes nothing, and says in one sentence what it needs', async () => {
    await using scratch = await emptyFolder();
    const run = npmRun(scratch.path, '--silent', 'release');
    expect(await run.exited).toEqual([2, null]);
    expect(run.output()).toMatch(/^Publishing needs a registry .*npm run release -- --dry-run.*\.\n$/);
  });
});
