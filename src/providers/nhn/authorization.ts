import type { Credentials } from '../credentials.ts';
import type { Call } from '../provider.ts';

/** What lets requests to NHN Cloud in. */
export interface Authorization {
  /** The headers for the next request. Throws ProviderError, or the reason of the signal. */
  headers(call: Call): Promise<Record<string, string>>;
  /** These headers were not accepted. @returns whether there may be others next time */
  refuse(headers: Record<string, string>): boolean;
}

/** v1.1: the User Access Key itself (NHN API v1.1 guide, "Common Request Headers"). */
export function accessKey({ accessKeyId = '', secretAccessKey = '' }: Credentials): Authorization {
  const headers = { 'x-tc-authentication-id': accessKeyId, 'x-tc-authentication-secret': secretAccessKey };
  return { headers: async () => headers, refuse: () => false };
}
