import { z } from 'zod';

import { flag, group, raw, rawList, stringMap, text } from './fields.ts';
import { runbook } from './project.ts';

const duration = (value: string, description: string) =>
  z
    .string()
    .regex(/^([0-9]+(ms|s|m|h))+$/)
    .default(value)
    .describe(description);

export const network = {
  networkPolicy: group('What may talk to the pods, and they to whom.', {
    enabled: flag(false, 'Make a NetworkPolicy.'),
    ingress: rawList('Who may: by default everybody, and only to the port with metrics and probes.', [
      { ports: [{ port: 8080, protocol: 'TCP' }] },
    ]),
    egress: rawList(
      'To whom: by default to DNS, to API servers (443, 6443) and to providers (443). A proxy or a provider on another port needs an entry.',
      [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
            { port: 443, protocol: 'TCP' },
            { port: 6443, protocol: 'TCP' },
          ],
        },
      ],
    ),
  }),
};

export const monitoring = {
  prometheus: group('Metrics.', {
    enabled: flag(
      true,
      'Make a Service for `/metrics`. Pods are annotated for a scrape when there is no ServiceMonitor.',
    ),
    servicemonitor: group('For the Prometheus operator.', {
      enabled: flag(false, 'Make a ServiceMonitor.'),
      namespace: text('', 'Where; the release namespace when it is empty.'),
      interval: duration('60s', 'Time between scrapes.'),
      scrapeTimeout: duration('30s', 'How long a scrape may take.'),
      labels: stringMap('Labels that Prometheus selects by, like `{release: kube-prometheus-stack}`.'),
      annotations: stringMap('Annotations of the ServiceMonitor.'),
      endpointAdditionalProperties: raw('More fields of the endpoint, like `relabelings`.'),
    }),
    prometheusrule: group('Alerts, for the Prometheus operator. They count on the ServiceMonitor.', {
      enabled: flag(false, 'Make a PrometheusRule.'),
      namespace: text('', 'Where; the release namespace when it is empty.'),
      labels: stringMap('Labels that Prometheus selects by.'),
      annotations: stringMap('Annotations of the PrometheusRule.'),
      alertLabels: stringMap('Labels for all alerts, like `{team: platform}`.'),
      disabled: z.array(z.string().min(1)).default([]).describe('Names of alerts to leave out.'),
      runbookUrl: text(runbook, 'Where the runbook is: `#` and the name of the alert in small letters come after it.'),
    }),
  }),
  serviceAnnotations: stringMap('Annotations of the Service.'),
  serviceLabels: stringMap('Labels of the Service.'),
  grafanaDashboard: group('A dashboard, for the sidecar of Grafana.', {
    enabled: flag(false, 'Make a ConfigMap with it.'),
    namespace: text('', 'Where; the release namespace when it is empty.'),
    labels: stringMap('Labels that the sidecar selects by.', { grafana_dashboard: '1' }),
    annotations: stringMap('Annotations of the ConfigMap, like `{grafana_folder: Certificates}`.'),
  }),
};

export const extra = {
  extraObjects: z
    .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
    .default([])
    .describe(
      'More manifests to install, as objects or as text; templates in them are rendered. Objects of our kinds only when the CRDs are there already.',
    ),
};
