import { z } from 'zod';

import { logFormats, logLevels } from '../../src/observability/logger.ts';
import { flag, group, rawList, stringMap, text } from './fields.ts';
import { imageRepository } from './project.ts';

const namespaceName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** Settings that charts which include this one share with it, and the names of objects. */
export const general = {
  enabled: z
    .boolean()
    .describe('Not looked at: a place for the condition under which a parent chart includes this one.')
    .meta({ examples: [true] })
    .optional(),
  global: z
    .looseObject({
      imagePullSecrets: z
        .array(z.strictObject({ name: z.string().describe('Name of the Secret.') }))
        .default([])
        .describe('Secrets of the release namespace to pull the image with, like `[{name: registry}]`.'),
      commonLabels: stringMap('Labels for all objects of the chart.'),
      rbac: group('What the operator and users are allowed.', {
        create: flag(true, 'Make the roles and bindings. Without them somebody else must: the README has the rules.'),
        aggregateClusterRoles: flag(
          true,
          'Let the ClusterRoles view, edit and admin of the cluster reach our kinds. Not with `watchNamespaces`, where no ClusterRole is made.',
        ),
      }),
    })
    .describe('Shared with the charts that include this one.'),
  nameOverride: text('', 'Takes the place of the chart name in the names of objects.'),
  fullnameOverride: text('', 'Takes the place of release and chart name in the names of objects.'),
};

export const crds = {
  crds: group('The CustomResourceDefinitions.', {
    enabled: flag(
      true,
      'Install and upgrade them with this release. Of several releases in a cluster only one can do so; the others need `false`.',
    ),
    keep: flag(
      true,
      'Keep them when the release is uninstalled. With `false` they go, and with them every ProviderCertificate of the cluster. Secrets stay in either case, but for those with `deletionPolicy: Delete`.',
    ),
  }),
};

export const image = {
  image: group('The image of the operator.', {
    repository: text(imageRepository, 'Registry and name.'),
    tag: text('', 'Tag; the version of the chart when it is empty.'),
    digest: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64})?$/)
      .default('')
      .describe('Digest, like `sha256:…`; it wins over the tag.'),
    pullPolicy: z
      .enum(['IfNotPresent', 'Always', 'Never'])
      .default('IfNotPresent')
      .describe('When the image is pulled.'),
  }),
};

export const operator = {
  replicaCount: z
    .int()
    .min(0)
    .default(1)
    .describe('How many run. One works; the others are ready to take over, which needs `leaderElection.enabled`.'),
  watchNamespaces: z
    .array(namespaceName)
    .meta({ uniqueItems: true })
    .default([])
    .describe(
      'Work in these namespaces only, which must exist, with a Role in each and no ClusterRole; ClusterCertificateProviders are off then. Empty: the whole cluster.',
    ),
  allowEndpoints: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Hosts of providers to allow besides the built-in ones: `HOST[:PORT]` over https, `http://HOST[:PORT]` in the clear; `*` allows every https host.',
    ),
  uploads: group('From the cluster to the clouds.', {
    enabled: flag(
      false,
      'Work on CertificateUploads: upload TLS Secrets of the cluster to accounts of Samsung Cloud Platform and NAVER Cloud, for which their credentials must be allowed to write.',
    ),
  }),
  concurrency: z.int().min(1).max(1024).default(64).describe('Certificates worked on at the same time.'),
  logLevel: z.enum(logLevels).default('info').describe('The lowest level that is logged.'),
  logFormat: z
    .enum(logFormats)
    .default('json')
    .describe('How log lines look: `json` for machines, `pretty` for people.'),
  leaderElection: group('Who of several replicas works.', {
    enabled: flag(
      true,
      'Work only while holding a Lease. Also with one replica: during a rolling update two run. Without it the Deployment is updated by Recreate.',
    ),
  }),
  https_proxy: text(
    '',
    'Proxy on the way to providers, like `http://proxy.example.com:3128`. One with a password belongs into a Secret: set HTTPS_PROXY through `extraEnv`.',
  ),
  no_proxy: text('', 'Hosts of providers to reach directly, by commas. The API server is always reached directly.'),
  caBundle: group(
    'Authorities to trust besides the public ones, for all providers, or for a proxy that opens TLS. Read when the operator starts.',
    {
      configMapName: text('', 'ConfigMap of the release namespace that holds them.'),
      secretName: text('', 'Or the Secret that does.'),
      key: text('ca.crt', 'Key of the PEM file in it.'),
    },
  ),
  extraArgs: z.array(z.string()).default([]).describe('More command line flags.'),
  extraEnv: rawList('More environment variables of the container, like `[{name: HTTPS_PROXY, valueFrom: {…}}]`.'),
  volumes: rawList('More volumes of the pod.'),
  volumeMounts: rawList('Where the container has them.'),
};
