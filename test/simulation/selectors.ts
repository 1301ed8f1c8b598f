import type { AnyObject, Kind } from './kinds.ts';
import { badRequest } from './refusals.ts';

/** Which objects of a kind are meant. */
export type Selects = (object: AnyObject) => boolean;

/** Reads the selectors of a query: `k=v` in any number, which is all that the operator and its tests use. */
export function readSelection(kind: Kind, namespace: string | undefined, query: URLSearchParams): Selects {
  const labels = termsOf(query.get('labelSelector'));
  const fields = termsOf(query.get('fieldSelector'));
  for (const [field] of fields) {
    if (!['metadata.name', 'metadata.namespace', ...kind.selectable].includes(field)) {
      throw badRequest(`field label not supported: ${field}`);
    }
  }
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    labels.every(([label, value]) => object.metadata.labels?.[label] === value) &&
    fields.every(([field, value]) => valueAt(object, field) === value);
}

function termsOf(selector: string | null): [name: string, value: string][] {
  const terms = selector ? selector.split(',') : [];
  return terms.map((term) => {
    const [, name, value] = /^([\w./-]+)=([\w.-]*)$/.exec(term) ?? [];
    if (name === undefined || value === undefined) {
      throw new Error(`The model of the API server does not know selectors like ${selector}.`);
    }
    return [name, value];
  });
}

function valueAt(object: AnyObject, field: string): unknown {
  return field
    .split('.')
    .reduce((value: unknown, name) => (value as Record<string, unknown> | undefined)?.[name], object);
}
