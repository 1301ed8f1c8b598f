export const apiGroup = 'provider-certificates.io';
export const apiVersion = 'v1alpha1';

export const certificateProviders = {
  group: apiGroup,
  version: apiVersion,
  plural: 'certificateproviders',
  kind: 'CertificateProvider',
  namespaced: true,
} as const;

export const clusterCertificateProviders = {
  group: apiGroup,
  version: apiVersion,
  plural: 'clustercertificateproviders',
  kind: 'ClusterCertificateProvider',
  namespaced: false,
} as const;

export const providerCertificates = {
  group: apiGroup,
  version: apiVersion,
  plural: 'providercertificates',
  kind: 'ProviderCertificate',
  namespaced: true,
} as const;

export const certificateUploads = {
  group: apiGroup,
  version: apiVersion,
  plural: 'certificateuploads',
  kind: 'CertificateUpload',
  namespaced: true,
} as const;

/** The part of Kubernetes' object metadata that the operator looks at on its own kinds. */
export interface Metadata {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
