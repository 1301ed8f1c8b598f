import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { findHelm } from '../../sandbox/helm/helm.ts';
import { buildCommandLine, buildOperator } from '../build.ts';
import { billOfMaterials } from './bill-of-materials.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/**
 * Makes the files of a release in a folder, which is emptied first: the operator and the command line as one file each, an
 * archive of the latter for krew, the package of the chart, a
 * CycloneDX bill of materials, and SHA256SUMS over these.
 * @returns the lines of SHA256SUMS
 * @throws Error with one sentence when helm is missing, or with what a program printed that failed
 */
export async function makeRelease(folder: string): Promise<string[]> {
  const helm = await findHelm({ log: console.error });
  if (helm === undefined)
    throw new Error('The chart cannot be packaged: there is no helm on PATH or in HELM, and no Go to build it with.');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await buildOperator(join(folder, 'operator.mjs'));
  await buildCommandLine(join(folder, 'pcert.mjs'));
  await run('tar', ['-czf', join(folder, 'pcert.tar.gz'), '-C', folder, 'pcert.mjs', '-C', root, 'LICENSE']);
  await run(helm, ['package', join(root, 'charts', 'provider-certificates'), '--destination', folder]);
  await writeFile(join(folder, 'sbom.cdx.json'), await billOfMaterials());
  const sums = await Promise.all((await readdir(folder)).toSorted().map((file) => checksum(folder, file)));
  await writeFile(join(folder, 'SHA256SUMS'), `${sums.join('\n')}\n`);
  return sums;
}

/** As `sha256sum` prints it. */
async function checksum(folder: string, file: string): Promise<string> {
  return `${createHash('sha256')
    .update(await readFile(join(folder, file)))
    .digest('hex')}  ${file}`;
}
