import { decodeBase64 } from './base64.ts';
import { parseCertificate, type Certificate } from './certificate.ts';
import { DerReader, tags } from './der.ts';
import { FormatError } from './format-error.ts';
import { derFormat, type KeyBlock } from './keys.ts';
import { decodePart } from './parts.ts';
import { pemBlocks, type PemBlock } from './pem.ts';
import { quoted } from '../printable.ts';
import { Refusal } from './verdict.ts';

/** What a download or a user-supplied key holds, taken apart but not yet judged. */
export interface Bundle {
  /** In the order of the input, each once. */
  certificates: Certificate[];
  keys: KeyBlock[];
  /** Labels of the blocks that are of no use here. */
  skipped: Set<string>;
  /** Nothing was there: no part, or only parts that say "no value". */
  absent: boolean;
}

const mostBytes = 512 * 1024;
const mostCertificates = 100;
const mostKeys = 10;

/**
 * Takes the parts of a bundle apart. Throws a Refusal (MalformedBundle) for anything that is damaged or too large.
 * @param what names the input in messages.
 * @param copies collects buffers that may hold a key; the caller wipes them.
 */
export function readBundle(parts: readonly Uint8Array[], what: string, copies: Buffer[]): Bundle {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (size > mostBytes) throw new Refusal('MalformedBundle', `${what} is larger than ${mostBytes / 1024} KiB.`);
  const reading = new Reading(copies);
  try {
    for (const part of parts) reading.add(part);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new Refusal('MalformedBundle', `${what} cannot be used: ${error.message}.`);
  }
  return reading.bundle;
}

class Reading {
  readonly bundle: Bundle = { certificates: [], keys: [], skipped: new Set(), absent: true };
  readonly #copies: Buffer[];
  readonly #fingerprints = new Set<string>();
  #certificates = 0;

  constructor(copies: Buffer[]) {
    this.#copies = copies;
  }

  add(part: Uint8Array): void {
    const decoded = decodePart(part, this.#copies);
    if (decoded.kind === 'absent') return;
    this.bundle.absent = false;
    if (decoded.kind === 'unknown') throw new FormatError('it is not PEM');
    if (decoded.kind === 'der') return this.#addDer(decoded.bytes);
    for (const block of pemBlocks(decoded.bytes)) this.#addBlock(block);
  }

  #addBlock({ label, body, bytes }: PemBlock): void {
    const isKey = isKeyLabel(label);
    if (isKey && body.subarray(0, 64).includes('Proc-Type: 4,ENCRYPTED')) {
      this.#addKey({ format: 'legacy-encrypted', bytes });
    } else if (label === 'OPENSSH PRIVATE KEY' || label === 'DSA PRIVATE KEY') {
      this.#addKey({ format: 'unsupported', bytes });
    } else if (isKey || certificateLabels.has(label) || containerLabels.has(label)) {
      const der = decodeBase64(body);
      if (der === undefined) throw new FormatError(`a block ${quoted(label)} is not Base64`);
      if (isKey) this.#copies.push(der);
      // OpenSSL's TRUSTED CERTIFICATE is a certificate with notes of its own behind it.
      this.#addDer(label === 'TRUSTED CERTIFICATE' ? new DerReader(der).next(tags.sequence).bytes : der, label);
    } else {
      this.bundle.skipped.add(label);
    }
  }

  /** Adds a DER object: that of a block, or a whole part. How it is built counts for more than its label. */
  #addDer(der: Buffer, label?: string): void {
    const format = derFormat(der);
    if (format === 'PKCS#7' || format === 'PFX (PKCS#12)') throw new FormatError(`it is ${format}, not PEM`);
    const fits = label === undefined || isKeyLabel(label) !== (format === 'certificate');
    if (format === undefined || !fits) throw new FormatError(`${quoted(label ?? 'DER')} holds something else`);
    if (format === 'certificate') this.#addCertificate(der);
    else this.#addKey({ format, bytes: der });
  }

  #addCertificate(der: Buffer): void {
    const position = this.#certificates++;
    if (position >= mostCertificates) throw new FormatError(`it holds more than ${mostCertificates} certificates`);
    const certificate = parseNumbered(der, position);
    const { fingerprint256 } = certificate.x509;
    if (!this.#fingerprints.has(fingerprint256)) this.bundle.certificates.push(certificate);
    this.#fingerprints.add(fingerprint256);
  }

  #addKey(key: KeyBlock): void {
    if (this.bundle.keys.push(key) > mostKeys) throw new FormatError(`it holds more than ${mostKeys} private keys`);
  }
}

function parseNumbered(der: Buffer, position: number): Certificate {
  try {
    return parseCertificate(der, position);
  } catch (error) {
    throw error instanceof FormatError ? new FormatError(`certificate ${position + 1}: ${error.message}`) : error;
  }
}

/** As Go has it. */
export function isKeyLabel(label: string): boolean {
  return label === 'PRIVATE KEY' || label.endsWith(' PRIVATE KEY');
}

const certificateLabels = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
/** Not used, but decoded to say what they are. */
const containerLabels = new Set(['PKCS7', 'PKCS #7 SIGNED DATA', 'CMS', 'PKCS12']);
