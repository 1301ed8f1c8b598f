import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { type Secret, secrets } from '../kube/objects.ts';

/** Reads a Secret with its data; undefined when there is none. Throws KubeError. */
export async function findSecret(
  client: KubeClient,
  name: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<Secret | undefined> {
  try {
    return await client.get<Secret>(secrets, name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
