import { createHmac } from 'node:crypto';

/** The only client type that was ever seen (providers.md 1.2). */
const clientType = 'Openapi';

/**
 * The headers that let a request to Samsung Cloud Platform in: an HMAC-SHA256 over method, whole URL, time, access key and
 * client type, with nothing between them; in Base64.
 *
 * @param url exactly as it is sent, the query included
 * @param now milliseconds since the epoch; a request that is repeated needs a new one
 */
export function signed(
  { accessKey = '', secretKey = '' }: Readonly<Record<string, string>>,
  { method, url, now }: { method: string; url: string; now: number },
): Record<string, string> {
  const timestamp = String(now);
  const signature = createHmac('sha256', secretKey)
    .update(method + url + timestamp + accessKey + clientType)
    .digest('base64');
  return {
    'scp-accesskey': accessKey,
    'scp-signature': signature,
    'scp-timestamp': timestamp,
    'scp-clienttype': clientType,
  };
}
