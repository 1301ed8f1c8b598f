import { invalidResponse, isStatus, refusal } from './errors.ts';
import { apiVersionOf } from './objects.ts';
import type { KubeObject, Resource } from './objects.ts';

export type WatchEvent<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** How to read what the server sends: what was asked for, and whether it was metadata alone. */
export interface Expected {
  operation: string;
  resource: Resource;
  metadataOnly: boolean;
}

const partial = 'PartialObjectMetadata';

/**
 * The Accept header. For metadata alone the server leaves out everything else, so that no private key travels; it does
 * so for get, list and watch, and for the answer to a server-side apply (seen with kube-apiserver 1.36: the answer to
 * the apply of a Secret has no `data`). There is no fallback in the header: a server that cannot do it answers 406.
 */
export function acceptFor({ metadataOnly }: { metadataOnly: boolean }, list = false): string {
  return metadataOnly ? `application/json;as=${partial}${list ? 'List' : ''};g=meta.k8s.io;v=v1` : 'application/json';
}

/**
 * Checks as much of an object as this room relies on, and names its kind: items of lists come without, and metadata
 * comes as `PartialObjectMetadata`. A whole object where metadata was asked for is refused.
 * @throws KubeError `InvalidResponse`
 */
export function readObject<T extends KubeObject>(answer: unknown, { operation, resource, metadataOnly }: Expected): T {
  const object = (answer ?? {}) as Partial<KubeObject>;
  const kind = metadataOnly ? partial : resource.kind;
  // A bookmark has no uid, and an object that was created on trial no version.
  const identity = object.metadata?.resourceVersion ?? object.metadata?.uid;
  if ((object.kind ?? kind) !== kind || typeof identity !== 'string') {
    throw invalidResponse(operation, 'the answer is not the object that was asked for');
  }
  return Object.assign(object as T, { apiVersion: apiVersionOf(resource), kind: resource.kind });
}

export interface Page<T extends KubeObject> {
  items: T[];
  /** Of the moment that the list shows: the same on all its pages. */
  resourceVersion: string;
  /** What to ask the next page with. */
  continue: string | undefined;
}

/** @throws KubeError `InvalidResponse` */
export function readPage<T extends KubeObject>(answer: object, expected: Expected): Page<T> {
  // An empty list of metadata has `items: null`.
  const { items: listed, metadata } = answer as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: string };
  };
  const items = listed ?? [];
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== 'string') {
    throw invalidResponse(expected.operation, 'the answer is not a list');
  }
  return {
    items: items.map((item) => readObject<T>(item, expected)),
    resourceVersion: metadata.resourceVersion,
    continue: metadata.continue || undefined,
  };
}

/** @throws KubeError `InvalidResponse`, or the error that the server tells in the stream */
export function readEvent<T extends KubeObject>(answer: object, expected: Expected, now: number): WatchEvent<T> {
  const { type, object } = answer as { type?: unknown; object?: unknown };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: readObject<T>(object, expected) };
    case 'BOOKMARK':
      return { type, resourceVersion: readObject<T>(object, expected).metadata.resourceVersion };
    case 'ERROR': {
      const code = isStatus(object) && typeof object.code === 'number' ? object.code : 500;
      throw refusal(expected.operation, code, object, undefined, now);
    }
    default:
      throw invalidResponse(expected.operation, 'an event of an unknown type came');
  }
}
