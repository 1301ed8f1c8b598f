import { ProviderError } from './errors.ts';

/** Of a pair and its chain together: what the gate takes at most, and far more than any cloud does. */
const mostBytes = 512 * 1024;

/**
 * A JSON object as the body of a request. Buffers among its fields become texts without ever being strings, which could not
 * be zeroed: one may hold a private key. What is undefined is left out.
 *
 * @param encode what goes between the quotation marks for a buffer: a buffer of its own, which is zeroed here
 * @returns a buffer to be zeroed after use
 * @throws ProviderError (InvalidRequest) when the buffers together are larger than 512 KiB
 */
export function jsonBody(fields: Readonly<Record<string, unknown>>, encode: (bytes: Buffer) => Buffer): Buffer {
  const size = Object.values(fields).reduce<number>(
    (sum, value) => sum + (Buffer.isBuffer(value) ? value.length : 0),
    0,
  );
  if (size > mostBytes) {
    const message = `What is to be uploaded is larger than ${mostBytes / 1024} KiB.`;
    throw new ProviderError({ reason: 'InvalidRequest', message });
  }
  const pieces: Buffer[] = [];
  try {
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      pieces.push(Buffer.from(`${pieces.length === 0 ? '{' : ','}${JSON.stringify(name)}:`));
      if (Buffer.isBuffer(value)) pieces.push(Buffer.from('"'), encode(value), Buffer.from('"'));
      else pieces.push(Buffer.from(JSON.stringify(value)));
    }
    return Buffer.concat([...pieces, Buffer.from('}')]);
  } finally {
    for (const piece of pieces) piece.fill(0);
  }
}

const base64Alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

/** Base64 on one line, with padding. */
export function base64(bytes: Buffer): Buffer {
  const text = Buffer.alloc(Math.ceil(bytes.length / 3) * 4, '=');
  let at = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const left = bytes.length - from;
    const three = ((bytes[from] ?? 0) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    for (let digit = 0; digit <= Math.min(left, 3); digit++)
      text[at + digit] = base64Alphabet[(three >> (18 - 6 * digit)) & 63] ?? 0;
    at += 4;
  }
  return text;
}

/** What JSON has other signs for, among the characters that PEM and text around it are made of. */
const escapes: ReadonlyMap<number, number> = new Map(
  [
    ['\n', 'n'],
    ['\r', 'r'],
    ['\t', 't'],
    ['"', '"'],
    ['\\', '\\'],
  ].map(([character = '', letter = '']) => [character.charCodeAt(0), letter.charCodeAt(0)]),
);

/**
 * PEM as what stands between the quotation marks of a JSON text.
 *
 * @throws ProviderError (InvalidRequest) for what is not ASCII, which no PEM needs
 */
export function escapedPem(pem: Buffer): Buffer {
  const text = Buffer.alloc(pem.length * 2);
  let length = 0;
  for (const byte of pem) {
    const letter = escapes.get(byte);
    if (letter === undefined && (byte < 0x20 || byte > 0x7e)) {
      text.fill(0);
      throw new ProviderError({ reason: 'InvalidRequest', message: 'What is to be uploaded is not PEM.' });
    }
    if (letter !== undefined) text[length++] = backslash;
    text[length++] = letter ?? byte;
  }
  return text.subarray(0, length);
}

const backslash = '\\'.charCodeAt(0);
