/** Makes the one file that is the operator: `dist/operator.mjs` runs on Node 24 with no node_modules. So do other bundles. */
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** @param outfile where the file goes */
export async function buildOperator(outfile: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  await bundle(join(root, 'src', 'main.ts'), outfile, { OPERATOR_VERSION: JSON.stringify(version) });
}

/**
 * @param entry the module that is run
 * @param outfile where the one file goes
 * @param define what takes the place of identifiers
 */
export async function bundle(entry: string, outfile: string, define: Record<string, string> = {}): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Names stay as they are written: they are what a stack trace in a log tells.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    define,
    // CommonJS dependencies call `require`, which a module does not have.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  // In an image it is read by somebody else than who built it.
  await chmod(outfile, 0o644);
}

if (import.meta.main) await buildOperator(join(root, 'dist', 'operator.mjs'));
