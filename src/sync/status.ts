import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { KubeObject, Resource } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';

/** When to look again after a patch that met another version. Usually the watch tells of that one at once. In milliseconds. */
export const lookAgainMs = 5_000;

/**
 * Patches the status of exactly the version that it was decided on, and puts the answer into the cache.
 * @returns false when there is no such version any more: the object was deleted, or changed; see {@link lookAgainMs}
 * @throws KubeError
 */
export async function patchStatus<T extends KubeObject>(
  { client, store, resource }: { client: KubeClient; store: Store<T>; resource: Resource },
  { metadata }: T,
  patch: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, name, resourceVersion, generation } = metadata;
  try {
    const patched = await client.mergePatch<T>(
      resource,
      { namespace, name },
      { metadata: { resourceVersion }, status: patch },
      { subresource: 'status', signal },
    );
    // A newer spec is news, and news come by watch.
    if (patched.metadata.generation === generation) store.absorb(patched);
    return true;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return false;
    throw error;
  }
}
