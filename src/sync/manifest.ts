import type { CertificateSettings, ProviderCertificate } from '../api/certificate.ts';
import { fieldManager, secretAnnotations as annotations, secretLabels } from '../api/names.ts';
import type { Facts } from '../certificate/facts.ts';
import { distinct, printable } from '../printable.ts';
import {
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  dataKeysOf,
  timestamp,
} from '../kube/objects.ts';

/** What our annotations on a Secret say of the pair that was written there. */
export interface Origin {
  /** `namespace/name` of the ProviderCertificate the Secret belongs to. */
  holder: string;
  /** Provider object and selector that the pair came from, see {@link sourceOf}. */
  source: string;
  /** Remote id and revision at the time of writing. */
  revision: string;
  fingerprintSHA256: string;
  /** Over tls.crt and ca.crt, never the key. */
  chainDigest: string;
}

/** The metadata that we own on a Secret. */
export interface ManagedMetadata {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Absent for none: an empty list would count as a change to the API server. */
  ownerReferences?: OwnerReference[];
}

/** Where a pair comes from, as the spec says it, fit for an annotation. A renewal under a new id is the same source. */
export function sourceOf(spec: CertificateSettings, namespace: string): string {
  const { kind, name } = spec.providerRef;
  const provider = kind === 'CertificateProvider' ? `${kind}/${namespace}/${name}` : `${kind}/${name}`;
  const [selector, value] = Object.entries(spec.remoteRef)[0] ?? ['name', ''];
  return distinct(`${provider} ${selector}=${value}`, 1024);
}

/**
 * Reads our annotations; undefined for a Secret that is not ours, a copy from another namespace included. A Secret whose
 * data we applied stays ours when somebody strips it of its annotations.
 */
export function originOf(metadata: ObjectMeta): Origin | undefined {
  const noted = metadata.annotations ?? {};
  const holder = noted[annotations.certificate] ?? '';
  if (!holder.startsWith(`${metadata.namespace}/`) && !ownEntry(metadata).some((entry) => dataKeysOf(entry).length > 0))
    return undefined;
  return {
    holder,
    source: noted[annotations.source] ?? '',
    revision: noted[annotations.revision] ?? '',
    fingerprintSHA256: noted[annotations.fingerprintSHA256] ?? '',
    chainDigest: noted[annotations.chainSHA256] ?? '',
  };
}

/** Labels, annotations and owner that the Secret shall have. */
export function managedMetadata(
  certificate: ProviderCertificate,
  spec: CertificateSettings,
  origin: Pick<Origin, 'source' | 'revision' | 'chainDigest'>,
  facts: Facts,
): ManagedMetadata {
  const { namespace, name, uid } = certificate.metadata;
  return {
    labels: { ...spec.labels, ...secretLabels },
    annotations: {
      ...spec.annotations,
      [annotations.certificate]: `${namespace}/${name}`,
      [annotations.source]: origin.source,
      [annotations.revision]: origin.revision,
      [annotations.commonName]: printable(facts.commonName ?? '', 253),
      [annotations.dnsNames]: printable(facts.dnsNames.join(','), 1024),
      [annotations.issuer]: printable(facts.issuer, 512),
      [annotations.serialNumber]: facts.serialNumber,
      [annotations.fingerprintSHA256]: facts.fingerprintSHA256,
      [annotations.chainSHA256]: origin.chainDigest,
      [annotations.notBefore]: timestamp(facts.notBefore),
      [annotations.notAfter]: timestamp(facts.notAfter),
    },
    ...(spec.deletionPolicy === 'Delete' && {
      ownerReferences: [
        {
          apiVersion: certificate.apiVersion,
          kind: certificate.kind,
          name,
          uid,
          blockOwnerDeletion: false,
          controller: false,
        },
      ],
    }),
  };
}

/** Whether a Secret carries exactly what we want of our own metadata; what others added does not matter. */
export function carries(live: ObjectMeta, wanted: ManagedMetadata): boolean {
  const owned = ownedKeys(live);
  return (
    sameEntries(live.labels, wanted.labels, owned.labels) &&
    sameEntries(live.annotations, wanted.annotations, owned.annotations) &&
    sameOwner(live, wanted, owned.ownerUids)
  );
}

function sameEntries(live: Record<string, string> = {}, wanted: Record<string, string>, owned: string[]): boolean {
  return (
    Object.entries(wanted).every(([key, value]) => live[key] === value) &&
    owned.every((key) => Object.hasOwn(wanted, key))
  );
}

function sameOwner(live: ObjectMeta, wanted: ManagedMetadata, owned: string[]): boolean {
  const present = new Set((live.ownerReferences ?? []).map((reference) => reference.uid));
  const uids = (wanted.ownerReferences ?? []).map((reference) => reference.uid);
  return uids.every((uid) => present.has(uid)) && owned.every((uid) => uids.includes(uid));
}

/** What the API server remembers of our last apply: keys that the spec no longer names must go. */
function ownedKeys(live: ObjectMeta): { labels: string[]; annotations: string[]; ownerUids: string[] } {
  const fields = ownFields(live)['f:metadata'] ?? {};
  const keys = (set: FieldSet | undefined): string[] =>
    Object.keys(set ?? {})
      .filter((key) => key.startsWith('f:'))
      .map((key) => key.slice(2));
  return {
    labels: keys(fields['f:labels']),
    annotations: keys(fields['f:annotations']),
    ownerUids: Object.keys(fields['f:ownerReferences'] ?? {})
      .filter((key) => key.startsWith('k:'))
      .map((key) => (JSON.parse(key.slice(2)) as { uid: string }).uid),
  };
}

function ownFields(live: ObjectMeta): FieldSet {
  return (ownEntry(live)[0]?.fieldsV1 as FieldSet | undefined) ?? {};
}

/** What our last apply left; at most one. */
function ownEntry({ managedFields = [] }: ObjectMeta): ManagedFieldsEntry[] {
  return managedFields.filter(({ manager, operation }) => manager === fieldManager && operation === 'Apply');
}

interface FieldSet {
  [key: string]: FieldSet;
}
