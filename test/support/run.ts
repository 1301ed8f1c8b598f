/**
 * What one run of the integration tests shares. It lives in one folder, which goes with the control plane:
 * `logs/` what operators write, `objects.jsonl` what users read in events and statuses, `canaries/` what must be in
 * neither.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of an administrator's kubeconfig of the control plane that all integration tests share. */
    kubeconfig: string;
    /** The folder of this run. */
    runDirectory: string;
  }
}

export interface RunFolders {
  logs: string;
  objects: string;
  canaries: string;
  /** The operator, built for this run. */
  operator: string;
  /** The command line, under the name by which kubectl finds it. */
  commandLine: string;
}

export function runFolders(directory: string): RunFolders {
  const folders = { logs: join(directory, 'logs'), canaries: join(directory, 'canaries') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const objects = join(directory, 'objects.jsonl');
  appendFileSync(objects, '', { mode: 0o600 });
  return {
    ...folders,
    objects,
    operator: join(directory, 'operator.mjs'),
    commandLine: join(directory, 'kubectl-pcert'),
  };
}
