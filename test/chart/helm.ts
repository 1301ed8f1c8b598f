import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';

import { loadAll } from 'js-yaml';
import { inject } from 'vitest';

import type { ApiObject } from '../../sandbox/control-plane/api.ts';

export const chart = join(import.meta.dirname, '..', '..', 'charts', 'provider-certificates');
/** Name of the release, and of the namespace that it is rendered for. */
export const release = 'provider-certificates';
export const releaseNamespace = 'platform';

/** Whether the tests of a file cannot run here; the setup has said so. */
export const withoutHelm = inject('helm') === undefined;

export type Values = Record<string, unknown>;

interface Options {
  values?: Values | undefined;
  kubeconfig?: string;
  /** The chart to take instead of ours. */
  from?: string;
}

/**
 * Runs helm.
 * @returns what it printed
 * @throws with what it printed to stderr
 */
export function helm(args: readonly string[], { values, kubeconfig = '/dev/null' }: Options = {}): Promise<string> {
  const home = join(kubeconfig === '/dev/null' ? inject('runDirectory') : dirname(kubeconfig), 'helm');
  const env = {
    PATH: process.env['PATH'],
    // What the API server serves is remembered below it.
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    KUBECONFIG: kubeconfig,
  };
  const file = inject('helm') ?? '';
  const flags = values === undefined ? [] : ['--values', '-'];
  return new Promise((resolve, reject) => {
    const child = execFile(file, [...args, ...flags], { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`helm ${args.join(' ')}: ${stderr.trim() || stdout.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {}); // it ended without reading: its own message says why
    child.stdin?.end(JSON.stringify(values ?? {}));
  });
}

/** What the chart renders to, as text. */
export function template(values?: Values, { from = chart }: Options = {}): Promise<string> {
  return helm(['template', release, from, '--namespace', releaseNamespace], { values });
}

/** What the chart renders to. */
export async function render(values?: Values): Promise<ApiObject[]> {
  return objectsIn(await template(values));
}

/** The objects of manifests; of one that only holds comments there is none. */
export function objectsIn(text: string): ApiObject[] {
  return (loadAll(text) as (ApiObject | null)[]).filter((object) => object !== null);
}

/** The one object of this kind, and name where there are several. */
export function only<T = ApiObject>(objects: readonly ApiObject[], kind: string, name?: string): T {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found.length !== 1)
    throw new Error(`${found.length} objects of kind ${kind}${name ? ` are called ${name}` : ''}`);
  return found[0] as T;
}

/** The Deployment, as far as tests look at it. */
export interface Deployment extends ApiObject {
  spec: {
    replicas: number;
    strategy?: object;
    template: {
      metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
      spec: {
        serviceAccountName: string;
        containers: [
          { image: string; args: string[]; env?: { name: string; value?: string }[]; [field: string]: unknown },
        ];
        [field: string]: unknown;
      };
    };
  };
}
