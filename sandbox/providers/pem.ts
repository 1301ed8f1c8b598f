import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** The first certificate of a text. */
export function certificateIn(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

/** Whether a text holds certificates and no other blocks. */
export function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [];
  return blocks.length > 0 && blocks.every(certificateIn);
}

/** The private key in a text, when it is not encrypted. */
export function keyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}
