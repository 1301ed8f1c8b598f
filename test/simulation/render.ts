import { apiVersionOf } from '../../src/kube/objects.ts';
import type { Collection } from './collection.ts';
import { copyOf } from './copy.ts';
import { expired } from './refusals.ts';
import type { AnyObject, Kind } from './kinds.ts';
import type { Target } from './request.ts';
import { readSelection } from './selectors.ts';

const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } as const;

/** An object as it goes out: a copy, or a copy of its metadata alone. */
export function render(object: AnyObject, metadataOnly: boolean): AnyObject {
  return copyOf(metadataOnly ? { ...partial, metadata: object.metadata } : object);
}

/** What tells how far a watch has come. */
export function renderBookmark({ resource }: Kind, metadataOnly: boolean, version: number): object {
  const head = metadataOnly ? partial : { kind: resource.kind, apiVersion: apiVersionOf(resource) };
  return { type: 'BOOKMARK', object: { ...head, metadata: { resourceVersion: String(version) } } };
}

/** Where a list goes on: at the first key after `after`, as things were at version `rv`. */
interface Continue {
  rv: number;
  after: string;
}

/**
 * A list, or the page of one that the query asks for.
 * @param now the version of the last write
 * @param oldest how far back the server remembers
 */
export function renderList(
  collection: Collection,
  { namespace, query }: Target,
  { metadataOnly, now, oldest }: { metadataOnly: boolean; now: number; oldest: number },
): object {
  const { kind } = collection;
  const { rv, after } = readContinue(query.get('continue')) ?? { rv: now, after: '' };
  if (rv < oldest) throw expired(tooOld);
  const limit = Number(query.get('limit') ?? 0) || Infinity;
  const found = collection.at(rv, readSelection(kind, namespace, query)).filter(([key]) => key > after);
  const page = found.slice(0, limit);
  const last = page.at(-1)?.[0];
  const next = found.length > page.length && last !== undefined ? writeContinue({ rv, after: last }) : undefined;
  const items = page.map(([, object]) => withoutHead(kind, render(object, metadataOnly)));
  return {
    kind: metadataOnly ? `${partial.kind}List` : `${kind.resource.kind}List`,
    apiVersion: metadataOnly ? partial.apiVersion : apiVersionOf(kind.resource),
    metadata: { resourceVersion: String(rv), ...(next !== undefined && { continue: next }) },
    items: metadataOnly && items.length === 0 ? null : items,
  };
}

/** Items of built-in kinds come without their kind. */
function withoutHead({ hasStatus }: Kind, { apiVersion, kind, ...rest }: AnyObject): object {
  return hasStatus || kind === partial.kind ? { apiVersion, kind, ...rest } : rest;
}

const tooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results.';

function readContinue(token: string | null): Continue | undefined {
  return token ? (JSON.parse(Buffer.from(token, 'base64url').toString()) as Continue) : undefined;
}

function writeContinue(place: Continue): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}
