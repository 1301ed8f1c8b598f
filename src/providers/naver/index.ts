import type { Connection, Provider, ProviderSpec } from '../provider.ts';
import { NaverApi } from './api.ts';
import { NaverClient } from './client.ts';
import { NaverManager } from './manager.ts';

/** Of `fin` only the pattern is known (providers.md 2.1). */
const hosts = {
  public: 'certificatemanager.apigw.ntruss.com',
  gov: 'certificatemanager.apigw.gov-ntruss.com',
  fin: 'certificatemanager.apigw.fin-ntruss.com',
} as const;

const version = ({ naver }: ProviderSpec): 'v1' | 'v2' => naver?.apiVersion ?? 'v1';

/** NAVER Cloud Platform Certificate Manager, API v1 and v2. */
export const naver: Provider = {
  type: 'NAVER',
  handles: ({ naver }) => naver !== undefined,
  isBuiltIn: (hostname) => Object.values<string>(hosts).includes(hostname),
  endpoints: ({ naver }) => [naver?.endpoint?.replace(/\/$/, '') ?? `https://${hosts[naver?.zone ?? 'public']}`],
  apiVersion: version,
  credentialKeys: () => [{ name: 'accessKey' }, { name: 'secretKey' }],
  selectors: () => ['name', 'id', 'commonName'],
  connect: (o) => new NaverClient(apiOf(o)),
  manage: (o) => new NaverManager(apiOf(o)),
};

function apiOf({ spec, credentials, http, clock }: Connection): NaverApi {
  return new NaverApi({ endpoint: naver.endpoints(spec)[0], version: version(spec), credentials, http, clock });
}
