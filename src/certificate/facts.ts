import { createHash } from 'node:crypto';
import type { Certificate } from './certificate.ts';

/** What people want to know about a certificate; as it stands in it, neither cut nor escaped. */
export interface Facts {
  commonName?: string;
  /** dNSName entries of the subject alternative name. */
  dnsNames: string[];
  /** Distinguished name, the most specific attribute first: `CN=…, O=…, C=…`. */
  issuer: string;
  /** Upper-case hex. */
  serialNumber: string;
  /** Upper-case hex with colons. */
  fingerprintSHA256: string;
  /** ms since the epoch. */
  notBefore: number;
  notAfter: number;
  /** `RSA-2048`, `P-256`, `Ed25519`, … */
  keyAlgorithm: string;
  /** Certificates in tls.crt, the leaf included. */
  chainLength: number;
}

export function factsOf(leaf: Certificate, keyAlgorithm: string, chainLength: number): Facts {
  return {
    ...(leaf.commonName === undefined ? {} : { commonName: leaf.commonName }),
    dnsNames: leaf.dnsNames,
    issuer: leaf.issuer,
    serialNumber: leaf.x509.serialNumber,
    fingerprintSHA256: leaf.x509.fingerprint256,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    keyAlgorithm,
    chainLength,
  };
}

/** SHA-256 (hex) over tls.crt and ca.crt, to see whether a Secret was changed. */
export function chainDigest(certificates: string | Uint8Array, ca: string | Uint8Array | undefined): string {
  const hash = createHash('sha256').update(certificates);
  // PEM holds no zero byte, so nothing can move from the one to the other unseen.
  return (ca === undefined ? hash : hash.update('\0').update(ca)).digest('hex');
}
