import type { Cause } from '../../src/kube/errors.ts';
import { apiVersionOf } from '../../src/kube/objects.ts';
import type { ManagedFieldsEntry, ObjectMeta } from '../../src/kube/objects.ts';
import type { Stored } from './collection.ts';
import { readMetadata } from './kinds.ts';
import type { AnyObject, Kind } from './kinds.ts';
import { heldByOthers, invalid, stale, withoutVersion } from './refusals.ts';
import { afterUpdate, apply, managedFields } from './server-side-apply.ts';
import type { Managers, Writer } from './server-side-apply.ts';
import { isSame } from './shape.ts';

/** What a write is to make of an object. */
export interface Draft {
  object: AnyObject;
  managers: Managers;
  /**
   * In what the store differs from what is shown, '' for in nothing: a custom resource is created without its default
   * status, and server-side apply may leave empty fields in its metadata. A write that says nothing new makes a new
   * version all the same when it is stored in another form.
   */
  form: string;
}

/** From a POST, or a PUT that creates. */
export function draftOfNew(kind: Kind, body: object, writer: Writer): Draft {
  const object = complete(kind, kind.read(body));
  const managers = afterUpdate(kind.shape, { before: kind.born, after: object, managers: new Map() }, writer);
  return { object, managers, form: formOf(kind, object, true) };
}

/** From a PUT or a merge patch: `body` is the whole object. */
export function draftOfUpdate(kind: Kind, live: Stored, body: object, writer: Writer): Draft {
  const object = complete(kind, kind.read(body));
  const { managers } = live;
  if (managers.size === 0) return { object, managers, form: '' }; // nobody is followed any more, until somebody applies
  return {
    object,
    managers: afterUpdate(kind.shape, { before: live.object, after: object, managers }, writer),
    form: '',
  };
}

/** From a server-side apply; without `live` to what is not there yet. Throws a Refusal for what others hold. */
export function draftOfApply(
  kind: Kind,
  live: Stored | undefined,
  { manifest, force }: { manifest: object; force: boolean },
  writer: Writer,
): Draft {
  const { born } = kind;
  const [before, managers] = live ? [live.object, live.managers] : [born, new Map() as Managers];
  const result = apply(kind.shape, { born, live: before, managers, manifest, force }, writer);
  if ('conflicts' in result) throw heldByOthers(kind.resource, result.conflicts);
  const form = formOf(kind, result.object, live === undefined);
  return { object: complete(kind, kind.settle(result.object)), managers: result.managers, form };
}

function formOf({ hasStatus }: Kind, { metadata }: { metadata?: object }, isNew: boolean): string {
  if (!hasStatus) return '';
  const isEmpty = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  const empty = Object.entries(metadata ?? {}).filter(([, value]) => isEmpty(value));
  return empty.length > 0 || isNew ? JSON.stringify([isNew, ...empty.sort()]) : '';
}

function complete(kind: Kind, value: object): AnyObject {
  const object = value as AnyObject;
  kind.addDefaults(object);
  return object;
}

/** What only the server writes. */
type SystemMetadata = Pick<ObjectMeta, 'uid' | 'creationTimestamp'>;

/** The object that a draft of a new one becomes. Throws a Refusal when it is not valid. */
export function newObject(kind: Kind, { object, managers }: Draft, system: SystemMetadata): AnyObject {
  const { name, namespace } = object.metadata;
  const metadata = { name, namespace, ...usersOwn(object), ...system, managedFields: entries(kind, managers) };
  const created = { ...object, metadata: readMetadata(metadata) as ObjectMeta };
  kind.prepare(created);
  kind.addDefaults(created);
  const faults = kind.faults(created, undefined);
  if (faults.length > 0) throw invalid(kind.resource, name, faults);
  return created;
}

/**
 * The version that a draft makes of an object, still with the old resourceVersion; `live` itself when it says nothing
 * new. Throws a Refusal when it is not valid, or meant for another version.
 */
export function nextVersion(kind: Kind, live: Stored, draft: Draft, subresource: string | undefined): Stored {
  const { name, resourceVersion } = live.object.metadata;
  const asked = draft.object.metadata.resourceVersion;
  if (asked === undefined && !kind.replacesUnseen) throw withoutVersion(kind.resource, name);
  if (asked !== undefined && asked !== resourceVersion) throw stale(kind.resource, name);

  const object =
    subresource === 'status' ? withStatus(live.object, draft.object) : withRest(kind, live.object, draft.object);
  const faults = [...metadataFaults(object, live.object), ...kind.faults(object, live.object)];
  if (faults.length > 0) throw invalid(kind.resource, name, faults);

  // Times alone are nothing new.
  const [before, after] = [live.object.metadata.managedFields, entries(kind, draft.managers)];
  const isKnown =
    draft.form === '' &&
    isSame(withoutManagers(object), withoutManagers(live.object)) &&
    isSame(timeless(after), timeless(before));
  const metadata = readMetadata({ ...object.metadata, managedFields: isKnown ? before : after }) as ObjectMeta;
  const next = { ...object, metadata };
  if (draft.form === live.form && isSame(next, live.object)) return live;
  return { object: next, managers: isKnown ? live.managers : draft.managers, form: draft.form };
}

/** The subresource changes the status, and nothing else; not even a uid is looked at. */
function withStatus(live: AnyObject, draft: AnyObject): AnyObject {
  return { ...live, status: draft['status'] };
}

function withRest(kind: Kind, live: AnyObject, draft: AnyObject): AnyObject {
  const uid = draft.metadata.uid || live.metadata.uid;
  const metadata = readMetadata({ ...live.metadata, ...usersOwn(draft), uid }) as ObjectMeta;
  if (!kind.hasStatus) return { ...draft, metadata };
  const isChanged = !isSame({ ...draft, metadata: null, status: null }, { ...live, metadata: null, status: null });
  if (isChanged) metadata.generation = (metadata.generation ?? 0) + 1;
  return { ...draft, metadata, status: live['status'] };
}

type UserMetadata = Pick<AnyObject['metadata'], 'labels' | 'annotations' | 'ownerReferences' | 'finalizers'>;

/** What of the metadata is for users to write; all of it, so that what is missing takes away what was there. */
function usersOwn({ metadata }: AnyObject): { [Field in keyof UserMetadata]-?: UserMetadata[Field] | undefined } {
  const { labels, annotations, ownerReferences, finalizers } = metadata;
  return { labels, annotations, ownerReferences, finalizers };
}

/** The real server says each of these twice. */
function metadataFaults(object: AnyObject, before: AnyObject): Cause[] {
  const { uid } = object.metadata;
  const isOther = uid !== before.metadata.uid;
  const why = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  const immutable = { reason: 'FieldValueInvalid', field: 'metadata.uid', message: why };
  const [had = [], has = []] = [usersOwn(before).finalizers, usersOwn(object).finalizers];
  const added = before.metadata.deletionTimestamp === undefined ? [] : has.filter((one) => !had.includes(one));
  const late = {
    reason: 'FieldValueForbidden',
    field: 'metadata.finalizers',
    message: 'Forbidden: no new finalizers can be added if the object is being deleted',
  };
  return [...(isOther ? [immutable, immutable] : []), ...(added.length > 0 ? [late, late] : [])];
}

function entries(kind: Kind, managers: Managers): ManagedFieldsEntry[] | undefined {
  return managedFields(managers, apiVersionOf(kind.resource));
}

function timeless(managed: readonly ManagedFieldsEntry[] = []): unknown {
  return managed.map((entry) => ({ ...entry, time: undefined }));
}

function withoutManagers(object: AnyObject): unknown {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
