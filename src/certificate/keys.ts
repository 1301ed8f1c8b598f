import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ecPublicKey, ed25519, rsaEncryption, rsaPss } from './algorithms.ts';
import { enterOnly, identifier, naturalNumber, tags } from './der.ts';
import { FormatError } from './format-error.ts';

/** A private key as the input holds it, still closed. */
export interface KeyBlock {
  format: KeyFormat;
  /** DER; of a legacy encrypted key the PEM block, because its headers are needed. */
  bytes: Buffer;
}

export type KeyFormat = 'pkcs8' | 'pkcs1' | 'sec1' | 'encrypted' | 'legacy-encrypted' | 'unsupported';

/** Sorts a DER object by its outermost elements; undefined if it is none of those that occur in a bundle. */
export function derFormat(der: Buffer): KeyFormat | 'certificate' | 'PKCS#7' | 'PFX (PKCS#12)' | undefined {
  const object = enterOnly(der, tags.sequence);
  const [first, second, third] = Array.from({ length: 3 }, () => (object.done ? undefined : object.next().tag));
  if (first === tags.objectIdentifier) return 'PKCS#7';
  if (first === tags.sequence && second === tags.octetString) return 'encrypted';
  if (first === tags.sequence && second === tags.sequence) return 'certificate';
  if (first !== tags.integer) return undefined;
  if (second === tags.integer) return 'pkcs1';
  if (second === tags.octetString) return 'sec1';
  return third === tags.octetString ? 'pkcs8' : 'PFX (PKCS#12)';
}

/** What opening a key gave. */
export type Opened = { key: KeyObject } | 'locked' | 'unsupported';

/**
 * Opens a private key. 'locked': it is encrypted and the passphrase is missing or wrong.
 * Throws a FormatError when the key is damaged.
 */
export function openKey({ format, bytes }: KeyBlock, passphrase: string | undefined): Opened {
  switch (format) {
    case 'unsupported':
      return 'unsupported';
    case 'encrypted':
      if (derivationWork(bytes) > mostDerivationWork) return 'unsupported';
      return unlock({ key: bytes, format: 'der', type: 'pkcs8' }, passphrase);
    case 'legacy-encrypted':
      return unlock({ key: bytes, format: 'pem' }, passphrase);
    default:
      if (format === 'pkcs8' && !isKnownAlgorithm(bytes)) return 'unsupported';
      try {
        return { key: createPrivateKey({ key: bytes, format: 'der', type: format }) };
      } catch {
        throw new FormatError('it cannot be parsed');
      }
  }
}

function unlock(input: { key: Buffer; format: 'der' | 'pem'; type?: 'pkcs8' }, passphrase: string | undefined): Opened {
  if (passphrase === undefined) return 'locked';
  try {
    return { key: createPrivateKey({ ...input, passphrase }) };
  } catch {
    return 'locked';
  }
}

/**
 * Whether a PKCS#8 key says that it is RSA (of either kind), EC or Ed25519. Others are not even parsed: of a DSA key
 * OpenSSL would compute the public half, however large the numbers are.
 */
function isKnownAlgorithm(der: Buffer): boolean {
  const key = enterOnly(der, tags.sequence);
  key.next(tags.integer);
  const algorithm = identifier(key.enter(tags.sequence).next(tags.objectIdentifier));
  return [rsaEncryption, rsaPss, ecPublicKey, ed25519].includes(algorithm);
}

/** Bounds the work that a hostile bundle can ask for when a passphrase is set; PBKDF2 does this much within a second. */
const mostDerivationWork = 1_000_000n;

/** Iterations that the key derivation of an encrypted PKCS#8 key asks for; for scrypt N * r * p. */
function derivationWork(der: Buffer): bigint {
  const algorithm = enterOnly(der, tags.sequence).enter(tags.sequence);
  const scheme = identifier(algorithm.next(tags.objectIdentifier));
  let parameters = algorithm.enter(tags.sequence);
  let derivation = scheme;
  if (scheme === '2a864886f70d01050d') {
    // PBES2 names the derivation inside.
    const inner = parameters.enter(tags.sequence);
    derivation = identifier(inner.next(tags.objectIdentifier));
    parameters = inner.enter(tags.sequence);
  }
  parameters.next(tags.octetString);
  const count = (): bigint => naturalNumber(parameters.next(tags.integer));
  return derivation === '2b06010401da47040b' ? count() * count() * count() : count();
}
