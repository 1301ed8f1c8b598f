import type { PolicyRule } from './control-plane/index.ts';

const group = 'provider-certificates.io';

/** What is needed wherever there are certificates; `more` kinds of ours besides the two that are in every namespace. */
const rulesFor = (...more: string[]): PolicyRule[] => {
  const kinds = ['providercertificates', 'certificateproviders', ...more];
  return [
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create', 'patch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    { apiGroups: [group], resources: kinds, verbs: ['get', 'list', 'watch'] },
    { apiGroups: [group], resources: kinds.map((kind) => `${kind}/status`), verbs: ['patch'] },
    { apiGroups: [group], resources: ['providercertificates/finalizers'], verbs: ['update'] },
  ];
};

/**
 * What the operator may do, and nothing more: these rules in the whole cluster. The chart grants the same; a test compares
 * them.
 */
export const clusterRules: PolicyRule[] = [
  ...rulesFor('clustercertificateproviders'),
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
];

/** Or these in each namespace that it watches, and nothing in the cluster. */
export const namespaceRules: PolicyRule[] = rulesFor();

/** And these in the same place, when it is started with `--enable-uploads`. */
export const uploadRules: PolicyRule[] = [
  { apiGroups: [group], resources: ['certificateuploads'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [group], resources: ['certificateuploads/status'], verbs: ['patch'] },
];

/** And these in the namespace of its Lease, when it is started with `--leader-elect`. */
export const leaderElectionRules: PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: ['provider-certificates'],
    verbs: ['get', 'update'],
  },
];
