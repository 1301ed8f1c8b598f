import { createHash, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  bitString,
  boolean,
  element,
  explicit,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** What a certificate says. Nothing is checked: a test may ask for one that no authority would issue. */
export interface CertificateFields {
  /** Common names of subject and issuer. */
  subject: string;
  issuer: string;
  /** Key of the subject; its bytes (SubjectPublicKeyInfo) when a test needs an encoding of its own. */
  publicKey: KeyObject | Uint8Array;
  /** Private key that signs. */
  signer: KeyObject;
  notBefore: Date;
  notAfter: Date;
  serialNumber?: bigint;
  /** Basic constraint CA:TRUE. */
  authority?: boolean;
  dnsNames?: readonly string[];
  /** Object identifiers; default serverAuth for a leaf, no such extension for an authority; `[]`: none. */
  extendedKeyUsage?: readonly string[];
  /** Whether to write subject and authority key identifiers; default both. */
  keyIdentifiers?: { subject: boolean; authority: boolean };
  /** Further extensions, as `extension()` makes them. */
  extensions?: readonly Uint8Array[];
}

export const serverAuth = '1.3.6.1.5.5.7.3.1';
export const clientAuth = '1.3.6.1.5.5.7.3.2';

/** One X.509 v3 extension around its DER value. */
export function extension(oid: string, value: Uint8Array, critical = false): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** PEM armour with lines of 64 characters, ending in a newline. */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** Builds and signs an X.509 v3 certificate; DER. */
export function buildCertificate(fields: CertificateFields): Buffer {
  const { authority = false, dnsNames = [], signer } = fields;
  const spki = publicKeyInfo(fields.publicKey);
  const usages = fields.extendedKeyUsage ?? (authority ? [] : [serverAuth]);
  const identifiers = fields.keyIdentifiers ?? { subject: true, authority: true };
  const extensions = [
    extension('2.5.29.19', sequence(...(authority ? [boolean(true)] : [])), true),
    // keyCertSign and cRLSign, or digitalSignature.
    extension('2.5.29.15', authority ? bitString(Buffer.from([0x06]), 1) : bitString(Buffer.from([0x80]), 7), true),
  ];
  if (usages.length > 0) extensions.push(extension('2.5.29.37', sequence(...usages.map(objectIdentifier))));
  if (dnsNames.length > 0) {
    extensions.push(extension('2.5.29.17', sequence(...dnsNames.map((name) => element(0x82, Buffer.from(name))))));
  }
  if (identifiers.subject) extensions.push(extension('2.5.29.14', octetString(keyIdentifier(spki))));
  if (identifiers.authority) {
    const issuerId = keyIdentifier(publicKeyInfo(createPublicKey(signer)));
    extensions.push(extension('2.5.29.35', sequence(element(0x80, issuerId))));
  }
  const algorithm = signatureAlgorithm(signer);
  const content = sequence(
    explicit(0, integer(2n)),
    integer(fields.serialNumber ?? BigInt(`0x1${randomBytes(15).toString('hex')}`)),
    algorithm.identifier,
    commonName(fields.issuer),
    sequence(time(fields.notBefore), time(fields.notAfter)),
    commonName(fields.subject),
    spki,
    explicit(3, sequence(...extensions, ...(fields.extensions ?? []))),
  );
  return sequence(content, algorithm.identifier, bitString(sign(algorithm.hash, content, signer)));
}

function commonName(text: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(text))));
}

function publicKeyInfo(key: KeyObject | Uint8Array): Uint8Array {
  return key instanceof Uint8Array ? key : key.export({ type: 'spki', format: 'der' });
}

function keyIdentifier(spki: Uint8Array): Buffer {
  return createHash('sha1').update(spki).digest();
}

function signatureAlgorithm(key: KeyObject): { identifier: Buffer; hash: string | null } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { identifier: sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing), hash: 'sha256' };
    case 'ec':
      return { identifier: sequence(objectIdentifier('1.2.840.10045.4.3.2')), hash: 'sha256' };
    default:
      return { identifier: sequence(objectIdentifier('1.3.101.112')), hash: null };
  }
}
