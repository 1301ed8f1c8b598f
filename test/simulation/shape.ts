import { isDeepStrictEqual } from 'node:util';
import type { Step } from './field-set.ts';

/**
 * How the fields of an object are owned and merged. What `leaf` says is one value: a scalar, or something that is only
 * replaced as a whole (the API server calls it atomic).
 */
export type Shape =
  | { kind: 'leaf' }
  | { kind: 'struct'; fields: Readonly<Record<string, Shape>> }
  /** Keys are not known beforehand, as in `data` and `labels`. */
  | { kind: 'map'; values: Shape }
  /** Items are told apart by a field of theirs. */
  | { kind: 'list'; key: string; items: Shape }
  /** Items are scalars, each there once. */
  | { kind: 'set' };

export const leaf: Shape = { kind: 'leaf' };
export const texts: Shape = { kind: 'map', values: leaf };

/** A struct of single values, and of fields with a shape of their own. */
export function struct(names: string, fields: Readonly<Record<string, Shape>> = {}): Shape {
  const single = names.split(/\s+/).filter(Boolean);
  return { kind: 'struct', fields: { ...Object.fromEntries(single.map((name) => [name, leaf])), ...fields } };
}

export interface Part {
  shape: Shape;
  value: unknown;
}

/** The parts of a value that are owned for themselves; none for a leaf, null and undefined. */
export function partsOf(shape: Shape, value: unknown): Map<Step, Part> {
  const parts = new Map<Step, Part>();
  if (value === undefined || value === null) return parts;
  if (shape.kind === 'list' || shape.kind === 'set') {
    for (const item of value as unknown[]) parts.set(stepTo(shape, item), { shape: itemsOf(shape), value: item });
  } else if (shape.kind !== 'leaf') {
    for (const [name, field] of Object.entries(value)) {
      parts.set(`f:${name}`, { shape: fieldOf(shape, name), value: field });
    }
  }
  return parts;
}

/** The shape of what a step leads to. */
export function below(shape: Shape, step: Step): Shape {
  if (shape.kind === 'struct' || shape.kind === 'map') return fieldOf(shape, step.slice(2));
  return itemsOf(shape);
}

/** Whether a step leads to a field that is known beforehand: such a field is there with what is in it. */
export function isNamed(shape: Shape, step: Step): boolean {
  return shape.kind === 'struct' && Object.hasOwn(shape.fields, step.slice(2));
}

/** The step to an item of a list. */
export function stepTo(shape: Shape, item: unknown): Step {
  if (shape.kind !== 'list') return `v:${JSON.stringify(item)}`;
  return `k:${JSON.stringify({ [shape.key]: (item as Record<string, unknown>)[shape.key] })}`;
}

export function fieldOf(shape: Shape, name: string): Shape {
  if (shape.kind === 'map') return shape.values;
  const field = shape.kind === 'struct' && Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
  if (field === undefined) throw new Error(`The model of the API server does not know the field ${name}.`);
  return field;
}

function itemsOf(shape: Shape): Shape {
  return shape.kind === 'list' ? shape.items : leaf;
}

/** What Go makes of a value that it reads: null and empty lists and maps are the same as nothing. */
export function withoutEmpty(shape: Shape, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  if (shape.kind === 'leaf') return value;
  if (shape.kind === 'list' || shape.kind === 'set') return (value as unknown[]).length > 0 ? value : undefined;
  const kept = Object.entries(value)
    .map(([name, field]) => [name, withoutEmpty(fieldOf(shape, name), field)] as const)
    .filter(([, field]) => field !== undefined);
  return shape.kind === 'map' && kept.length === 0 ? undefined : Object.fromEntries(kept);
}

export function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}
