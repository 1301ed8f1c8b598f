import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { findHelm } from '../../sandbox/helm/helm.ts';
import { buildOperator } from '../../scripts/build.ts';
import { runFolders } from '../support/run.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of helm; absent where there is none and none can be built. */
    helm: string | undefined;
  }
}

/** What all tests of the chart share: helm, the operator that was built, and a folder that goes with the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const group = await ProcessGroup.start();
  const directory = join(group.directory, 'run');
  project.provide('runDirectory', directory);
  const helm = await findHelm({ log: console.error });
  project.provide('helm', helm);
  if (helm === undefined) console.error('The tests of the chart are skipped: there is no helm, and no Go to build it.');
  else await buildOperator(runFolders(directory).operator);
  return () => group.end();
}
