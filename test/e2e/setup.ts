import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { findHelm } from '../../sandbox/helm/helm.ts';
import { enter, type Places } from './cluster.ts';
import { type Images, provideImages } from './images.ts';
import { settingsOf } from './settings.ts';

declare module 'vitest' {
  interface ProvidedContext {
    places: Places;
    images: Images;
    /** Path of an ingress controller; absent: none was given. */
    traefik: string | undefined;
  }
}

/** A place in the cluster and the images in it, for one run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    return await prepare(project);
  } catch (error) {
    // What is missing is said in one sentence; where in the code that was found helps nobody.
    if (error instanceof Error) error.stack = '';
    throw error;
  }
}

async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const settings = settingsOf(process.env);
  await using building = new AsyncDisposableStack();
  const group = building.use(await ProcessGroup.start());
  const directory = join(group.directory, 'run');
  await mkdir(directory, { mode: 0o700 });
  const helm = await findHelm({ log: console.error });
  if (helm === undefined) throw new Error('There is no helm, and no Go to build it.');
  const run = randomBytes(4).toString('hex');
  const cluster = building.use(await enter({ run, directory }));
  const images = building.use(await provideImages(settings, { run, directory }));
  if (settings.traefik === undefined)
    console.error('The tests with an ingress controller are skipped: E2E_TRAEFIK names none.');
  project.provide('kubeconfig', cluster.kubeconfig);
  project.provide('runDirectory', directory);
  project.provide('helm', helm);
  project.provide('places', cluster.places);
  project.provide('images', images.names);
  project.provide('traefik', settings.traefik);
  const all = building.move();
  return async () => {
    if (project.vitest.state.getCountOfFailedTests() > 0) console.error(await cluster.report());
    await all.disposeAsync();
  };
}
