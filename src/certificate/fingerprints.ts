import { readBundle } from './bundle.ts';

/**
 * The SHA-256 fingerprints (upper-case hex with colons) of all certificates in what a provider gave; none when it gave
 * nothing that can be read. Never throws.
 */
export function fingerprintsOf(parts: readonly Uint8Array[]): string[] {
  const copies: Buffer[] = [];
  try {
    return readBundle(parts, 'The bundle', copies).certificates.map(({ x509 }) => x509.fingerprint256);
  } catch {
    return [];
  } finally {
    for (const copy of copies) copy.fill(0);
  }
}
