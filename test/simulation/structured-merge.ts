import { FieldSet } from './field-set.ts';
import type { Path, Step } from './field-set.ts';
import { below, fieldOf, isNamed, isSame, leaf, partsOf, stepTo } from './shape.ts';
import type { Part, Shape } from './shape.ts';

/*
 * What sigs.k8s.io/structured-merge-diff does for the API server, as far as our objects need it. There is one version of
 * each kind and lists have no duplicates.
 */

/** How one version of an object differs from the one before. */
export interface Changes {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

export function compare(shape: Shape, before: unknown, after: unknown): Changes {
  const changes: Changes = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  walk({ shape, before, after, path: [] }, changes);
  return changes;
}

function walk(
  { shape, before, after, path }: { shape: Shape; before: unknown; after: unknown; path: Path },
  changes: Changes,
): void {
  const [left, right] = [partsOf(shape, before), partsOf(shape, after)];
  for (const step of new Set([...left.keys(), ...right.keys()])) {
    const [old, next] = [left.get(step), right.get(step)];
    const part = { shape: (next ?? old)?.shape ?? leaf, before: old?.value, after: next?.value };
    walk({ ...part, path: [...path, step] }, changes);
  }
  if (before === undefined) changes.added.insert(path);
  else if (after === undefined) changes.removed.insert(path);
  else if (left.size === 0 && right.size === 0 && !isSame(before, after)) changes.modified.insert(path);
}

/** The fields that somebody sets who applies this value. */
export function fieldsOf(shape: Shape, value: unknown): FieldSet {
  const set = new FieldSet();
  for (const [step, part] of partsOf(shape, value)) {
    const fields = fieldsOf(part.shape, part.value);
    if (!fields.isEmpty) set.children.set(step, fields);
    if (part.shape.kind === 'leaf' || shape.kind !== 'struct' || isEmptyMap(part)) set.members.add(step);
  }
  return set;
}

function isEmptyMap({ value }: Part): boolean {
  return value === null || (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0);
}

/** What is there and what is applied, of which the latter wins. */
export function merge(shape: Shape, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined || live === null || shape.kind === 'leaf') return applied;
  if (shape.kind === 'list' || shape.kind === 'set') return mergeItems(shape, live, applied);
  const merged: Record<string, unknown> = { ...live };
  for (const [name, field] of Object.entries(applied ?? {})) {
    merged[name] = merge(fieldOf(shape, name), merged[name], field);
  }
  return merged;
}

/** Items that both have come in the order of the applied list, the others stay near their neighbours. */
function mergeItems(shape: Shape, live: unknown, applied: unknown): unknown[] {
  const [left, right] = [partsOf(shape, live), partsOf(shape, applied)];
  const [lefts, rights] = [[...left.keys()], [...right.keys()]];
  const shared = rights.filter((step) => left.has(step));
  const items: unknown[] = [];
  const take = (step: Step): void => {
    const [old, next] = [left.get(step), right.get(step)];
    items.push(merge((next ?? old)?.shape ?? leaf, old?.value, next?.value));
    if (shared[0] === step) shared.shift();
  };
  for (let l = 0, r = 0; l < lefts.length || r < rights.length;) {
    const [old, next] = [lefts[l], rights[r]];
    if (old !== undefined && !right.has(old)) {
      take(old);
      l++;
    } else if (old !== undefined && old !== shared[0]) {
      l++; // its place is where the applied list has it
    } else if (next !== undefined) {
      take(next);
      r++;
      if (old === next) l++;
    }
  }
  return items;
}

/** The value without these fields; null when nothing is left of it. */
export function remove(shape: Shape, value: unknown, fields: FieldSet): unknown {
  const keep = (step: Step, item: unknown): unknown[] => {
    if (fields.members.has(step)) return [];
    const some = fields.children.get(step);
    return [some ? remove(below(shape, step), item, some) : item];
  };
  if (value === undefined || value === null) return value;
  if (shape.kind === 'list' || shape.kind === 'set') {
    const kept = (value as unknown[]).flatMap((item) => keep(stepTo(shape, item), item));
    return kept.length > 0 ? kept : null;
  }
  const kept = Object.entries(value).flatMap(([name, item]) => keep(`f:${name}`, item).map((left) => [name, left]));
  return kept.length > 0 ? Object.fromEntries(kept) : null;
}

/** With a field that is known beforehand whenever something in it is in the set. */
export function withNamed(shape: Shape, fields: FieldSet): FieldSet {
  const result = new FieldSet();
  for (const step of fields.members) result.members.add(step);
  for (const [step, some] of fields.children) {
    if (isNamed(shape, step)) result.members.add(step);
    result.children.set(step, withNamed(below(shape, step), some));
  }
  return result;
}
