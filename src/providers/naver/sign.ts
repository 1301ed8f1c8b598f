import { createHmac } from 'node:crypto';

/**
 * The headers that let a request to NAVER Cloud Platform in: an HMAC-SHA256 over method and path, time and access key, one
 * line each; in Base64 (providers.md 2.2).
 *
 * @param path with the query, exactly as it is sent
 * @param now milliseconds since the epoch; five minutes off, and the gateway refuses it
 */
export function signed(
  { accessKey = '', secretKey = '' }: Readonly<Record<string, string>>,
  { method, path, now }: { method: string; path: string; now: number },
): Record<string, string> {
  const timestamp = String(now);
  const signature = createHmac('sha256', secretKey)
    .update(`${method} ${path}\n${timestamp}\n${accessKey}`)
    .digest('base64');
  return {
    'x-ncp-apigw-timestamp': timestamp,
    'x-ncp-iam-access-key': accessKey,
    'x-ncp-apigw-signature-v2': signature,
  };
}
