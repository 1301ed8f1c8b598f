import { ProviderError } from './errors.ts';
import type { HttpAnswer } from './http.ts';

const byteOrderMark = Buffer.from('\ufeff');

/** The JSON value of a body; undefined for what is not JSON in UTF-8. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The first character after a byte order mark and white space, when it is ASCII. Makes no string of what may be a key. */
export function firstCharacter(body: Buffer): string {
  let at = body.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  while ([0x20, 0x09, 0x0d, 0x0a].includes(body[at] ?? 0)) at++;
  return String.fromCharCode(body[at] ?? 0);
}

/** An answer that cannot be understood. */
export function invalidAnswer(message: string, answer?: Pick<HttpAnswer, 'requestId'>): ProviderError {
  return new ProviderError({ reason: 'InvalidResponse', message, requestId: answer?.requestId });
}
