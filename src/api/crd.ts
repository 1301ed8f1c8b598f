import { z } from 'zod';
import { providerCertificate, providerCertificateSpec, providerCertificateStatus } from './certificate.ts';
import {
  apiGroup,
  apiVersion,
  certificateProviders,
  certificateUploads,
  clusterCertificateProviders,
  providerCertificates,
} from './group.ts';
import { certificateProviderSpec, clusterCertificateProviderSpec, providerStatus } from './provider.ts';
import { validations } from './rule.ts';
import { certificateUploadSpec, certificateUploadStatus } from './upload.ts';

/** A node of a structural schema, as far as ours use it. */
export interface SchemaNode {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode;
  items?: SchemaNode;
  required?: string[];
  [keyword: string]: unknown;
}

/**
 * The status of an object that nobody has looked at: tools that compare observedGeneration do not take it for a settled one,
 * and whoever waits for it is told where to look.
 */
export const unseen = {
  observedGeneration: -1,
  message: 'No operator has looked at this yet: does one run, and does it serve this kind in this namespace?',
};

interface Column {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  priority?: number;
}

interface Kind {
  resource:
    | typeof certificateProviders
    | typeof clusterCertificateProviders
    | typeof providerCertificates
    | typeof certificateUploads;
  shortName: string;
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  rules?: ReturnType<typeof validations>;
  columns: Column[];
}

const ready: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Status of the condition Ready.',
};

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was made.',
};

const providerColumns: Column[] = [
  ready,
  { name: 'Type', type: 'string', jsonPath: '.status.type', description: 'The cloud.' },
  {
    name: 'Certificates',
    type: 'integer',
    jsonPath: '.status.certificates',
    description: 'How many certificates the account holds.',
  },
  {
    name: 'Checked',
    type: 'date',
    jsonPath: '.status.lastCheckTime',
    description: 'Time since the list was last fetched, up to ten minutes behind.',
  },
  { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'What matters most now.' },
  age,
];

const kinds: Kind[] = [
  {
    resource: certificateProviders,
    shortName: 'cprov',
    description:
      "A CertificateProvider says where certificates are kept (one account of a cloud's certificate manager), for the ProviderCertificates of its namespace.",
    spec: certificateProviderSpec,
    status: providerStatus,
    columns: providerColumns,
  },
  {
    resource: clusterCertificateProviders,
    shortName: 'ccprov',
    description:
      "A ClusterCertificateProvider says where certificates are kept (one account of a cloud's certificate manager), for the ProviderCertificates of the namespaces that it allows.",
    spec: clusterCertificateProviderSpec,
    status: providerStatus,
    columns: providerColumns,
  },
  {
    resource: providerCertificates,
    shortName: 'pcert',
    description:
      "A ProviderCertificate keeps one certificate of a cloud's certificate manager as a correct, current kubernetes.io/tls Secret.",
    spec: providerCertificateSpec,
    status: providerCertificateStatus,
    rules: validations(providerCertificate),
    columns: [
      ready,
      {
        name: 'Expires',
        // A column of type `date` prints <invalid> for every time in the future.
        type: 'string',
        jsonPath: '.status.certificate.notAfter',
        description: 'When the certificate in the Secret ends.',
      },
      { name: 'Secret', type: 'string', jsonPath: '.status.secretName', description: 'The Secret.' },
      { name: 'Status', type: 'string', jsonPath: '.status.message', description: 'What matters most now.' },
      age,
      {
        name: 'Provider',
        type: 'string',
        jsonPath: '.spec.providerRef.name',
        description: 'The provider object.',
        priority: 1,
      },
      {
        name: 'Issuer',
        type: 'string',
        jsonPath: '.status.certificate.issuer',
        description: 'Issuer of the certificate in the Secret.',
        priority: 1,
      },
      {
        name: 'Serial',
        type: 'string',
        jsonPath: '.status.certificate.serialNumber',
        description: 'Serial number of the certificate in the Secret.',
        priority: 1,
      },
    ],
  },
  {
    resource: certificateUploads,
    shortName: 'cupload',
    description:
      "A CertificateUpload keeps a kubernetes.io/tls Secret uploaded to a cloud's certificate manager. Served only by an operator that was started with --enable-uploads.",
    spec: certificateUploadSpec,
    status: certificateUploadStatus,
    columns: [
      ready,
      {
        name: 'Expires',
        type: 'string',
        jsonPath: '.status.remote.notAfter',
        description: 'When the certificate at the provider ends.',
      },
      {
        name: 'Remote',
        type: 'string',
        jsonPath: '.status.remote.name',
        description: 'Name of the certificate at the provider.',
      },
      { name: 'Status', type: 'string', jsonPath: '.status.message', description: 'What matters most now.' },
      age,
      { name: 'Secret', type: 'string', jsonPath: '.spec.secretRef.name', description: 'The Secret.', priority: 1 },
      {
        name: 'Provider',
        type: 'string',
        jsonPath: '.spec.providerRef.name',
        description: 'The provider object.',
        priority: 1,
      },
      {
        name: 'ID',
        type: 'string',
        jsonPath: '.status.remote.id',
        description: "The provider's id of the certificate.",
        priority: 1,
      },
    ],
  },
];

/** The four CustomResourceDefinitions. */
export const customResourceDefinitions = () => kinds.map(definition);

export type CustomResourceDefinition = ReturnType<typeof definition>;

function definition({ resource, shortName, description, spec, status, rules, columns }: Kind) {
  const openAPIV3Schema: SchemaNode = {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: `${apiGroup}/${apiVersion}` },
      kind: { type: 'string', description: resource.kind },
      metadata: { type: 'object' },
      spec: structural(spec),
      status: {
        ...structural(status),
        description: 'What the operator found. Written by the operator only.',
        default: unseen,
      },
    },
    ...(rules && { 'x-kubernetes-validations': rules }),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource.plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      // Written out although they are the defaults: tools that compare manifests with the cluster see no difference.
      conversion: { strategy: 'None' },
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['provider-certificates'],
      },
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name: apiVersion,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema },
          subresources: { status: {} },
        },
      ],
    },
  };
}

/** A zod schema as the API server wants it. */
function structural(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
    override({ jsonSchema }) {
      if (jsonSchema.type !== 'integer') return;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      jsonSchema['format'] = 'int64';
    },
  }) as SchemaNode;
}
