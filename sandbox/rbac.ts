import type { PolicyRule } from './control-plane/index.ts';

const group = 'provider-certificates.io';

/** What the operator may do in the whole cluster, and nothing more. */
export const operatorRules: PolicyRule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: [group],
    resources: ['providercertificates', 'certificateproviders', 'clustercertificateproviders'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: [group],
    resources: ['providercertificates/status', 'certificateproviders/status', 'clustercertificateproviders/status'],
    verbs: ['patch'],
  },
  { apiGroups: [group], resources: ['providercertificates/finalizers'], verbs: ['update'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: ['provider-certificates'],
    verbs: ['get', 'update'],
  },
];
