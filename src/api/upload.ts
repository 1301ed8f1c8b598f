import { z } from 'zod';
import { objectName, text } from './fields.ts';
import type { apiGroup, apiVersion, Metadata } from './group.ts';
import type { ProviderKind } from './provider.ts';
import { providerRef } from './provider-ref.ts';
import { matching, withRules } from './rule.ts';
import { conditions, message, name, observedGeneration, statusLimits, time } from './status.ts';

/** What SCP wants to know of a certificate that nobody else asks for. */
const scp = z
  .object({
    timezone: withRules(
      text(64),
      matching(/^[A-Za-z][-+A-Za-z0-9_/]*$/, 'must be a time zone such as Asia/Seoul or UTC'),
    )
      .describe('Time zone in which SCP counts the days until the end. Default: Asia/Seoul.')
      .exactOptional(),
    recipients: z
      .array(
        z.object({
          userId: text(64).describe("SCP's id of the user."),
          userName: text(253).describe('Name of the user.'),
          region: text(64).describe('Region of the user. Default: none.').exactOptional(),
        }),
      )
      .max(100)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('Users whom SCP writes before the certificate ends. Default: nobody.')
      .exactOptional(),
    tags: withRules(
      z
        .record(z.string(), text(256, 0))
        .refine((tags) => Object.keys(tags).length <= 50, { error: 'must have at most 50 entries', abort: true })
        .meta({ maxProperties: 50 }),
      {
        cel: 'self.all(k, size(k) >= 1 && size(k) <= 128)',
        message: 'keys must have 1 to 128 characters',
        check: (tags) => Object.keys(tags).every((key) => key.length >= 1 && [...key].length <= 128),
      },
    )
      .describe('Tags of the certificate at SCP. Default: none.')
      .exactOptional(),
  })
  .describe('Settings for Samsung Cloud Platform; with other clouds they mean nothing.');

export const certificateUploadSpec = z
  .object({
    providerRef: providerRef.describe('The provider object that says where to upload.'),
    secretRef: z
      .object({ name: objectName().describe('Name of the Secret, in the namespace of this object.') })
      .meta({ 'x-kubernetes-map-type': 'atomic' })
      .describe('The kubernetes.io/tls Secret to upload: once now, and again whenever its certificate changes.'),
    remoteNamePrefix: withRules(
      text(21),
      matching(/^[A-Za-z][-A-Za-z0-9]*$/, 'must begin with a letter and hold letters, digits and "-" only'),
    ).describe(
      'How the certificate is called at the provider: this, a "-" and the first 8 digits of its SHA-256 fingerprint. At most 21 characters; 11 with NAVER Cloud, whose names are shorter.',
    ),
    scp: scp.exactOptional(),
    keepPrevious: z
      .int()
      .min(0)
      .max(10)
      .describe(
        'How many earlier certificates stay at the provider after a renewal. Older ones are deleted there when this object made them and nothing uses them any more; nothing else is ever deleted. Default: 1.',
      )
      .exactOptional(),
    suspend: z
      .boolean()
      .describe('Stop all work on this object; what is at the provider stays as it is. Default: false.')
      .exactOptional(),
  })
  .describe('Which Secret goes to which account.');

const remoteCertificate = {
  id: name().describe("The provider's id of the certificate."),
  name: name().describe('Its name at the provider.'),
  fingerprintSHA256: name().describe('SHA-256 of the certificate in hexadecimal.'),
  notAfter: time().describe('Valid until.'),
};

export const certificateUploadStatus = z.object({
  observedGeneration: observedGeneration.optional(),
  conditions: conditions
    .describe(
      '`Ready`: the provider holds a certificate from the Secret that is valid today. `Synced`: how Secret and provider compare.',
    )
    .optional(),
  message: message.optional(),
  provider: z
    .string()
    .max(statusLimits.revision)
    .describe('Kind and name of the provider object that `remote` and `history` are about.')
    .optional(),
  uploadName: name()
    .describe(
      'The name under which the last upload was begun. Written before anything is sent, so that what is found there later is known to be made by this object.',
    )
    .optional(),
  remote: z.object(remoteCertificate).describe('The certificate from the Secret, as it is at the provider.').optional(),
  history: z
    .array(z.object({ ...remoteCertificate, uploadTime: time().describe('When it was found there after its upload.') }))
    .max(20)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('What this object made at the provider and is still there, newest first. Only these are ever deleted.')
    .optional(),
  lastHandledRefresh: name()
    .describe('Value of the annotation provider-certificates.io/refresh that was last acted on.')
    .optional(),
});

export type CertificateUploadSpec = z.infer<typeof certificateUploadSpec>;
export type CertificateUploadStatus = z.infer<typeof certificateUploadStatus>;
export type UploadedCertificate = NonNullable<CertificateUploadStatus['history']>[number];

export interface CertificateUpload {
  apiVersion: `${typeof apiGroup}/${typeof apiVersion}`;
  kind: 'CertificateUpload';
  metadata: Metadata;
  spec: CertificateUploadSpec;
  status?: CertificateUploadStatus;
}

/** What a CertificateUpload asks for, with every default filled in. */
export interface UploadSettings {
  providerRef: { kind: ProviderKind; name: string };
  secretName: string;
  remoteNamePrefix: string;
  keepPrevious: number;
  suspend: boolean;
  scp: {
    timezone: string;
    recipients: readonly { userId: string; userName: string; region?: string }[];
    tags: Readonly<Record<string, string>>;
  };
}

/** The settings of a spec that was parsed. */
export function resolveUploadSpec(spec: CertificateUploadSpec): UploadSettings {
  const { timezone = 'Asia/Seoul', recipients = [], tags = {} } = spec.scp ?? {};
  return {
    providerRef: { kind: 'CertificateProvider', ...spec.providerRef },
    secretName: spec.secretRef.name,
    remoteNamePrefix: spec.remoteNamePrefix,
    keepPrevious: spec.keepPrevious ?? 1,
    suspend: spec.suspend ?? false,
    scp: { timezone, recipients, tags },
  };
}
