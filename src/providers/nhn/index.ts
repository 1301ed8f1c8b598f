import type { Provider, ProviderSpec } from '../provider.ts';
import { accessKey } from './authorization.ts';
import { NhnClient } from './client.ts';
import { BearerToken } from './token.ts';

const publicHost = 'certmanager.api.nhncloudservice.com';
const publicTokenHost = 'oauth.api.nhncloudservice.com';
const builtInHosts: ReadonlySet<string> = new Set([
  publicHost,
  publicTokenHost,
  'certmanager.api.gov-nhncloudservice.com',
  'oauth.api.gov-nhncloudservice.com',
]);

const version = ({ nhn }: ProviderSpec): 'v1.1' | 'v1.3' => nhn?.apiVersion ?? 'v1.1';
const origin = (given: string | undefined, host: string): string => given?.replace(/\/$/, '') ?? `https://${host}`;

/** NHN Cloud Certificate Manager, API v1.1 and v1.3. */
export const nhn: Provider = {
  type: 'NHN',
  handles: ({ nhn }) => nhn !== undefined,
  isBuiltIn: (hostname) => builtInHosts.has(hostname),
  endpoints: (spec) => {
    const endpoint = origin(spec.nhn?.endpoint, publicHost);
    return version(spec) === 'v1.3' ? [endpoint, origin(spec.nhn?.tokenEndpoint, publicTokenHost)] : [endpoint];
  },
  apiVersion: version,
  credentialKeys: () => [
    { name: 'appKey', pattern: /^[A-Za-z0-9_-]+$/, alphabet: 'letters, digits, _ and -' },
    { name: 'accessKeyId' },
    { name: 'secretAccessKey' },
  ],
  selectors: (spec) => (version(spec) === 'v1.3' ? ['name', 'id'] : ['name']),
  connect: ({ spec, credentials, http, clock }) => {
    const [endpoint, tokenEndpoint] = nhn.endpoints(spec);
    return new NhnClient({
      endpoint,
      version: version(spec),
      appKey: credentials['appKey'] ?? '',
      authorization:
        tokenEndpoint === undefined
          ? accessKey(credentials)
          : new BearerToken({ endpoint: tokenEndpoint, credentials, http, clock }),
      http,
    });
  },
};
