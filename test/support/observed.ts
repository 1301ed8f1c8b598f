import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { load } from 'js-yaml';

import { Api, type ApiObject } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { eventually } from './eventually.ts';
import { Observer } from './observer.ts';
import type { RunFolders } from './run.ts';

const crds = join(import.meta.dirname, '..', '..', 'crds');

/** A control plane with our CRDs, and an observer that looks at everything in it. */
export interface ObservedControlPlane {
  controlPlane: ControlPlane;
  observer: Observer;
  /** Ends both. @returns what was wrong, a line each */
  stop(): Promise<string[]>;
}

/** @param foldersOf where the observer leaves what it sees */
export async function startObserved(
  foldersOf: (controlPlane: ControlPlane) => RunFolders,
): Promise<ObservedControlPlane> {
  const controlPlane = await startControlPlane();
  const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
  try {
    const resources = await installDefinitions(api);
    const observer = await Observer.start(api, foldersOf(controlPlane), ['/api/v1/events', ...resources]);
    return {
      controlPlane,
      observer,
      async stop() {
        try {
          return await observer.stop();
        } finally {
          await api.close();
          await controlPlane.stop();
        }
      },
    };
  } catch (error) {
    await api.close();
    await controlPlane.stop();
    throw error;
  }
}

/** @returns the paths of the collections that exist then */
async function installDefinitions(api: Api): Promise<string[]> {
  const files = (await readdir(crds)).filter((file) => file.endsWith('.yaml'));
  return Promise.all(
    files.map(async (file) => {
      const definition = load(await readFile(join(crds, file), 'utf8')) as ApiObject & {
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
