/**
 * Makes the files that run on Node 24 with no node_modules: `dist/operator.mjs`, the operator, and `dist/pcert.mjs`, the
 * command line.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build, type Plugin } from 'esbuild';

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
    plugins: [withoutUnused],
    logLevel: 'warning',
  });
  await writeFile(outfile, asAscii(await readFile(outfile, 'utf8')));
  // In an image it is read by somebody else than who built it.
  await chmod(outfile, 0o644);
}

/** All of undici that is used, here and by client-node; its own index brings fetch, WebSocket, caches and mocks as well. */
export const usedOfUndici = {
  Agent: './lib/dispatcher/agent',
  EnvHttpProxyAgent: './lib/dispatcher/env-http-proxy-agent',
  ProxyAgent: './lib/dispatcher/proxy-agent',
};
const undici =
  "Object.assign(require('./lib/dispatcher/dispatcher').prototype, require('./lib/api'));" +
  Object.entries(usedOfUndici)
    .map(([name, file]) => `exports.${name} = require('${file}');`)
    .join('');

/**
 * Leaves out what never runs and cannot be shaken off: the generated clients of all of Kubernetes behind the kubeconfig of
 * client-node, the languages of zod, and most of undici. It is two fifths of the file, and stays in memory.
 */
const withoutUnused: Plugin = {
  name: 'without-unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer.endsWith('client-node/dist/config.js') ? { path: 'generated', namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'export const createConfiguration = undefined, ServerConfiguration = undefined;',
    }));
    onLoad({ filter: /node_modules\/undici\/index\.js$/ }, () => ({ contents: undici }));
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}' }));
  },
};

/** V8 keeps a source with any other character in two bytes per character. Names of authors in licences have some. */
function asAscii(source: string): string {
  const ascii = source.normalize('NFD').replaceAll(/\p{M}/gu, '');
  const other = /[^\0-\x7f]/.exec(ascii)?.[0];
  if (other !== undefined) throw new Error(`The bundle holds "${other}": write it as an escape sequence.`);
  return ascii;
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
