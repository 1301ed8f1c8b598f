import { certificateProviders, clusterCertificateProviders } from '../api/group.ts';
import type { RawObject } from '../api/parse.ts';
import type { ProviderKind, ProviderSettings } from '../api/provider.ts';
import { type KubeObject, objectKey, type Secret, secrets } from '../kube/objects.ts';
import { type CredentialKey, type Credentials, readCredentials } from '../providers/credentials.ts';
import type { Provider } from '../providers/provider.ts';
import { type Cluster, explained, objectNames } from './cluster.ts';
import { Failure } from './failure.ts';
import { readObjects } from './input.ts';
import type { Shell } from './shell.ts';

/** Where certificates are, and what lets one in there. */
export interface Source {
  /** For messages: `CertificateProvider nhn`. */
  title: string;
  ref: { kind: ProviderKind; name: string };
  settings: ProviderSettings;
  provider: Provider;
  credentials: Credentials;
  /** PEM of an extra certificate authority. */
  ca?: string;
  /** Origins that whoever runs the command has written down, so that they may be contacted. */
  vouchedFor: readonly string[];
}

/** The data of a Secret, in Base64. */
type Data = Readonly<Record<string, string | undefined>>;

/** Finds what a provider object refers to. Throws Failure. */
interface Surroundings {
  credentials(keys: readonly CredentialKey[], ref: ProviderSettings['credentialsSecretRef']): Promise<Data>;
  secret(ref: { namespace: string; name: string }): Promise<Data>;
}

const kinds: Readonly<Record<string, ProviderKind>> = {
  certificateprovider: 'CertificateProvider',
  certificateproviders: 'CertificateProvider',
  cprov: 'CertificateProvider',
  clustercertificateprovider: 'ClusterCertificateProvider',
  clustercertificateproviders: 'ClusterCertificateProvider',
  ccprov: 'ClusterCertificateProvider',
};

/** Reads `NAME` or, as kubectl has it, `KIND/NAME`. */
export function providerReference(text: string): Source['ref'] {
  const [, kind = 'cprov', name = ''] = /^(?:([A-Za-z]+)\/)?([^/]+)$/.exec(text) ?? [];
  const known = kinds[kind.toLowerCase()];
  if (known === undefined || name === '')
    throw new Failure(`--provider must be NAME, cprov/NAME or ccprov/NAME, not ${JSON.stringify(text)}`);
  objectNames([name]);
  return { kind: known, name };
}

/** A provider object of the cluster with its credentials, which its user must be allowed to read. */
export async function sourceInCluster(
  { client, namespace }: Pick<Cluster, 'client' | 'namespace'>,
  { kind, name }: Source['ref'],
  signal: AbortSignal,
): Promise<Source> {
  const own = kind === 'CertificateProvider';
  const resource = own ? certificateProviders : clusterCertificateProviders;
  const object = await client
    .get<KubeObject>(resource, { namespace: own ? namespace : undefined, name }, { signal })
    .catch((error: unknown) => {
      throw explained(error, `${kind} ${name}${own ? ` in namespace ${namespace}` : ''}`);
    });
  const secret = async (ref: { namespace: string; name: string }): Promise<Data> => {
    const found = await client.get<Secret>(secrets, ref, { signal }).catch((error: unknown) => {
      throw explained(error, `Secret ${objectKey(ref)}, which ${kind} ${name} names`);
    });
    return found.data ?? {};
  };
  const source = await complete(object, kind, { secret, credentials: (_, ref) => secret(ref) });
  return { ...source, vouchedFor: [] };
}

/**
 * A provider object in files, with its credentials in a Secret beside it or in the environment, which goes first. No
 * cluster is asked.
 */
export async function sourceInFiles(paths: readonly string[], shell: Pick<Shell, 'env' | 'input'>): Promise<Source> {
  const objects: Partial<KubeObject>[] = [];
  for (const path of paths) objects.push(...(await readObjects(path, shell)));
  const files = paths.join(' and ');
  const found = objects.filter(({ kind = '' }) => kinds[kind.toLowerCase()] === kind);
  const [object] = found;
  if (object === undefined || found.length > 1)
    throw new Failure(`${files} must hold one CertificateProvider or ClusterCertificateProvider, not ${found.length}.`);
  const dataOf = (name: string): Data | undefined => {
    const secret = objects.find(({ kind, metadata }) => kind === 'Secret' && metadata?.name === name);
    return secret && secretData(secret as { data?: unknown; stringData?: unknown });
  };
  const source = await complete(object, object.kind as ProviderKind, {
    async credentials(keys, { name }) {
      const data = { ...dataOf(name), ...fromEnvironment(keys, shell.env) };
      const missing = keys.find((key) => data[key.name] === undefined)?.name;
      if (missing === undefined) return data;
      throw new Failure(
        `There is no ${missing}: set ${variableOf(missing)}, or put the Secret ${name} with it into ${files}.`,
      );
    },
    async secret({ name }) {
      const data = dataOf(name);
      if (data === undefined) throw new Failure(`There is no Secret ${name} in ${files}.`);
      return data;
    },
  });
  return { ...source, vouchedFor: source.provider.endpoints(source.settings) };
}

async function complete(
  object: Partial<KubeObject>,
  kind: ProviderKind,
  surroundings: Surroundings,
): Promise<Omit<Source, 'vouchedFor'>> {
  const [{ parseCertificateProvider, parseClusterCertificateProvider }, { resolveProvider }, { providerFor }] =
    await Promise.all([import('../api/parse.ts'), import('../api/provider.ts'), import('../providers/registry.ts')]);
  const name = object.metadata?.name ?? '';
  const title = `${kind} ${name}`.trim();
  const parse = kind === 'CertificateProvider' ? parseCertificateProvider : parseClusterCertificateProvider;
  const parsed = parse({ metadata: {}, ...object } as RawObject);
  if ('message' in parsed) throw new Failure(`${title} is not valid: ${parsed.message}.`);
  const settings = resolveProvider(parsed.value);
  const provider = providerFor(settings);
  const keys = provider.credentialKeys(settings);
  const { credentialsSecretRef } = settings;
  const read = readCredentials(
    keys,
    await surroundings.credentials(keys, credentialsSecretRef),
    `Secret ${objectKey(credentialsSecretRef)}`,
  );
  if ('message' in read) throw new Failure(`${title}: ${read.message}`);
  const ca = await caOf(settings, surroundings);
  return {
    title,
    ref: { kind, name },
    settings,
    provider,
    credentials: read.credentials,
    ...(ca !== undefined && { ca }),
  };
}

async function caOf(
  { caBundle, caBundleRef }: ProviderSettings,
  { secret }: Surroundings,
): Promise<string | undefined> {
  if (caBundleRef === undefined) return caBundle;
  const pem = Buffer.from((await secret(caBundleRef))[caBundleRef.key] ?? '', 'base64').toString('utf8');
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new Failure(`The Secret ${caBundleRef.name} holds no certificates under the key ${caBundleRef.key}.`);
}

/** `PCERT_SECRET_ACCESS_KEY` for `secretAccessKey`. */
function variableOf(key: string): string {
  return `PCERT_${key.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`;
}

function fromEnvironment(keys: readonly CredentialKey[], env: Shell['env']): Data {
  const given = keys.flatMap(({ name }) => {
    const value = env[variableOf(name)];
    return value === undefined || value === '' ? [] : [[name, Buffer.from(value).toString('base64')]];
  });
  return Object.fromEntries(given) as Data;
}

/** `data` and `stringData` of a Secret in a file. */
function secretData({ data, stringData }: { data?: unknown; stringData?: unknown }): Data {
  const texts = (values: unknown): [string, string][] =>
    Object.entries(values ?? {}).map(([key, value]) => [key, String(value)]);
  return Object.fromEntries([
    ...texts(data),
    ...texts(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ]);
}
