import { z } from 'zod';
import { providerCertificate, providerCertificateStatus, type ProviderCertificate } from './certificate.ts';
import { apiGroup, apiVersion, type Metadata } from './group.ts';
import {
  type CertificateProvider,
  certificateProviderSpec,
  type ClusterCertificateProvider,
  clusterCertificateProviderSpec,
  providerStatus,
} from './provider.ts';
import { type CertificateUpload, certificateUploadSpec, certificateUploadStatus } from './upload.ts';

/** An object as the API server gave it. */
export interface RawObject {
  metadata: Metadata;
  spec?: unknown;
  status?: unknown;
}

/** The object, or one sentence that says what is wrong with it. The sentence names fields and rules, never values. */
export type Parsed<T> = { value: T } | { message: string };

/**
 * The parse functions say what the CRD says. The API server refuses a bad object when it is written; these are for
 * objects that were stored before a rule existed. A status of ours that does not fit is as good as none.
 */
export const parseProviderCertificate = parser<ProviderCertificate>(
  'ProviderCertificate',
  providerCertificate,
  providerCertificateStatus,
);

export const parseCertificateProvider = parser<CertificateProvider>(
  'CertificateProvider',
  z.object({ spec: certificateProviderSpec }),
  providerStatus,
);

export const parseClusterCertificateProvider = parser<ClusterCertificateProvider>(
  'ClusterCertificateProvider',
  z.object({ spec: clusterCertificateProviderSpec }),
  providerStatus,
);

export const parseCertificateUpload = parser<CertificateUpload>(
  'CertificateUpload',
  z.object({ spec: certificateUploadSpec }),
  certificateUploadStatus,
);

function parser<T extends { kind: string; spec: unknown; status?: unknown }>(
  kind: T['kind'],
  object: z.ZodType<{ spec: T['spec'] }>,
  status: z.ZodType<T['status']>,
): (raw: RawObject) => Parsed<T> {
  return (raw) => {
    const parsed = object.safeParse(raw, { error: explain });
    if (!parsed.success) return { message: sentence(parsed.error.issues) };
    const known = status.safeParse(raw.status);
    const value = {
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind,
      metadata: raw.metadata,
      spec: parsed.data.spec,
      ...(known.success && { status: known.data }),
    };
    return { value: value as unknown as T };
  };
}

/** The first problems are enough to act on; a condition's message has room for a few. */
function sentence(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

/** Words for what zod checks by itself; our own rules bring theirs. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be of type ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    case 'too_small':
      return issue.origin === 'array'
        ? `must have at least ${issue.minimum} entries`
        : `must be at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `must have at most ${issue.maximum} entries`
        : `must be at most ${issue.maximum}`;
    default:
      return undefined;
  }
}
