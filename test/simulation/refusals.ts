import type { Cause } from '../../src/kube/errors.ts';
import { apiVersionOf } from '../../src/kube/objects.ts';
import type { Resource } from '../../src/kube/objects.ts';
import { conflictText, managerText } from './server-side-apply.ts';
import type { Conflict } from './server-side-apply.ts';
import { pathText } from './field-set.ts';

/** The body of an answer that is no success, as far as the model fills it in. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  status: 'Failure';
  code: number;
  reason?: string;
  message: string;
  details?: { causes: readonly Cause[] };
}

/** The model says no. Callers get the `KubeError` that the real client would make of it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: Status;

  constructor(code: number, reason: string | undefined, message: string, causes: readonly Cause[] = []) {
    super(message);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code,
      ...(reason && { reason }),
      message,
      ...(causes.length > 0 && { details: { causes } }),
    };
  }
}

/** `providercertificates.provider-certificates.io "web"`: as messages name an object. */
const named = ({ group, plural }: Resource, name: string): string =>
  `${group ? `${plural}.${group}` : plural} ${JSON.stringify(name)}`;

export function notFound(resource: Resource, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${named(resource, name)} not found`);
}

export function alreadyExists(resource: Resource, name: string): Refusal {
  return new Refusal(409, 'AlreadyExists', `${named(resource, name)} already exists`);
}

export function conflict(resource: Resource, name: string, why: string): Refusal {
  return new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${named(resource, name)}: ${why}`);
}

export function stale(resource: Resource, name: string): Refusal {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(resource, name, why);
}

/** The object in question is not the one that the request names by its uid; `uid` is '' where there is none at all. */
export function otherUid(resource: Resource, name: string, asked: string, uid: string): Refusal {
  const seen = `UID in precondition: ${asked}, UID in object meta: ${uid}`;
  return conflict(
    resource,
    name,
    `StorageError: invalid object, Code: 4, AdditionalErrorMsg: Precondition failed: ${seen}`,
  );
}

export function heldByOthers(resource: Resource, conflicts: readonly Conflict[]): Refusal {
  const apiVersion = apiVersionOf(resource);
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager, apiVersion)}`,
    field: pathText(path),
  }));
  return new Refusal(409, 'Conflict', conflictText(conflicts, apiVersion), causes);
}

export function invalid({ group, kind }: Resource, name: string, causes: readonly Cause[]): Refusal {
  const faults = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
  const text = faults.length === 1 ? faults[0] : `[${faults.join(', ')}]`;
  const what = `${group ? `${kind}.${group}` : kind} ${JSON.stringify(name)}`;
  return new Refusal(422, 'Invalid', `${what} is invalid: ${text}`, causes);
}

/** A PUT of a kind that does not do without. */
export function withoutVersion(resource: Resource, name: string): Refusal {
  const message = 'Invalid value: 0: must be specified for an update';
  return invalid(resource, name, [{ reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message }]);
}

export function terminating(resource: Resource, name: string, namespace: string): Refusal {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new Refusal(403, 'Forbidden', `${named(resource, name)} is forbidden: ${why}`, [cause]);
}

export function immortal(resource: Resource, name: string): Refusal {
  return new Refusal(403, 'Forbidden', `${named(resource, name)} is forbidden: this namespace may not be deleted`);
}

export function expired(message: string): Refusal {
  return new Refusal(410, 'Expired', message);
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}
