import type { ManagedFieldsEntry } from '../../src/kube/objects.ts';
import { FieldSet, pathText } from './field-set.ts';
import type { Path } from './field-set.ts';
import { isSame } from './shape.ts';
import type { Shape } from './shape.ts';
import { compare, fieldsOf, merge, remove, withNamed } from './structured-merge.ts';

/** Who holds which fields of an object. */
export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  subresource: string | undefined;
  /** When it last changed something; nothing for who applied from the start what was there already. */
  time: string | undefined;
  fields: FieldSet;
}

/** By {@link keyOf}. */
export type Managers = ReadonlyMap<string, Manager>;

/** Who writes, and when. */
export interface Writer {
  name: string;
  subresource?: string | undefined;
  time: string;
  /** Fields of the root that this kind of write cannot reach. */
  unreachable: readonly string[];
}

/** A field that cannot be applied without force: another manager holds it. */
export interface Conflict {
  manager: Manager;
  path: Path;
}

/** Nobody holds these, whoever writes them. */
const nobodys = new FieldSet();
for (const field of ['apiVersion', 'kind', 'metadata']) nobodys.insert([`f:${field}`]);
for (const field of `name namespace creationTimestamp uid generation managedFields resourceVersion`.split(' ')) {
  nobodys.insert(['f:metadata', `f:${field}`]);
}

/** Who holds what after a POST, PUT or patch: whoever writes takes what it changes, and nobody else loses more than that. */
export function afterUpdate(
  shape: Shape,
  { before, after, managers }: { before: object; after: object; managers: Managers },
  writer: Writer,
): Managers {
  const { changed, removed } = reachable(shape, before, after, writer);
  const result = new Map(rest(managers, changed.union(removed)));
  const taken = changed.difference(nobodys);
  if (taken.isEmpty) return result;
  const own = { name: writer.name, operation: 'Update', subresource: writer.subresource, time: writer.time } as const;
  const key = keyOf(own);
  result.set(key, { ...own, fields: taken.union(result.get(key)?.fields ?? new FieldSet()) });
  return result;
}

export type Applied = { object: object; managers: Managers } | { conflicts: Conflict[] };

interface Application {
  /** How an object is born: what is in it by then belongs to nobody. */
  born: object;
  /** The same as `born` when there is no object yet. */
  live: object;
  managers: Managers;
  manifest: object;
  force: boolean;
}

/** What becomes of an object when somebody applies a manifest. */
export function apply(
  shape: Shape,
  { born, live, manifest, force, ...application }: Application,
  writer: Writer,
): Applied {
  // Of an object that nobody holds anything of, all is held by this one from the first apply on.
  const first = { ...writer, name: 'before-first-apply' };
  const managers =
    application.managers.size > 0
      ? application.managers
      : afterUpdate(shape, { before: born, after: live, managers: application.managers }, first);
  const unreachable = writer.unreachable.map((field) => `f:${field}`);
  const own = { name: writer.name, operation: 'Apply', subresource: writer.subresource } as const;
  const key = keyOf(own);
  const last = managers.get(key);
  const fields = fieldsOf(shape, manifest).without(unreachable);
  const others = new Map(managers);
  others.delete(key);

  const merged = merge(shape, live, manifest);
  const object = (last ? prune(shape, merged, last.fields, [fields, ...fieldsOfAll(others)]) : merged) as object;

  const { changed, removed } = reachable(shape, live, object, writer);
  const conflicts = Array.from(others.values()).flatMap((manager) =>
    Array.from(manager.fields.intersection(changed).paths(), (path) => ({ manager, path })),
  );
  if (conflicts.length > 0 && !force) return { conflicts };

  const result = new Map(rest(others, changed.union(removed)));
  const held = fields.difference(nobodys);
  const time = isSame(live, object) ? last?.time : writer.time;
  if (!held.isEmpty) result.set(key, { ...own, time, fields: held });
  return { object, managers: result };
}

/** Takes away what the writer no longer applies and nobody else holds. */
function prune(shape: Shape, object: unknown, last: FieldSet, held: readonly FieldSet[]): unknown {
  const kept = held.reduce((all, fields) => all.union(fields));
  const gone = withNamed(shape, last).difference(withNamed(shape, kept));
  return gone.isEmpty ? object : remove(shape, object, gone.intersection(withNamed(shape, fieldsOf(shape, object))));
}

function reachable(
  shape: Shape,
  before: object,
  after: object,
  writer: Writer,
): { changed: FieldSet; removed: FieldSet } {
  const { added, modified, removed } = compare(shape, before, after);
  const unreachable = writer.unreachable.map((field) => `f:${field}`);
  return { changed: added.union(modified).without(unreachable), removed: removed.without(unreachable) };
}

/** What managers are left with when these fields are taken from them. */
function* rest(managers: Managers, taken: FieldSet): Generator<[string, Manager]> {
  for (const [key, manager] of managers) {
    const fields = manager.fields.difference(taken);
    if (!fields.isEmpty) yield [key, { ...manager, fields }];
  }
}

function fieldsOfAll(managers: Managers): FieldSet[] {
  return Array.from(managers.values(), ({ fields }) => fields);
}

function keyOf({ name, operation, subresource = '' }: Pick<Manager, 'name' | 'operation' | 'subresource'>): string {
  return `${operation} ${subresource} ${name}`;
}

/** `metadata.managedFields`, in the order of the API server; undefined when nobody holds anything. */
export function managedFields(managers: Managers, apiVersion: string): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return Array.from(managers.values())
    .sort(byOperationAndTime)
    .map(({ name, operation, subresource, time, fields }) => ({
      manager: name,
      operation,
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: fields.toFieldsV1(),
      ...(subresource !== undefined && { subresource }),
    }));
}

function byOperationAndTime(a: Manager, b: Manager): number {
  const terms = ({ operation, time = '', name, subresource = '' }: Manager): string[] => [
    operation,
    time,
    name,
    subresource,
  ];
  const others = terms(b);
  const [term, other = ''] = terms(a)
    .map((term, nth) => [term, others[nth]] as const)
    .find(([term, other]) => term !== other) ?? ['', ''];
  return term < other ? -1 : Number(term > other);
}

/** `"kubectl" using v1`: as the API server names who holds a field. */
export function managerText({ name, operation, subresource }: Manager, apiVersion: string): string {
  const of = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(name)}${of}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

/** The conflicts as the API server sums them up. */
export function conflictText(conflicts: readonly Conflict[], apiVersion: string): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${managerText(first.manager, apiVersion)}: ${pathText(first.path)}`;
  }
  const byManager = Map.groupBy(conflicts, ({ manager }) => managerText(manager, apiVersion));
  const lines = Array.from(byManager).flatMap(([manager, held]) => [
    `conflicts with ${manager}:`,
    ...held.map(({ path }) => `- ${pathText(path)}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
