import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');

interface Manifest {
  name: string;
  devDependencies?: unknown;
  optionalDependencies?: unknown;
  [field: string]: unknown;
}

interface Lock {
  packages: Record<string, Manifest & { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
}

/**
 * What the operator is made from, as a CycloneDX document by npm.
 *
 * `npm sbom --omit dev` would leave out every package that something for development uses too (undici and zod among
 * them), and name the project after its folder. So npm is shown a folder with the right name, and with a manifest and a
 * lock that know nothing but what is needed to run.
 */
export async function billOfMaterials(): Promise<string> {
  const [manifest, lock] = await Promise.all([read<Manifest>('package.json'), read<Lock>('package-lock.json')]);
  const packages = Object.entries(lock.packages)
    .filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional)
    .map(([path, entry]) => [path, path === '' ? toRun(entry) : entry]);
  const scratch = await mkdtemp(join(tmpdir(), 'provider-certificates-sbom-'));
  try {
    const folder = join(scratch, manifest.name);
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), JSON.stringify(toRun(manifest)));
    await writeFile(
      join(folder, 'package-lock.json'),
      JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }),
    );
    const { stdout } = await promisify(execFile)(
      'npm',
      ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'],
      { cwd: folder, maxBuffer: 2 ** 26 },
    );
    return stdout;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** JSON leaves out what is undefined. */
function toRun(manifest: Manifest): Manifest {
  return { ...manifest, devDependencies: undefined, optionalDependencies: undefined };
}

async function read<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(join(root, file), 'utf8')) as T;
}
