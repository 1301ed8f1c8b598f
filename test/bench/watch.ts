import { setTimeout } from 'node:timers/promises';

import type { Api, ApiObject } from '../../sandbox/control-plane/api.ts';
import { eventually } from '../support/eventually.ts';

/** A watch of the harness, which goes on until it is stopped. */
export interface Watch {
  /** Rejects when it cannot go on. */
  readonly broken: Promise<never>;
  stop(): void;
}

/**
 * Tells of everything that happens in a collection from now on.
 * @param seen given each object as it is then, and when that arrived: milliseconds since the epoch
 */
export async function watch(api: Api, path: string, seen: (object: ApiObject, at: number) => void): Promise<Watch> {
  // A CRD that was applied a moment ago takes some time to be served.
  const { metadata } = await eventually(() => api.get<{ metadata: { resourceVersion: string } }>(`${path}?limit=1`));
  const ended = new AbortController();
  const broken = (async (): Promise<never> => {
    // The API server ends watches when it takes in a change of their CRD.
    for (let version = metadata.resourceVersion; ; await setTimeout(20, undefined, { signal: ended.signal })) {
      const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
      for await (const line of api.lines(`${path}?${query}`, ended.signal)) {
        const at = Date.now();
        const { type, object } = JSON.parse(line) as { type: string; object: ApiObject };
        if (type === 'ERROR') throw new Error(`The watch of ${path} broke off: ${line}`);
        version = String(object.metadata['resourceVersion'] ?? version);
        if (type !== 'BOOKMARK') seen(object, at);
      }
    }
  })();
  broken.catch(() => {}); // it is of interest to whoever waits for something to be seen
  return { broken, stop: () => ended.abort() };
}
