import type { KubeObject } from '../kube/objects.ts';

/** Where `kubectl apply` keeps a copy of what it was given: of a Secret, everything that it holds. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** The same object, relieved of that copy: it comes with metadata too, and metadata stay in memory. */
export function withoutLastApplied<T extends KubeObject>(object: T): T {
  delete object.metadata.annotations?.[lastApplied];
  return object;
}

/** Forgets who manages which field, for objects that are only read: it takes up as much as all the rest of one. */
export function forgetManagers({ metadata }: KubeObject): void {
  metadata.managedFields = [];
}
