import type { Values } from './helm.ts';

/** Settings that are rendered, compared with what they rendered to before, and shown to an API server. */
export const matrix: Record<string, Values> = {
  default: {},
  'watch-namespaces': { watchNamespaces: ['shop', 'blog'] },
  'without-leader-election': { leaderElection: { enabled: false } },
  'brings-nothing-else': {
    crds: { enabled: false },
    global: { rbac: { create: false } },
    serviceAccount: { create: false, name: 'mine' },
    prometheus: { enabled: false },
    podSecurityContext: null,
    securityContext: null,
    resources: null,
    nodeSelector: null,
  },
  'highly-available': {
    replicaCount: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    podDisruptionBudget: { enabled: true, minAvailable: '50%', unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    priorityClassName: 'system-cluster-critical',
    resources: { limits: { memory: '256Mi' } },
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }],
        },
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'provider-certificates' } },
      },
    ],
  },
  'behind-a-proxy': {
    allowEndpoints: ['cm.example.com:8443', 'http://127.0.0.1:8080', '*'],
    concurrency: 8,
    logLevel: 'debug',
    logFormat: 'pretty',
    https_proxy: 'http://proxy.example.com:3128',
    no_proxy: '.example.com,10.0.0.0/8',
    caBundle: { configMapName: 'corporate-ca', key: 'bundle.pem' },
    extraArgs: ['--version'],
    extraEnv: [{ name: 'TZ', value: 'Asia/Seoul' }],
    volumes: [{ name: 'scratch', emptyDir: {} }],
    volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
    networkPolicy: { enabled: true, egress: [{ ports: [{ port: 3128, protocol: 'TCP' }] }] },
  },
  'labels-and-images': {
    global: { imagePullSecrets: [{ name: 'registry' }], commonLabels: { team: 'platform' } },
    image: { repository: 'registry.example.com/certificates', tag: 'v2', digest: `sha256:${'0'.repeat(64)}` },
    crds: { keep: false },
    caBundle: { secretName: 'corporate-ca' },
    serviceAccount: {
      annotations: { owner: 'platform' },
      labels: { tier: 'system' },
      automountServiceAccountToken: false,
    },
    deploymentAnnotations: { reviewed: 'yes' },
    podAnnotations: { reviewed: 'yes' },
    podLabels: { tier: 'system' },
    serviceAnnotations: { reviewed: 'yes' },
    serviceLabels: { tier: 'system' },
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-extra' } },
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include "provider-certificates.fullname" . }}-text\n',
    ],
  },
  monitored: {
    prometheus: {
      servicemonitor: {
        enabled: true,
        namespace: 'monitoring',
        interval: '15s',
        scrapeTimeout: '10s',
        labels: { release: 'prometheus' },
        annotations: { reviewed: 'yes' },
        endpointAdditionalProperties: { relabelings: [{ action: 'labeldrop', regex: 'pod' }] },
      },
      prometheusrule: {
        enabled: true,
        namespace: 'monitoring',
        labels: { release: 'prometheus' },
        annotations: { reviewed: 'yes' },
        alertLabels: { team: 'platform', severity: 'never this one' },
        disabled: ['ProviderCertificatesNoLeader'],
        runbookUrl: 'https://wiki.example.com/runbook',
      },
    },
    grafanaDashboard: { enabled: true, namespace: 'monitoring', annotations: { grafana_folder: 'Certificates' } },
  },
};
