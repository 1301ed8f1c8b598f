import { setTimeout } from 'node:timers/promises';
import { providerCertificates } from '../api/group.ts';
import { systemClock as clock } from '../clock.ts';
import { objectKey } from '../kube/objects.ts';
import { Reflector } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import type { Stored } from './certificates.ts';
import type { Cluster } from './cluster.ts';

/**
 * Follows ProviderCertificates until each was told of, or the time is up.
 * @param namespace undefined: all
 * @param onChange told of each that is wanted when it is first seen and whenever it changes, and that it is gone; returns
 *   whether there is nothing more to wait for
 * @returns the keys that are left
 */
export async function follow(
  { client, logger }: Pick<Cluster, 'client' | 'logger'>,
  namespace: string | undefined,
  keys: Iterable<string>,
  { timeoutMs, onChange }: { timeoutMs: number; onChange: (key: string, object: Stored | undefined) => boolean },
): Promise<string[]> {
  const left = new Set(keys);
  const stop = new AbortController();
  const all = Promise.withResolvers<void>();
  const store = new Store<Stored>({ logger });
  store.subscribe(({ type, object }) => {
    const key = objectKey(object.metadata);
    if (left.has(key) && onChange(key, type === 'deleted' ? undefined : object)) left.delete(key);
    if (left.size === 0) all.resolve();
  });
  const reflector = new Reflector({ client, resource: providerCertificates, store, namespace, logger, clock });
  const running = reflector.run(stop.signal);
  await Promise.race([all.promise, setTimeout(timeoutMs, undefined, { signal: stop.signal })]);
  stop.abort();
  await running;
  return [...left];
}
