import { join } from 'node:path';

import { onPath } from '../../../sandbox/go/path.ts';
import { pinsOf } from '../../../sandbox/go/pins.ts';
import { findTools } from '../../../sandbox/go/tools.ts';

const module = join(import.meta.dirname, 'gomod');

/**
 * Finds promtool: on `PATH`, or in the cache folder of the project. It is built only when `BUILD_PROMTOOL` is set: that takes
 * longer than all tests of the chart together.
 */
export async function findPromtool({
  log,
  env = process.env,
}: {
  log: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}): Promise<string | undefined> {
  const installed = await onPath('promtool', env);
  if (installed !== undefined) return installed;
  const prometheus = (await pinsOf(module))('github.com/prometheus/prometheus');
  const folder = await findTools(
    {
      name: `promtool-${prometheus}`,
      title: `promtool ${prometheus}`,
      takes: '5 minutes',
      module,
      programs: [
        // Nothing is to be discovered, which leaves out the libraries of all clouds.
        { output: 'promtool', main: 'github.com/prometheus/prometheus/cmd/promtool', tags: 'remove_all_sd' },
      ],
    },
    { log, env, build: Boolean(env['BUILD_PROMTOOL']) },
  );
  return folder === undefined ? undefined : join(folder, 'promtool');
}
