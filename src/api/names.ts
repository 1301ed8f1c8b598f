import { apiGroup } from './group.ts';

/** Owner of our fields in server-side apply, and the source that our events name. */
export const fieldManager = 'provider-certificates';

/** Marks the Secrets that we watch. */
export const managedLabel = `${apiGroup}/managed`;
const managedByLabel = 'app.kubernetes.io/managed-by';

/** The labels of every Secret that we write. */
export const secretLabels: Readonly<Record<string, string>> = {
  [managedLabel]: 'true',
  [managedByLabel]: fieldManager,
};

/** The annotations of every Secret that we write. */
export const secretAnnotations = {
  /** `namespace/name` of the holder. Elsewhere than in that namespace the Secret is a copy, and not ours. */
  certificate: `${apiGroup}/certificate`,
  source: `${apiGroup}/source`,
  revision: `${apiGroup}/revision`,
  commonName: `${apiGroup}/common-name`,
  dnsNames: `${apiGroup}/dns-names`,
  issuer: `${apiGroup}/issuer`,
  serialNumber: `${apiGroup}/serial-number`,
  fingerprintSHA256: `${apiGroup}/fingerprint-sha256`,
  /** SHA-256 over tls.crt and ca.crt; never over the key. */
  chainSHA256: `${apiGroup}/chain-sha256`,
  notBefore: `${apiGroup}/not-before`,
  notAfter: `${apiGroup}/not-after`,
} as const;

/** On a ProviderCertificate: any new value asks for a download and a full comparison now. */
export const refreshAnnotation = `${apiGroup}/refresh`;

/** Labels and annotations that a `secretTemplate` may not set: they are ours, or they make kubectl fight with us. */
export const reservedPrefixes = [`${apiGroup}/`, 'kubectl.kubernetes.io/'] as const;
export const reservedKeys = [managedByLabel] as const;
