/**
 * `npm run release -- --dry-run` makes what a release consists of, in dist/release, and publishes nothing. Without
 * --dry-run it says what publishing needs, and exits 2.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeRelease } from './release/release.ts';

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });

if (values['dry-run']) {
  try {
    for (const line of await makeRelease(join(import.meta.dirname, '..', 'dist', 'release'))) console.log(line);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
} else {
  console.error(
    'Publishing needs a registry for the image and the chart and a key to sign them with, and neither is set up: make the files with "npm run release -- --dry-run" and publish them as CONTRIBUTING.md says.',
  );
  process.exitCode = 2;
}
