import type { Connection, Provider, ProviderSpec } from '../provider.ts';
import { ScpApi } from './api.ts';
import { ScpClient } from './client.ts';
import { ScpManager } from './manager.ts';

const hosts = /^certificatemanager\.[a-z]{2}-[a-z]+[0-9]{1,2}\.[sge]\.samsungsdscloud\.com$/;

const version = ({ scp }: ProviderSpec): 'v1.2' | 'v1.1' | 'v1.0' => scp?.apiVersion ?? 'v1.2';

/** When the two older versions ended (SCP API guide 1.2, "Version"). */
const ends = { 'v1.1': '2026-08-31', 'v1.0': '2026-05-31' } as const;

/** Samsung Cloud Platform (v2) Certificate Manager, API v1.2, v1.1 and v1.0. */
export const scp: Provider = {
  type: 'SCP',
  handles: ({ scp }) => scp !== undefined,
  isBuiltIn: (hostname) => hosts.test(hostname),
  endpoints: ({ scp }) => [
    scp?.endpoint?.replace(/\/$/, '') ??
      `https://certificatemanager.${scp?.region}.${scp?.environment ?? 'e'}.samsungsdscloud.com`,
  ],
  apiVersion: version,
  deprecation: (spec) => {
    const used = version(spec);
    return used === 'v1.2'
      ? undefined
      : `API ${used} of Samsung Cloud Platform was supported until ${ends[used]}. Remove apiVersion to use v1.2.`;
  },
  credentialKeys: () => [{ name: 'accessKey' }, { name: 'secretKey' }],
  selectors: () => ['name', 'id', 'commonName'],
  connect: (o) => new ScpClient(apiOf(o)),
  manage: (o) => new ScpManager(apiOf(o), o.spec.scp?.region),
};

function apiOf({ spec, credentials, http, clock }: Connection): ScpApi {
  return new ScpApi({ endpoint: scp.endpoints(spec)[0], version: version(spec).slice(1), credentials, http, clock });
}
