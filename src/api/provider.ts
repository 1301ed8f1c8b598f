import { z } from 'zod';
import { parseDuration } from './durations.ts';
import {
  certificates,
  dataKey,
  duration,
  labelSelector,
  type LabelSelector,
  namespaceName,
  objectName,
  origin,
  text,
} from './fields.ts';
import { apiGroup, apiVersion, type Metadata } from './group.ts';
import { matching, withRules } from './rule.ts';
import { conditions, message, observedGeneration, time } from './status.ts';

type SecretRefShape = { name: z.ZodString; namespace?: z.ZodString };

/** The fields of a reference to a Secret: with `namespace` on the cluster kind only. */
const localRef = { name: objectName().describe('Name of the Secret, in the namespace of this object.') };
const clusterRef = {
  namespace: namespaceName().describe('Namespace of the Secret.'),
  name: objectName().describe('Name of the Secret.'),
};

const atomic = { 'x-kubernetes-map-type': 'atomic' };

const endpoint = (defaultHost: string): z.ZodExactOptional<z.ZodString> =>
  origin()
    .describe(
      `Origin of the API: scheme, host and optional port, such as https://host:8443. Default: ${defaultHost}. Other hosts must be allowed by the operator's flag --allow-endpoint.`,
    )
    .exactOptional();

function cloudFields<Ref extends SecretRefShape>(ref: Ref) {
  const credentials = (keys: string) =>
    z
      .object(ref)
      .meta(atomic)
      .describe(`The Secret with the credentials, under the keys ${keys}. Changes are picked up without a restart.`);

  const nhn = withRules(
    z.object({
      apiVersion: z
        .enum(['v1.1', 'v1.3'])
        .describe(
          'Version of the NHN API. Default: v1.1, with a User Access Key in each request. v1.3 buys a bearer token with it, and knows certificates by id too.',
        )
        .exactOptional(),
      endpoint: endpoint('https://certmanager.api.nhncloudservice.com, the public zone'),
      tokenEndpoint: origin()
        .describe('Origin that issues the bearer tokens of v1.3. Default: https://oauth.api.nhncloudservice.com.')
        .exactOptional(),
      credentialsSecretRef: credentials('`appKey`, `accessKeyId` and `secretAccessKey`'),
    }),
    {
      cel: "!has(self.tokenEndpoint) || (has(self.apiVersion) && self.apiVersion == 'v1.3')",
      message: 'tokenEndpoint is used with apiVersion v1.3 only',
      check: ({ tokenEndpoint, apiVersion }) => tokenEndpoint === undefined || apiVersion === 'v1.3',
    },
  );

  const scp = withRules(
    z.object({
      region: withRules(
        text(32),
        matching(/^[a-z]{2}-[a-z]+[0-9]{1,2}$/, 'must be a region of Samsung Cloud Platform such as kr-west1'),
      )
        .describe('Region, such as kr-west1. Needed unless `endpoint` is given.')
        .exactOptional(),
      environment: z
        .enum(['s', 'g', 'e'])
        .describe('Offering: s (Samsung), g (Sovereign) or e (Enterprise). Default: e.')
        .exactOptional(),
      apiVersion: z
        .enum(['v1.2', 'v1.1', 'v1.0'])
        .describe('Version of the Certificate Manager API. Default: v1.2; v1.1 and v1.0 are past their end.')
        .exactOptional(),
      endpoint: endpoint('the one of `region` and `environment`'),
      credentialsSecretRef: credentials('`accessKey` and `secretKey`'),
    }),
    {
      cel: 'has(self.region) || has(self.endpoint)',
      message: 'region or endpoint must be set',
      check: ({ region, endpoint }) => region !== undefined || endpoint !== undefined,
    },
  );

  const naver = z.object({
    zone: z.enum(['public', 'gov', 'fin']).describe('Zone of NAVER Cloud Platform. Default: public.').exactOptional(),
    apiVersion: z
      .enum(['v1', 'v2'])
      .describe(
        "Version of the Certificate Manager API. Default: v1, which gives metadata only. v2 also gives the chain; it refuses the keys of sub accounts, so it needs the main account's key.",
      )
      .exactOptional(),
    endpoint: endpoint('the one of `zone`'),
    credentialsSecretRef: credentials('`accessKey` and `secretKey`'),
  });

  return {
    nhn: nhn.describe('NHN Cloud Certificate Manager.').exactOptional(),
    scp: scp.describe('Samsung Cloud Platform (v2) Certificate Manager.').exactOptional(),
    naver: naver.describe('NAVER Cloud Platform Certificate Manager.').exactOptional(),
  };
}

function specFields<Ref extends SecretRefShape>(ref: Ref) {
  return {
    ...cloudFields(ref),
    pollInterval: duration({
      cel: "duration(self) >= duration('10s')",
      message: 'must be a duration of at least 10s, such as 30s, 5m or 1h30m',
      check: (ms) => ms >= 10_000,
    })
      .describe(
        'How often the list of certificates is fetched: one call for all certificates of the account. Default: 5m; at least 10s.',
      )
      .exactOptional(),
    limits: z
      .object({
        requestsPerMinute: z
          .int()
          .min(1)
          .max(60_000)
          .describe(
            "Most requests per minute; a burst of at most 5 seconds' worth is let through. Default: no such cap.",
          )
          .exactOptional(),
        inFlight: z.int().min(1).max(256).describe('Most requests at the same time. Default: 64.').exactOptional(),
      })
      .describe('Caps on the requests of the account, on top of the limit that adapts to the provider by itself.')
      .exactOptional(),
    caBundle: certificates()
      .describe('PEM certificates to trust besides the public authorities, for a private endpoint.')
      .exactOptional(),
    caBundleRef: z
      .object({ ...ref, key: dataKey().describe('Key of the Secret that holds the PEM certificates.') })
      .meta(atomic)
      .describe('The same as `caBundle`, from a Secret.')
      .exactOptional(),
  };
}

interface Choices {
  nhn?: unknown;
  scp?: unknown;
  naver?: unknown;
  caBundle?: unknown;
  caBundleRef?: unknown;
}

const oneCloud = {
  cel: '[has(self.nhn), has(self.scp), has(self.naver)].exists_one(given, given)',
  message: 'exactly one of nhn, scp and naver must be set',
  check: ({ nhn, scp, naver }: Choices) => [nhn, scp, naver].filter((cloud) => cloud !== undefined).length === 1,
};

const oneBundle = {
  cel: '!(has(self.caBundle) && has(self.caBundleRef))',
  message: 'caBundle and caBundleRef must not both be set',
  check: ({ caBundle, caBundleRef }: Choices) => caBundle === undefined || caBundleRef === undefined,
};

const allowedNamespaces = withRules(
  z.object({
    from: z.enum(['All', 'Selector', 'None']).describe('`All` namespaces, those that `selector` matches, or `None`.'),
    selector: labelSelector
      .describe('Selects namespaces by their labels. Needed with `from: Selector`, and only there.')
      .exactOptional(),
  }),
  {
    cel: "(self.from == 'Selector') == has(self.selector)",
    message: 'selector must be set with from: Selector, and only there',
    check: ({ from, selector }) => (from === 'Selector') === (selector !== undefined),
  },
);

export const certificateProviderSpec = withRules(z.object(specFields(localRef)), oneCloud, oneBundle).describe(
  'Where the certificates are, and how to ask for them.',
);

export const clusterCertificateProviderSpec = withRules(
  z.object({
    ...specFields(clusterRef),
    allowedNamespaces: allowedNamespaces.describe(
      'The namespaces whose ProviderCertificates may use this provider. Consent is checked before each download and each write.',
    ),
    allowedCertificates: z
      .array(text(253))
      .min(1)
      .max(64)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'Globs on the name of a certificate at the provider, where * stands for any characters: only certificates that one of them matches may be used. Default: all of the account.',
      )
      .exactOptional(),
  }),
  oneCloud,
  oneBundle,
).describe('Where the certificates are, how to ask for them, and who may use them.');

export const providerStatus = z.object({
  observedGeneration: observedGeneration.optional(),
  type: z.enum(['NHN', 'SCP', 'NAVER']).describe('The cloud that the spec names.').optional(),
  conditions: conditions
    .describe('`Ready`: the last list of certificates was complete. The reason says what is wrong otherwise.')
    .optional(),
  message: message.optional(),
  certificates: z.int().min(0).describe('How many certificates the account holds.').optional(),
  lastCheckTime: time().describe('When the list was last fetched. Written at most every 10 minutes.').optional(),
});

export type CertificateProviderSpec = z.infer<typeof certificateProviderSpec>;
type ClusterCertificateProviderSpec = z.infer<typeof clusterCertificateProviderSpec>;
export type ProviderStatus = z.infer<typeof providerStatus>;

interface ProviderObject<Kind extends string, Spec> {
  apiVersion: `${typeof apiGroup}/${typeof apiVersion}`;
  kind: Kind;
  metadata: Metadata;
  spec: Spec;
  status?: ProviderStatus;
}
export type CertificateProvider = ProviderObject<'CertificateProvider', CertificateProviderSpec>;
export type ClusterCertificateProvider = ProviderObject<'ClusterCertificateProvider', ClusterCertificateProviderSpec>;
export type ProviderKind = (CertificateProvider | ClusterCertificateProvider)['kind'];

/** A reference to a Secret with nothing left to look up. */
interface SecretRef {
  namespace: string;
  name: string;
}

/** What a provider object asks for, with every default filled in that does not depend on the cloud's own hosts. */
export interface ProviderSettings {
  type: 'NHN' | 'SCP' | 'NAVER';
  /** Exactly one of these. */
  nhn?: { apiVersion: 'v1.1' | 'v1.3'; endpoint?: string; tokenEndpoint?: string };
  scp?: { apiVersion: 'v1.2' | 'v1.1' | 'v1.0'; environment: 's' | 'g' | 'e'; region?: string; endpoint?: string };
  naver?: { apiVersion: 'v1' | 'v2'; zone: 'public' | 'gov' | 'fin'; endpoint?: string };
  credentialsSecretRef: SecretRef;
  caBundle?: string;
  caBundleRef?: SecretRef & { key: string };
  pollIntervalMs: number;
  requestsPerMinute?: number;
  inFlight: number;
  /** Cluster providers only: who may use it. Namespaced ones serve their own namespace. */
  consent?: { from: 'All' | 'None' } | { from: 'Selector'; selector: LabelSelector };
  /** Globs on remote names; absent: every certificate. */
  allowedCertificates?: readonly string[];
}

/** The settings of a provider object that was parsed. */
export function resolveProvider(provider: CertificateProvider | ClusterCertificateProvider): ProviderSettings {
  const { spec } = provider;
  const own = provider.metadata.namespace;
  const place = <R extends { name: string; namespace?: string }>(ref: R): R & SecretRef => ({
    ...ref,
    namespace: ref.namespace ?? own ?? '',
  });
  return {
    ...resolveCloud(spec),
    credentialsSecretRef: place((spec.nhn ?? spec.scp ?? spec.naver)!.credentialsSecretRef),
    ...(spec.caBundle !== undefined && { caBundle: spec.caBundle }),
    ...(spec.caBundleRef && { caBundleRef: place(spec.caBundleRef) }),
    pollIntervalMs: parseDuration(spec.pollInterval ?? '5m'),
    ...(spec.limits?.requestsPerMinute !== undefined && { requestsPerMinute: spec.limits.requestsPerMinute }),
    inFlight: spec.limits?.inFlight ?? 64,
    ...('allowedNamespaces' in spec && resolveConsent(spec)),
  };
}

function resolveCloud({ nhn, scp, naver }: CertificateProviderSpec | ClusterCertificateProviderSpec) {
  if (nhn) {
    const { credentialsSecretRef: _, ...rest } = nhn;
    return { type: 'NHN', nhn: { apiVersion: 'v1.1', ...rest } } as const;
  }
  if (scp) {
    const { credentialsSecretRef: _, ...rest } = scp;
    return { type: 'SCP', scp: { apiVersion: 'v1.2', environment: 'e', ...rest } } as const;
  }
  const { credentialsSecretRef: _, ...rest } = naver!;
  return { type: 'NAVER', naver: { apiVersion: 'v1', zone: 'public', ...rest } } as const;
}

function resolveConsent({
  allowedNamespaces: { from, selector },
  allowedCertificates,
}: ClusterCertificateProviderSpec) {
  return {
    consent: from === 'Selector' ? { from, selector: selector! } : { from },
    ...(allowedCertificates && { allowedCertificates }),
  };
}
