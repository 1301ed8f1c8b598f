import { expect } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { Cause, KubeError } from '../../../src/kube/errors.ts';
import { apiVersionOf, secrets } from '../../../src/kube/objects.ts';
import type { KubeObject, ManagedFieldsEntry, Manifest, ObjectMeta, Resource } from '../../../src/kube/objects.ts';
import type { Candidate } from '../api-conformance.ts';

export const { signal } = new AbortController();

/** A uid that no object has. */
export const strangeUid = '99999999-9999-4999-8999-999999999999';

export type Metadata = Partial<ObjectMeta> & { finalizers?: string[] };

/** An object with everything that these tests look at. */
export type Any = KubeObject & {
  metadata: { finalizers?: string[] };
  type?: string;
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
};

interface Write {
  metadata?: Metadata;
  [field: string]: unknown;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Data with these texts. */
export const data = (texts: Record<string, string>): { data: Record<string, string> } => ({
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)])),
});

/** A namespace of its own on a server, and short words for what is done in it. Who writes is called `somebody`. */
export class Bench {
  readonly namespace: string;
  readonly client: KubeClient;
  readonly #candidate: Candidate;

  constructor(candidate: Candidate, namespace: string) {
    this.#candidate = candidate;
    this.namespace = namespace;
    this.client = candidate.client('somebody/1.0');
  }

  static async make(candidate: Candidate): Promise<Bench> {
    return new Bench(candidate, await candidate.newNamespace());
  }

  manifest(resource: Resource, name: string, { metadata, ...fields }: Write = {}): Manifest {
    const namespace = resource.namespaced ? { namespace: this.namespace } : {};
    const head = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    return { ...head, metadata: { name, ...namespace, ...metadata }, ...fields };
  }

  get(resource: Resource, name: string): Promise<Any> {
    return this.client.get<Any>(resource, { namespace: this.namespace, name }, { signal });
  }

  create(resource: Resource, name: string, write: Write = {}): Promise<Any> {
    return this.client.create<Any>(resource, this.manifest(resource, name, write), { signal });
  }

  replace(resource: Resource, name: string, write: Write = {}): Promise<Any> {
    return this.client.replace<Any>(resource, this.manifest(resource, name, write), { signal });
  }

  /** Server-side apply by `fieldManager`. */
  apply(resource: Resource, name: string, fieldManager: string, write: Write = {}, force = false): Promise<Any> {
    return this.client.apply<Any>(resource, this.manifest(resource, name, write), { fieldManager, force, signal });
  }

  patch(resource: Resource, name: string, patch: object, userAgent = 'somebody/1.0'): Promise<Any> {
    const client = this.#candidate.client(userAgent);
    return client.mergePatch<Any>(resource, { namespace: this.namespace, name }, patch, { signal });
  }

  patchStatus(resource: Resource, name: string, patch: object): Promise<Any> {
    const where = { namespace: this.namespace, name };
    return this.client.mergePatch<Any>(resource, where, patch, { signal, subresource: 'status' });
  }

  async delete(resource: Resource, name: string): Promise<void> {
    await this.client.delete(resource, { namespace: this.namespace, name }, { signal });
  }

  secret(name: string, fieldManager: string, write: Write = {}, force = false): Promise<Any> {
    return this.apply(secrets, name, fieldManager, write, force);
  }

  /** A ProviderCertificate, created. */
  certificate(name: string, write: Write = {}): Promise<Any> {
    return this.create(providerCertificates, name, { spec: certificateSpec, ...write });
  }
}

export const certificateSpec = { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } };

/** What a refusal says that the operator looks at. */
export interface Refused {
  status: number | undefined;
  reason: string;
  causes: Cause[];
}

/** Waits for a call to be refused; causes come in no particular order, and some more than once. */
export async function refused(call: Promise<unknown>): Promise<Refused & { message: string }> {
  const error: unknown = await call.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: 'KubeError' });
  const { status, reason, causes, message } = error as KubeError;
  const sorted = Array.from(new Set(causes.map((cause) => JSON.stringify(cause)))).sort();
  return { status, reason, causes: sorted.map((cause) => JSON.parse(cause) as Cause), message };
}

/** Who holds what: `name Operation` or `name Operation status`, and the fields. */
export function holders({ metadata }: KubeObject): Record<string, unknown> {
  const title = ({ manager, operation, subresource }: ManagedFieldsEntry): string =>
    [manager, operation, subresource].filter(Boolean).join(' ');
  return Object.fromEntries((metadata.managedFields ?? []).map((entry) => [title(entry), entry.fieldsV1]));
}

export const stale: Refused = { status: 409, reason: 'Conflict', causes: [] };
export const absent: Refused = { status: 404, reason: 'NotFound', causes: [] };

/** A 422 because of one field. */
export function invalidBecause(field: string, reason: string, message: unknown = expect.any(String)): object {
  return { status: 422, reason: 'Invalid', causes: [{ field, reason: `FieldValue${reason}`, message }] };
}
