import type { Facts } from './facts.ts';

/** Why a bundle is refused. */
export type GateReason =
  | 'PrivateKeyMissing'
  | 'PrivateKeyEncrypted'
  | 'UnsupportedKey'
  | 'MalformedBundle'
  | 'KeyMismatch'
  | 'NamesNotCovered'
  | 'OlderThanCurrent'
  | 'IncompleteChain'
  | 'CertificateExpired'
  | 'CertificateNotYetValid'
  | 'CertificateUnavailable';

/** Something worth an event, although the pair is good. */
export interface Finding {
  reason: 'CertificatesLeftOut' | 'IncompleteChain' | 'NoSubjectAltName' | 'LimitedClientSupport';
  message: string;
}

/** Certificate and key that belong together, as they go into a Secret. */
export interface Pair {
  /** tls.crt: leaf, then intermediates; PEM with LF. */
  certificates: string;
  /** tls.key: PKCS#8 PEM. The caller wipes it. */
  privateKey: Uint8Array;
  /** ca.crt: the self-signed root, if the bundle holds it. */
  ca?: string;
  /** SHA-256 (hex) over tls.crt and ca.crt. */
  chainDigest: string;
  facts: Facts;
}

export type Verdict =
  | { accepted: true; pair: Pair; findings: Finding[] }
  /** `notBefore` (ms) comes with CertificateNotYetValid: when it is worth another look. */
  | { accepted: false; reason: GateReason; message: string; notBefore?: number };

/** Ends the judging of a bundle. The message is one sentence that says what was seen. */
export class Refusal extends Error {
  readonly reason: GateReason;
  readonly notBefore?: number;

  constructor(reason: GateReason, message: string, notBefore?: number) {
    super(message);
    this.reason = reason;
    if (notBefore !== undefined) this.notBefore = notBefore;
  }
}
