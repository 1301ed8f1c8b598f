import { createECDH, createPublicKey, type KeyObject } from 'node:crypto';
import { curves, isOn } from './algorithms.ts';
import type { Certificate } from './certificate.ts';
import { enterOnly, naturalNumber, tags } from './der.ts';
import { Refusal } from './verdict.ts';

/**
 * Proves that a server could use `key` with `leaf`, which its public half matches, and returns the name of the
 * algorithm (`RSA-2048`, `P-256`, `Ed25519`, …). A matching public half alone proves little: OpenSSL believes the
 * public values that stand in a private key.
 */
export function proveKey(key: KeyObject, leaf: Certificate): string {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const algorithm = keyAlgorithm(key, publicKey);
  if (algorithm === undefined) throw new Refusal('UnsupportedKey', `The private key is ${describeKey(key)}.`);
  if (!publicKey.equals(leaf.publicKey)) {
    throw new Refusal('UnsupportedKey', 'The public key in the certificate is encoded in a way that Go refuses.');
  }
  if (!isSound(key, publicKey)) {
    throw new Refusal('MalformedBundle', 'The private key is damaged: its private and public values do not agree.');
  }
  return algorithm;
}

function keyAlgorithm(key: KeyObject, publicKey: Buffer): string | undefined {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      // Go refuses larger exponents.
      return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent < 2n ** 31n
        ? `RSA-${modulusLength}`
        : undefined;
    case 'ec': {
      const curve = curves[namedCurve];
      return curve !== undefined && isOn(curve, publicKey) ? curve.name : undefined;
    }
    case 'ed25519':
      return 'Ed25519';
    default:
      return undefined;
  }
}

function describeKey(key: KeyObject): string {
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return `RSA with ${modulusLength} bits and exponent ${publicExponent}`;
  if (namedCurve === undefined) return `of type ${key.asymmetricKeyType}`;
  return `EC on ${namedCurve}${curves[namedCurve] === undefined ? '' : ', written with explicit curve parameters or a compressed point'}`;
}

function isSound(key: KeyObject, publicKey: Buffer): boolean {
  // Of an Ed25519 key OpenSSL always computes the public half.
  if (key.asymmetricKeyType === 'ed25519') return true;
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
  const der = key.export({ type, format: 'der' });
  try {
    return type === 'pkcs1' ? isSoundRsa(der) : isSoundEc(der, publicKey, key.asymmetricKeyDetails?.namedCurve ?? '');
  } catch {
    return false;
  } finally {
    der.fill(0);
  }
}

/** Computes the point from the scalar, which must be below the order of the curve. */
function isSoundEc(der: Buffer, publicKey: Buffer, curve: string): boolean {
  const fields = enterOnly(der, tags.sequence);
  // OpenSSL reads and writes any version.
  if (naturalNumber(fields.next(tags.integer)) !== 1n) return false;
  const pair = createECDH(curve);
  pair.setPrivateKey(fields.next(tags.octetString).content);
  const point = pair.getPublicKey();
  return publicKey.subarray(-point.length).equals(point);
}

/** The checks of Go's crypto/rsa. A signature would not do: OpenSSL gets one right with half of the values wrong. */
function isSoundRsa(der: Buffer): boolean {
  const fields = enterOnly(der, tags.sequence);
  const read = (): bigint => naturalNumber(fields.next(tags.integer));
  const version = read();
  const [n, e, d] = [read(), read(), read()];
  const [p, q] = [read(), read()];
  const [dP, dQ, qInverse] = [read(), read(), read()];
  fields.finish();
  return (
    version === 0n &&
    p * q === n &&
    d < n &&
    qInverse < p &&
    (e * dP) % (p - 1n) === 1n &&
    (e * dQ) % (q - 1n) === 1n &&
    d % (p - 1n) === dP &&
    d % (q - 1n) === dQ &&
    (q * qInverse) % p === 1n &&
    bitLength(p > q ? p - q : q - p) > bitLength(n) / 2 - 100
  );
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
