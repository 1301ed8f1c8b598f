import { decodeBase64 } from './base64.ts';

/** What a part turned out to be: text with PEM blocks, one DER object, nothing at all, or something else. */
export type Decoded =
  | { kind: 'pem'; bytes: Buffer }
  | { kind: 'der'; bytes: Buffer }
  | { kind: 'absent' }
  | { kind: 'unknown' };

/**
 * Decodes one part of a bundle. Providers were seen to give PEM as it is, PEM with literal `\n` (escaped twice), and
 * Base64 of PEM or DER in any dialect; and, for a value they do not have, nothing, `null`, asterisks or a
 * `<placeholder>`.
 * @param copies collects the buffers made on the way; they may hold a key, and the caller wipes them.
 */
export function decodePart(part: Uint8Array, copies: Buffer[]): Decoded {
  const raw = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  if (isAbsent(raw)) return { kind: 'absent' };
  const plain = decodeText(raw, copies);
  if (plain !== undefined) return plain;
  const inner = decodeBase64(withoutMark(withoutLiteralBreaks(raw, copies)), true);
  if (inner === undefined) return { kind: 'unknown' };
  copies.push(inner);
  return decodeText(inner, copies) ?? { kind: 'unknown' };
}

function decodeText(bytes: Buffer, copies: Buffer[]): Decoded | undefined {
  if (bytes.includes('-----BEGIN ')) return { kind: 'pem', bytes: withoutLiteralBreaks(bytes, copies) };
  const sequence = 0x30;
  return bytes[0] === sequence ? { kind: 'der', bytes } : undefined;
}

function isAbsent(raw: Buffer): boolean {
  if (raw.length > 256) return raw.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
  const value = withoutMark(raw).toString('latin1').trim();
  return /^(["']?)(?:null|\**|<[^<>]*>)\1$/i.test(value);
}

function withoutMark(text: Buffer): Buffer {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text;
}

/** Turns `\r` and `\n` that are written as two characters into real ones. Neither occurs inside Base64 or armour. */
function withoutLiteralBreaks(text: Buffer, copies: Buffer[]): Buffer {
  const backslash = 0x5c;
  if (!text.includes(backslash)) return text;
  const result = Buffer.alloc(text.length);
  copies.push(result);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const following = text[at + 1];
    if (text[at] === backslash && (following === 0x6e || following === 0x72)) {
      result[length++] = following === 0x6e ? 0x0a : 0x0d;
      at += 1;
    } else {
      result[length++] = text[at] ?? 0;
    }
  }
  return result.subarray(0, length);
}
