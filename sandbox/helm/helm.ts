import { join } from 'node:path';

import { executable, onPath } from '../go/path.ts';
import { pinsOf } from '../go/pins.ts';
import { findTools, type Tools } from '../go/tools.ts';

const module = join(import.meta.dirname, 'gomod');

/**
 * Finds helm: where `HELM` says, else on `PATH`, else in the cache folder of the project, else builds it into that folder.
 * @returns its path; undefined when it cannot be built: there is no Go, or it failed and `log` was told why
 * @throws when `HELM` is set and cannot be run
 */
export async function findHelm({
  log,
  env = process.env,
}: {
  log: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}): Promise<string | undefined> {
  const { HELM } = env;
  if (HELM) {
    if (await executable(HELM)) return HELM;
    throw new Error(`HELM is ${HELM}, which cannot be run`);
  }
  const installed = await onPath('helm', env);
  if (installed !== undefined) return installed;
  const folder = await findTools(await tools(), { log, env });
  return folder === undefined ? undefined : join(folder, 'helm');
}

async function tools(): Promise<Tools> {
  const version = await pinsOf(module);
  const helm = version('helm.sh/helm/v3');
  // Version 0.36 of the client library is the one of Kubernetes 1.36.
  const minor = version('k8s.io/client-go').split('.')[1] ?? '';
  const kubernetes = (path: string): Record<string, string> => ({
    [`helm.sh/helm/v3/pkg/${path}.k8sVersionMajor`]: '1',
    [`helm.sh/helm/v3/pkg/${path}.k8sVersionMinor`]: minor,
  });
  return {
    name: `helm-${helm}`,
    title: `helm ${helm}`,
    takes: '2 minutes',
    module,
    programs: [
      {
        output: 'helm',
        main: 'helm.sh/helm/v3/cmd/helm',
        // Without these `helm template` renders for Kubernetes 1.20.
        variables: {
          'helm.sh/helm/v3/internal/version.version': helm,
          ...kubernetes('chartutil'),
          ...kubernetes('lint/rules'),
        },
      },
    ],
  };
}
