import type { ProviderCertificate } from '../api/certificate.ts';
import { providerCertificates } from '../api/group.ts';
import type { KubeObject } from '../kube/objects.ts';
import { type Cluster, explained } from './cluster.ts';

type Status = NonNullable<ProviderCertificate['status']>;
export type Condition = NonNullable<Status['conditions']>[number];

/**
 * A ProviderCertificate as the API server gave it. Its CRD holds for what is there, but no more: the spec of an old object
 * may break a rule that was made later, and it is shown all the same.
 */
export interface Stored extends KubeObject {
  spec?: Partial<ProviderCertificate['spec']>;
  status?: Status;
}

/** Page by page, without what servers keep for themselves. Throws Failure. */
export async function listCertificates(
  { client }: Pick<Cluster, 'client'>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Stored[]> {
  const found: Stored[] = [];
  try {
    for await (const { items } of client.pages<Stored>(providerCertificates, { namespace, signal }))
      for (const item of items) found.push(withoutManagedFields(item));
  } catch (error) {
    throw explained(error, 'ProviderCertificate');
  }
  return found;
}

/** Throws Failure. */
export async function getCertificate(
  { client, namespace }: Pick<Cluster, 'client' | 'namespace'>,
  name: string,
  signal: AbortSignal,
): Promise<Stored> {
  try {
    return withoutManagedFields(await client.get<Stored>(providerCertificates, { namespace, name }, { signal }));
  } catch (error) {
    throw explained(error, `ProviderCertificate ${name} in namespace ${namespace}`);
  }
}

function withoutManagedFields(object: Stored): Stored {
  delete object.metadata.managedFields;
  return object;
}

export function conditionOf({ status }: Stored, type: 'Ready' | 'Synced' | 'Expiring'): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** What Ready says of the spec as it is now: what was said of an earlier one is no answer. */
export function readiness(object: Stored): Condition['status'] {
  const ready = conditionOf(object, 'Ready');
  return ready?.observedGeneration === object.metadata.generation ? (ready?.status ?? 'Unknown') : 'Unknown';
}

/** What `kubectl get` prints as STATUS, or why that would not be true any more. */
export function messageOf({ status, metadata }: Stored): string {
  if (status?.observedGeneration !== metadata.generation) return 'The operator has not looked at this spec yet.';
  return status?.message ?? '';
}

/** When the certificate in the Secret ends; milliseconds since the epoch. */
export function endOf({ status }: Stored): number | undefined {
  const end = Date.parse(status?.certificate?.notAfter ?? '');
  return Number.isNaN(end) ? undefined : end;
}

/** `name=www.example.com` */
export function remoteOf({ spec }: Stored): string {
  const [[selector, value] = []] = Object.entries(spec?.remoteRef ?? {});
  return selector === undefined ? '' : `${selector}=${value}`;
}

/** `nhn`, or `ClusterCertificateProvider/shared`. */
export function providerOf({ spec }: Stored): string {
  const { kind = 'CertificateProvider', name = '' } = spec?.providerRef ?? {};
  return kind === 'CertificateProvider' ? name : `${kind}/${name}`;
}
