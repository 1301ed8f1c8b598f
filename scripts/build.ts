/**
 * Makes the files that run on Node 24 with no node_modules: `dist/operator.mjs`, the operator, and `dist/pcert.mjs`, the
 * command line.
 */
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** CommonJS dependencies call `require`, which a module does not have. */
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** @param outfile where the file goes */
export async function buildOperator(outfile: string): Promise<void> {
  await bundle(join('src', 'main.ts'), outfile, { version: 'OPERATOR_VERSION', banner: requireBanner });
}

/** @param outfile where the file goes; it can be run as it is, under any name */
export async function buildCommandLine(outfile: string): Promise<void> {
  const banner = `#!/usr/bin/env node\n${requireBanner}`;
  await bundle(join('src', 'cli', 'main.ts'), outfile, { version: 'PCERT_VERSION', banner });
  await chmod(outfile, 0o755);
}

async function bundle(
  entry: string,
  outfile: string,
  { version: constant, banner }: { version: string; banner: string },
): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Names stay as they are written: they are what a stack trace in a log tells.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    define: { [constant]: JSON.stringify(version) },
    banner: { js: banner },
    logLevel: 'warning',
  });
  // In an image it is read by somebody else than who built it.
  await chmod(outfile, 0o644);
}

if (import.meta.main) {
  await buildOperator(join(root, 'dist', 'operator.mjs'));
  await buildCommandLine(join(root, 'dist', 'pcert.mjs'));
}
