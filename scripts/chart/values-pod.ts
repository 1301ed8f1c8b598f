import { z } from 'zod';

import { flag, group, raw, rawList, stringMap, text } from './fields.ts';

const seconds = (value: number, description: string) => z.int().min(0).default(value).describe(description);

const probe = (description: string, { period, failures }: { period: number; failures: number }) =>
  group(description, {
    initialDelaySeconds: seconds(0, 'Wait before the first try.'),
    periodSeconds: seconds(period, 'Time between tries.'),
    timeoutSeconds: seconds(5, 'How long an answer may take.'),
    failureThreshold: z.int().min(1).default(failures).describe('How many tries must fail in a row.'),
  });

const count = z.union([z.int().min(0), z.string().regex(/^[0-9]{1,3}%$/)]);

export const serviceAccount = {
  serviceAccount: group('Who the operator is to the API server.', {
    create: flag(true, 'Make the ServiceAccount.'),
    name: text('', 'Its name; that of the release when it is empty, or `default` when none is made.'),
    annotations: stringMap('Annotations of the ServiceAccount.'),
    labels: stringMap('Labels of the ServiceAccount.'),
    automountServiceAccountToken: flag(
      true,
      'Give pods its token. Without it the operator needs `--kubeconfig` in `extraArgs`.',
    ),
  }),
};

export const pods = {
  strategy: raw('How pods are replaced; RollingUpdate when it is empty, and Recreate without leader election.'),
  deploymentAnnotations: stringMap('Annotations of the Deployment.'),
  podAnnotations: stringMap('Annotations of the pods.'),
  podLabels: stringMap('Labels of the pods.'),
  priorityClassName: text('', 'PriorityClass of the pods.'),
  resources: raw(
    'Requests and limits. Measured: 100 MiB with nothing to do, 155 MiB after a thousand new certificates at once; 384Mi is a good limit for that.',
    { requests: { cpu: '10m', memory: '128Mi' } },
  ),
  podSecurityContext: raw('Security of the pod; as it is, it satisfies the Pod Security Standard `restricted`.', {
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: raw('Security of the container; as it is, it satisfies the Pod Security Standard `restricted`.', {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  }),
  livenessProbe: probe(
    'When the container is restarted: it stands still. The API server or a provider being away is no reason.',
    {
      period: 10,
      failures: 6,
    },
  ),
  readinessProbe: probe('When the pod is ready: its caches are complete.', { period: 5, failures: 3 }),
};

export const scheduling = {
  nodeSelector: stringMap('Labels of nodes to run on.', { 'kubernetes.io/os': 'linux' }),
  tolerations: rawList('Taints of nodes to run on all the same.'),
  affinity: raw('Which nodes and neighbours the pods seek and avoid.'),
  topologySpreadConstraints: rawList('How several replicas spread over nodes and zones.'),
  podDisruptionBudget: group('How many pods may be away when nodes are drained.', {
    enabled: flag(false, 'Make a PodDisruptionBudget.'),
    minAvailable: count
      .describe('How many, or what share, must stay.')
      .meta({ examples: [1] })
      .optional(),
    maxUnavailable: count
      .describe('How many, or what share, may go; 1 when neither is set.')
      .meta({ examples: [1] })
      .optional(),
    unhealthyPodEvictionPolicy: z
      .enum(['AlwaysAllow', 'IfHealthyBudget'])
      .describe('Whether pods that are not ready may go in any case.')
      .meta({ examples: ['AlwaysAllow'] })
      .optional(),
  }),
};
