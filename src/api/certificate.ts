import { z } from 'zod';
import { parseDuration } from './durations.ts';
import { dataKey, dnsName, duration, objectName, remoteName, templateAnnotations, templateLabels } from './fields.ts';
import type { apiGroup, apiVersion, Metadata } from './group.ts';
import type { ProviderKind } from './provider.ts';
import { providerRef } from './provider-ref.ts';
import { type Rule, withRules } from './rule.ts';
import { conditions, message, name, observedGeneration, statusLimits, time } from './status.ts';

const atomic = { 'x-kubernetes-map-type': 'atomic' };

const secretKeyRef = (defaultKey: string) =>
  z
    .object({
      name: objectName().describe('Name of the Secret, in the namespace of this object.'),
      key: dataKey().describe(`Key of the Secret. Default: ${defaultKey}.`).exactOptional(),
    })
    .meta(atomic);

const remoteRef = withRules(
  z.object({
    name: remoteName()
      .describe('The exact name at the provider. Served by every cloud; the choice for NHN Cloud.')
      .exactOptional(),
    id: remoteName()
      .describe(
        "The provider's own id, as a string: the id at SCP, the certificateNo at NAVER, the certificateId at NHN with API v1.3.",
      )
      .exactOptional(),
    commonName: remoteName()
      .describe(
        'The newest usable certificate with this common name, also after a renewal under a new id (SCP, NAVER).',
      )
      .exactOptional(),
  }),
  {
    cel: '[has(self.name), has(self.id), has(self.commonName)].exists_one(given, given)',
    message: 'exactly one of name, id and commonName must be set',
    check: (ref) => Object.values(ref).filter((value) => value !== undefined).length === 1,
  },
).meta(atomic);

export const providerCertificateSpec = z
  .object({
    providerRef: providerRef.describe('The provider object that says where the certificate is.'),
    remoteRef: remoteRef.describe('Which certificate at the provider: exactly one of its fields.'),
    secretName: objectName()
      .describe(
        'Name of the kubernetes.io/tls Secret, in the namespace of this object. Default: the name of this object. After a change the new Secret is written and the old one is left as it is. With `mode: Observe` there is no default: without a name only the certificate at the provider is looked at.',
      )
      .exactOptional(),
    secretTemplate: z
      .object({
        labels: templateLabels().describe('Labels to set on the Secret.').exactOptional(),
        annotations: templateAnnotations().describe('Annotations to set on the Secret.').exactOptional(),
      })
      .describe('Metadata for the Secret. Labels and annotations of this object itself are never copied.')
      .exactOptional(),
    mode: z
      .enum(['Sync', 'Observe'])
      .describe(
        '`Sync` writes the Secret and keeps it current. `Observe` writes no Secret: it only reports how Secret and provider compare. Default: Sync.',
      )
      .exactOptional(),
    privateKeySecretRef: secretKeyRef('tls.key')
      .describe(
        'A private key (PEM) that you supply, for a provider that does not hand it out. A key in the bundle goes first.',
      )
      .exactOptional(),
    passphraseSecretRef: secretKeyRef('passphrase')
      .describe('The passphrase of an encrypted private key. The Secret that is written holds the key unencrypted.')
      .exactOptional(),
    dnsNames: z
      .array(dnsName())
      .max(100)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'DNS names that the certificate must cover, or it is refused and the Secret kept. A * covers one label; *.example.com asks for exactly that name. Default: no check.',
      )
      .exactOptional(),
    allowOlder: z
      .boolean()
      .describe(
        'Also accept a certificate that was issued earlier and ends earlier than the one in the Secret. Default: false, it is refused.',
      )
      .exactOptional(),
    allowIncompleteChain: z
      .boolean()
      .describe(
        'Also accept a certificate without its intermediates where the Secret holds one with them. Default: false, it is refused.',
      )
      .exactOptional(),
    adoptExisting: z
      .boolean()
      .describe(
        'Take over a kubernetes.io/tls Secret of this name that something else made, once a valid pair is at hand. Never one that another controller, cert-manager, Helm or Argo CD manages. Default: false, it is left alone and reported as SecretConflict.',
      )
      .exactOptional(),
    caCertificate: z
      .enum(['Include', 'Omit'])
      .describe(
        '`Include` puts the root certificate into ca.crt when the bundle holds it, `Omit` never does. Default: Include.',
      )
      .exactOptional(),
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .describe(
        'What happens to the Secret when this object is deleted: `Retain` keeps it, `Delete` lets Kubernetes remove it (by an owner reference). Default: Retain.',
      )
      .exactOptional(),
    refreshInterval: duration({
      cel: "duration(self) == duration('0s') || duration(self) >= duration('10m')",
      message: 'must be a duration of at least 10m, such as 24h, or 0s for never',
      check: (ms) => ms === 0 || ms >= 600_000,
    })
      .describe(
        "How often the certificate is downloaded and compared in full although the provider's list shows no change. Default: 24h; at least 10m, or 0s for never.",
      )
      .exactOptional(),
    suspend: z
      .boolean()
      .describe('Stop all work on this object; the Secret stays as it is. Default: false.')
      .exactOptional(),
  })
  .describe('Which certificate is wanted, and the Secret that it goes to.');

export const providerCertificateStatus = z.object({
  observedGeneration: observedGeneration.optional(),
  conditions: conditions
    .describe(
      '`Ready`: the Secret is usable now and is what the spec asks for. `Synced`: how Secret and provider compare. `Expiring`: the certificate in the Secret ends soon.',
    )
    .optional(),
  message: message.optional(),
  secretName: name().describe('The Secret that this status speaks of.').optional(),
  certificate: z
    .object({
      commonName: name().describe('Common name of the subject.').optional(),
      dnsNames: z
        .array(name())
        .max(statusLimits.dnsNames + 1)
        .meta({ 'x-kubernetes-list-type': 'atomic' })
        .describe('DNS names that it covers; the first 100, then how many more.')
        .optional(),
      issuer: z.string().max(statusLimits.issuer).describe('Distinguished name of the issuer.').optional(),
      serialNumber: name().describe('Serial number in hexadecimal.').optional(),
      fingerprintSHA256: name().describe('SHA-256 of the certificate in hexadecimal.').optional(),
      notBefore: time().describe('Valid from.').optional(),
      notAfter: time().describe('Valid until.').optional(),
      keyAlgorithm: name().describe('Kind and size or curve of the key.').optional(),
      chainLength: z.int().describe('Number of certificates in tls.crt, the leaf included.').optional(),
    })
    .describe('The certificate in the Secret now.')
    .optional(),
  remote: z
    .object({
      id: name().describe("The provider's id of the certificate.").optional(),
      name: name().describe('Its name at the provider.').optional(),
      state: name().describe("Its state in the provider's words.").optional(),
      notAfter: name().describe('Its end as the provider says it; some give only a day.').optional(),
      revision: name().describe("What changes in the provider's list when the certificate changes.").optional(),
    })
    .describe("The certificate in the provider's list now. It informs; what decides is the certificate itself.")
    .optional(),
  syncedRevision: z
    .string()
    .max(statusLimits.revision)
    .describe('Id and revision at the provider at which the Secret was last proved equal to a download.')
    .optional(),
  lastSyncTime: time().describe('When that was.').optional(),
  lastCheckTime: time()
    .describe('When the provider last answered about the certificate. Written with other changes, else once a day.')
    .optional(),
  lastHandledRefresh: name()
    .describe('Value of the annotation provider-certificates.io/refresh that was last acted on.')
    .optional(),
});

export type ProviderCertificateSpec = z.infer<typeof providerCertificateSpec>;
export type ProviderCertificateStatus = z.infer<typeof providerCertificateStatus>;

export interface ProviderCertificate {
  apiVersion: `${typeof apiGroup}/${typeof apiVersion}`;
  kind: 'ProviderCertificate';
  metadata: Metadata;
  spec: ProviderCertificateSpec;
  status?: ProviderCertificateStatus;
}

interface Named {
  metadata: { name: string };
  spec: ProviderCertificateSpec;
}

/** The rule that a Secret of the user is not the one we write. `Observe` writes none. */
function differsFromTarget(field: 'privateKeySecretRef' | 'passphraseSecretRef'): Rule<Named> {
  const mode = "has(self.spec.mode) && self.spec.mode == 'Observe'";
  const target = 'has(self.spec.secretName) ? self.spec.secretName : self.metadata.name';
  return {
    cel: `!has(self.spec.${field}) || (${mode}) || self.spec.${field}.name != (${target})`,
    message:
      'must not be the Secret that the certificate is written to (secretName, by default the name of this object)',
    field: ['spec', field, 'name'],
    check: ({ metadata, spec }) => spec.mode === 'Observe' || spec[field]?.name !== (spec.secretName ?? metadata.name),
  };
}

/** The whole object, with the rules that compare its spec with its name. */
export const providerCertificate = withRules(
  z.object({ metadata: z.object({ name: z.string() }), spec: providerCertificateSpec }),
  differsFromTarget('privateKeySecretRef'),
  differsFromTarget('passphraseSecretRef'),
);

interface SecretKeyRef {
  name: string;
  key: string;
}

/** What a ProviderCertificate asks for, with every default filled in. */
export type CertificateSettings = {
  providerRef: { kind: ProviderKind; name: string };
  /** Exactly one of these. */
  remoteRef: { name?: string; id?: string; commonName?: string };
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  privateKeySecretRef?: SecretKeyRef;
  passphraseSecretRef?: SecretKeyRef;
  dnsNames: readonly string[];
  allowOlder: boolean;
  allowIncompleteChain: boolean;
  adoptExisting: boolean;
  caCertificate: 'Include' | 'Omit';
  deletionPolicy: 'Retain' | 'Delete';
  /** 0: never. */
  refreshIntervalMs: number;
  suspend: boolean;
} & ({ mode: 'Sync'; secretName: string } | { mode: 'Observe'; secretName?: string });

/** With mode Sync there always is a Secret. */
export type SyncSettings = Extract<CertificateSettings, { mode: 'Sync' }>;

/** The settings of a spec that was parsed. */
export function resolveCertificateSpec(spec: ProviderCertificateSpec, metadataName: string): CertificateSettings {
  return {
    providerRef: { kind: 'CertificateProvider', ...spec.providerRef },
    remoteRef: spec.remoteRef,
    labels: spec.secretTemplate?.labels ?? {},
    annotations: spec.secretTemplate?.annotations ?? {},
    ...(spec.privateKeySecretRef && { privateKeySecretRef: { key: 'tls.key', ...spec.privateKeySecretRef } }),
    ...(spec.passphraseSecretRef && { passphraseSecretRef: { key: 'passphrase', ...spec.passphraseSecretRef } }),
    dnsNames: spec.dnsNames ?? [],
    allowOlder: spec.allowOlder ?? false,
    allowIncompleteChain: spec.allowIncompleteChain ?? false,
    adoptExisting: spec.adoptExisting ?? false,
    caCertificate: spec.caCertificate ?? 'Include',
    deletionPolicy: spec.deletionPolicy ?? 'Retain',
    refreshIntervalMs: parseDuration(spec.refreshInterval ?? '24h'),
    suspend: spec.suspend ?? false,
    ...(spec.mode === 'Observe'
      ? { mode: 'Observe', ...(spec.secretName !== undefined && { secretName: spec.secretName }) }
      : { mode: 'Sync', secretName: spec.secretName ?? metadataName }),
  };
}
