import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { findEngine } from './engine.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Names the images and containers of this run; absent where there is no Docker engine. */
    imageRun: string | undefined;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // What is in the image comes from this machine, and what it talks to is on its loopback.
  const usable = process.platform === 'linux' && (await findEngine()) !== undefined;
  if (!usable) {
    console.error('The tests of the image are skipped: no Docker engine answers here.');
    project.provide('imageRun', undefined);
    return undefined;
  }
  const run = randomBytes(4).toString('hex');
  const reaper = fork(join(import.meta.dirname, 'reaper.ts'), [run], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(reaper, 'message');
  const group = await ProcessGroup.start();
  project.provide('imageRun', run);
  project.provide('runDirectory', join(group.directory, 'run'));
  return async () => {
    reaper.disconnect();
    await once(reaper, 'exit');
    await group.end();
  };
}
