import { manifests } from '../../sandbox/examples.ts';
import type { ApiObject } from '../../sandbox/control-plane/api.ts';
import { clusterRules } from '../../sandbox/rbac.ts';
import { apiGroup, apiVersion } from '../../src/api/group.ts';
import { entryPoint } from '../support/image.ts';
import type { Place, Program, Subject, Wanted } from './subject.ts';

const ours = `${apiGroup}/${apiVersion}`;

interface OurOptions {
  /** The built operator. */
  file: string;
  /** As the flag; absent: the default. */
  concurrency: number | undefined;
  /** `spec.limits.inFlight`; absent: the default. */
  inFlight: number | undefined;
  /** Folder for CPU profiles. */
  profile: string | undefined;
}

/** This operator, run as in a cluster: the built file as in the image, for all namespaces, with the rights it needs and no others. */
export class Ours implements Subject {
  readonly name = 'provider-certificates';
  readonly rules = clusterRules;
  readonly #o: OurOptions;

  constructor(o: OurOptions) {
    this.#o = o;
  }

  definitions(): Promise<ApiObject[]> {
    return manifests('crds');
  }

  program({ kubeconfig, port, home }: { kubeconfig: string; port: number; home: string }): Program {
    const { file, concurrency, profile } = this.#o;
    const { flags, env } = entryPoint;
    return {
      file: process.execPath,
      args: [
        ...flags,
        ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
        file,
        `--kubeconfig=${kubeconfig}`,
        `--listen-address=127.0.0.1:${port}`,
        '--allow-endpoint=127.0.0.1',
        ...(concurrency === undefined ? [] : [`--concurrency=${concurrency}`]),
      ],
      env: { PATH: process.env['PATH'], HOME: home, ...env },
    };
  }

  setup({ namespace, provider, pollInterval, clusterWide }: Place): ApiObject[] {
    const { url, ...stringData } = provider;
    const { inFlight } = this.#o;
    const credentials = { name: 'nhn-credentials', ...(clusterWide && { namespace }) };
    return [
      { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: credentials.name }, stringData },
      {
        apiVersion: ours,
        kind: kindOf(clusterWide),
        metadata: { name: 'nhn', ...(!clusterWide && { namespace }) },
        spec: {
          nhn: { endpoint: url, credentialsSecretRef: credentials },
          pollInterval,
          ...(inFlight !== undefined && { limits: { inFlight } }),
          ...(clusterWide && { allowedNamespaces: { from: 'All' } }),
        },
      },
    ];
  }

  inUse(setup: ApiObject[]): boolean {
    return setup.every((object) => object.kind === 'Secret' || this.isReady(object));
  }

  certificate({ namespace, name, remote }: Wanted, { clusterWide }: Place): ApiObject {
    return {
      apiVersion: ours,
      kind: 'ProviderCertificate',
      metadata: { namespace, name },
      spec: { providerRef: { name: 'nhn', kind: kindOf(clusterWide) }, remoteRef: { name: remote } },
    };
  }

  isReady({ status }: ApiObject): boolean {
    const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
    return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  }
}

function kindOf(clusterWide: boolean): string {
  return clusterWide ? 'ClusterCertificateProvider' : 'CertificateProvider';
}
