import type { KeyObject } from 'node:crypto';
import { readBundle, type Bundle } from './bundle.ts';
import type { Certificate } from './certificate.ts';
import { isSelfSigned, isValidAt } from './chain.ts';
import { FormatError } from './format-error.ts';
import { openKey, type KeyBlock, type Opened } from './keys.ts';
import { uncovered } from './names.ts';
import { listed, quoted } from '../printable.ts';
import { Refusal } from './verdict.ts';

/** A certificate and the private key that fits it. */
export interface Match {
  leaf: Certificate;
  key: KeyObject;
}

interface Keys {
  privateKey?: Uint8Array;
  passphrase?: string;
}

/** All certificates of the bundle that one of its keys fits; if there is none, those that the user's own key fits. */
export function findMatches(bundle: Bundle, { privateKey, passphrase }: Keys, copies: Buffer[]): Match[] {
  const own = openAll(bundle.keys, 'The private key in the bundle', passphrase);
  const matches = matching(bundle.certificates, own);
  if (matches.length > 0) return matches;

  const given = privateKey === undefined ? [] : readBundle([privateKey], 'The user-supplied key', copies).keys;
  const supplied = openAll(given, 'The user-supplied key', passphrase);
  const suppliedMatches = matching(bundle.certificates, supplied);
  if (suppliedMatches.length > 0) return suppliedMatches;

  throw whyNone([...own, ...supplied], bundle.certificates, passphrase);
}

function openAll(blocks: readonly KeyBlock[], what: string, passphrase: string | undefined): Opened[] {
  return blocks.map((block) => {
    try {
      return openKey(block, passphrase);
    } catch (error) {
      throw error instanceof FormatError
        ? new Refusal('MalformedBundle', `${what} is damaged: ${error.message}.`)
        : error;
    }
  });
}

function matching(certificates: readonly Certificate[], opened: readonly Opened[]): Match[] {
  const keys = opened.flatMap((key) => (typeof key === 'string' ? [] : [key.key]));
  return certificates.flatMap((leaf) => {
    const key = keys.find((candidate) => leaf.x509.checkPrivateKey(candidate));
    return key === undefined ? [] : [{ leaf, key }];
  });
}

function whyNone(opened: Opened[], certificates: Certificate[], passphrase: string | undefined): Refusal {
  if (opened.length === 0) {
    return new Refusal('PrivateKeyMissing', 'There is no private key, neither in the bundle nor supplied by the user.');
  }
  if (opened.includes('locked')) {
    const why = passphrase === undefined ? 'there is no passphrase for it' : 'the passphrase does not open it';
    return new Refusal('PrivateKeyEncrypted', `The private key is encrypted and ${why}.`);
  }
  if (opened.includes('unsupported')) {
    const usable = 'RSA, EC on P-256, P-384 or P-521, and Ed25519';
    return new Refusal('UnsupportedKey', `The private key is of a kind that servers cannot use; they take ${usable}.`);
  }
  const names = listed(certificates.map((certificate) => certificate.subject));
  return new Refusal('KeyMismatch', `The private key fits no certificate of the bundle: ${names}.`);
}

/** The match to be served. Throws a Refusal when even the best one is no certificate for a server. */
export function chooseMatch(matches: readonly Match[], dnsNames: readonly string[], now: number): Match {
  const best = matches.reduce((best, next) => (preference(next.leaf, best.leaf, dnsNames, now) < 0 ? next : best));
  const { leaf } = best;
  if (leaf.isAuthority && !(matches.length === 1 && isSelfSigned(leaf))) {
    throw new Refusal('MalformedBundle', `The private key is that of an issuing authority, ${quoted(leaf.subject)}.`);
  }
  if (!leaf.allowsServer) {
    const what = `The extended key usage of certificate ${quoted(leaf.subject)}`;
    throw new Refusal('MalformedBundle', `${what} does not include serverAuth, so no TLS server can use it.`);
  }
  return best;
}

/** Negative if `a` is the better leaf. */
function preference(a: Certificate, b: Certificate, dnsNames: readonly string[], now: number): number {
  const lacks = (leaf: Certificate): number => Number(uncovered(leaf.dnsNames, dnsNames).length > 0);
  return (
    Number(a.isAuthority) - Number(b.isAuthority) ||
    Number(b.allowsServer) - Number(a.allowsServer) ||
    lacks(a) - lacks(b) ||
    Number(isValidAt(b, now)) - Number(isValidAt(a, now)) ||
    b.notBefore - a.notBefore ||
    b.notAfter - a.notAfter ||
    (a.x509.fingerprint256 < b.x509.fingerprint256 ? -1 : 1)
  );
}
