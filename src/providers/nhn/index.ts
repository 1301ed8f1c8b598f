import type { Provider } from '../provider.ts';
import { NhnClient } from './client.ts';

const publicHost = 'certmanager.api.nhncloudservice.com';
const builtInHosts: ReadonlySet<string> = new Set([publicHost, 'certmanager.api.gov-nhncloudservice.com']);

/** NHN Cloud Certificate Manager, API v1.1. */
export const nhn: Provider = {
  type: 'NHN',
  handles: ({ nhn }) => nhn !== undefined && (nhn.apiVersion ?? 'v1.1') === 'v1.1',
  isBuiltIn: (hostname) => builtInHosts.has(hostname),
  endpoint: ({ nhn }) => nhn?.endpoint?.replace(/\/$/, '') ?? `https://${publicHost}`,
  apiVersion: ({ nhn }) => nhn?.apiVersion ?? 'v1.1',
  credentialKeys: () => [
    { name: 'appKey', pattern: /^[A-Za-z0-9_-]+$/, alphabet: 'letters, digits, _ and -' },
    { name: 'accessKeyId' },
    { name: 'secretAccessKey' },
  ],
  selectors: () => ['name'],
  connect: ({ spec, credentials, http }) => new NhnClient({ endpoint: nhn.endpoint(spec), credentials, http }),
};
