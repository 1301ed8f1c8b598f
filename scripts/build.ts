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
  await bundle(join(root, 'src', 'main.ts'), outfile, { define: { OPERATOR_VERSION: await version() } });
}

/** @param outfile where the file goes; it can be run as it is, under any name */
export async function buildCommandLine(outfile: string): Promise<void> {
  // Said before anything runs that an older one does not have.
  const tooOld = `if (parseInt(process.versions.node) < 24) { console.error('pcert needs Node 24 or later, and this is ' + process.version + '.'); process.exit(2); }`;
  const banner = `#!/usr/bin/env node\n${requireBanner}\n${tooOld}`;
  const define = { PCERT_VERSION: await version() };
  // It shows no stack traces, and a third less is read at each start.
  await bundle(join(root, 'src', 'cli', 'main.ts'), outfile, { define, banner, minifyIdentifiers: true });
  await chmod(outfile, 0o755);
}

/**
 * @param entry the module that is run
 * @param outfile where the one file goes
 * @param options.define what takes the place of identifiers
 * @param options.minifyIdentifiers default: names stay as they are written, as a stack trace in a log tells them
 */
export async function bundle(
  entry: string,
  outfile: string,
  {
    define = {},
    banner = requireBanner,
    minifyIdentifiers = false,
  }: { define?: Record<string, string>; banner?: string; minifyIdentifiers?: boolean } = {},
): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifyIdentifiers,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    define,
    banner: { js: banner },
    logLevel: 'warning',
  });
  // In an image it is read by somebody else than who built it.
  await chmod(outfile, 0o644);
}

/** As a JavaScript expression. */
async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return JSON.stringify(manifest.version);
}

if (import.meta.main) {
  await buildOperator(join(root, 'dist', 'operator.mjs'));
  await buildCommandLine(join(root, 'dist', 'pcert.mjs'));
}
