/** What a field that holds PEM looks like in an answer. */
export type Form = (pem: string) => string | null;

const base64 = (pem: string): string => Buffer.from(pem).toString('base64');

/**
 * Forms of `cert_body`, `cert_chain` and `private_key` in a detail. Clients send Base64 of the whole PEM on one line; what
 * comes back was never published (providers.md 1.5), so a client has to take them all, the last four as no value.
 */
export const forms = {
  base64,
  wrapped: (pem) => base64(pem).replaceAll(/.{76}/g, '$&\r\n'),
  urlSafe: (pem) => base64(pem).replaceAll('+', '-').replaceAll('/', '_'),
  unpadded: (pem) => base64(pem).replaceAll('=', ''),
  raw: (pem) => pem,
  literal: (pem) => pem.replaceAll('\n', String.raw`\n`),
  none: () => null,
  blank: () => '',
  nullText: () => 'null',
  masked: () => '****',
} satisfies Record<string, Form>;
