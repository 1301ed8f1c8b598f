import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { load } from 'js-yaml';
import type { TestProject } from 'vitest/node';

import { Api, type ApiObject } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { buildOperator } from '../../scripts/build.ts';
import { findCanaries } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { Observer } from '../support/observer.ts';
import { type RunFolders, runFolders } from '../support/run.ts';

const root = join(import.meta.dirname, '..', '..');

/** One control plane with our CRDs for all integration tests, watched as long as they run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const controlPlane = await startControlPlane();
  try {
    const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
    const folders = runFolders(join(controlPlane.directory, 'run'));
    const [resources] = await Promise.all([installDefinitions(api), buildOperator(folders.operator)]);
    const observer = await Observer.start(api, folders, ['/api/v1/events', ...resources]);
    project.provide('kubeconfig', controlPlane.adminKubeconfig);
    project.provide('runDirectory', join(controlPlane.directory, 'run'));
    return () => tearDown(controlPlane, api, observer, folders);
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

/** @returns the paths of the collections that exist then */
async function installDefinitions(api: Api): Promise<string[]> {
  const files = (await readdir(join(root, 'crds'))).filter((file) => file.endsWith('.yaml'));
  return Promise.all(
    files.map(async (file) => {
      const definition = load(await readFile(join(root, 'crds', file), 'utf8')) as ApiObject & {
        spec: { group: string; names: { plural: string }; versions: [{ name: string }] };
      };
      await api.apply('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
      const { group, names, versions } = definition.spec;
      const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
      await eventually(() => api.get(path));
      return path;
    }),
  );
}

/** @throws when anything was seen, during the run, that no test may cause */
async function tearDown(controlPlane: ControlPlane, api: Api, observer: Observer, folders: RunFolders): Promise<void> {
  const before = process.exitCode;
  process.exitCode = 1; // in case this takes so long that it is cut off
  try {
    const violations = [...(await observer.stop()), ...(await findCanaries(folders))];
    console.log(`Observed: ${observer.summary}.`);
    if (violations.length > 0) throw new Error(`What no test may cause was seen:\n${violations.join('\n')}`);
    process.exitCode = before;
  } finally {
    await api.close();
    await controlPlane.stop();
  }
}
