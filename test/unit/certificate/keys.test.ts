import {
  checkPrimeSync,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  generatePrimeSync,
  type KeyObject,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as der from '../../../sandbox/pki/der.ts';
import { pem } from '../../../sandbox/pki/index.ts';
import { judge } from '../../../src/certificate/gate.ts';
import { WrittenPairs } from '../../support/pairs.ts';
import { input, passphrase, pkcs8, valid, worldOf } from './world.ts';

const collected = new WrittenPairs();

/** Judges a leaf with this key; `spki` and `keyPem` replace what is written of the key in the one and the other. */
async function judgeKey(key: KeyObject, o: { spki?: Buffer; keyPem?: string; passphrase?: string } = {}) {
  const { intermediate, I } = await worldOf('p256');
  const publicKey = o.spki ?? createPublicKey(key);
  const keyPem = o.keyPem ?? pkcs8(key);
  const { certificate } = await intermediate.issue({ key, publicKey, ...valid });
  const verdict = judge(
    input([certificate + I + keyPem], o.passphrase === undefined ? {} : { passphrase: o.passphrase }),
  );
  if (!verdict.accepted) return `${verdict.reason}: ${verdict.message}`;
  collected.add(verdict.pair);
  return verdict.pair.facts.keyAlgorithm;
}

const rsa = (modulusLength: number, publicExponent = 0x10001): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;
const ec = (namedCurve: string, paramEncoding: 'named' | 'explicit' = 'named'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve, paramEncoding }).privateKey;
const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

/** The nine numbers of a PKCS#1 key. */
function numbersOf(key: KeyObject): bigint[] {
  const jwk = key.export({ format: 'jwk' });
  const names = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const;
  return [0n, ...names.map((name) => BigInt(`0x${Buffer.from(jwk[name] ?? '', 'base64url').toString('hex')}`))];
}
const pkcs1 = (numbers: bigint[]): string => pem('RSA PRIVATE KEY', der.sequence(...numbers.map(der.integer)));

/** Of `value` modulo `modulus`. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, x, following] = [modulus, value, 0n, 1n];
  while (next > 0n) {
    const quotient = r / next;
    [r, next, x, following] = [next, r - quotient * next, following, x - quotient * following];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** SEC1 with a scalar of our choice, and the public half that it should have. */
function sec1(key: KeyObject, scalar: (own: bigint) => bigint, version = 1n): string {
  const jwk = key.export({ format: 'jwk' });
  const own = Buffer.from(jwk.d ?? '', 'base64url');
  const chosen = scalar(BigInt(`0x${own.toString('hex')}`)).toString(16);
  const point = spkiOf(key).subarray(-2 * own.length - 1);
  const curve = jwk.crv === 'P-256' ? '1.2.840.10045.3.1.7' : '1.3.132.0.35';
  return pem(
    'EC PRIVATE KEY',
    der.sequence(
      der.integer(version),
      der.octetString(Buffer.from(chosen.padStart(own.length * 2, '0'), 'hex')),
      der.explicit(0, der.objectIdentifier(curve)),
      der.explicit(1, der.bitString(point)),
    ),
  );
}

const pbkdf2 = (iterations: bigint): Buffer =>
  der.sequence(
    der.objectIdentifier('1.2.840.113549.1.5.12'),
    der.sequence(der.octetString(Buffer.alloc(8)), der.integer(iterations)),
  );
const scrypt = (n: bigint, r: bigint, p: bigint): Buffer =>
  der.sequence(
    der.objectIdentifier('1.3.6.1.4.1.11591.4.11'),
    der.sequence(der.octetString(Buffer.alloc(8)), der.integer(n), der.integer(r), der.integer(p)),
  );
function protectedKey(derivation: Buffer): string {
  const cipher = der.sequence(der.objectIdentifier('2.16.840.1.101.3.4.1.42'), der.octetString(Buffer.alloc(16)));
  const algorithm = der.sequence(der.objectIdentifier('1.2.840.113549.1.5.13'), der.sequence(derivation, cipher));
  return pem('ENCRYPTED PRIVATE KEY', der.sequence(algorithm, der.octetString(Buffer.alloc(64))));
}

describe('kinds of keys', () => {
  test.each(['P-256', 'P-384', 'P-521'])('accepts %s', async (curve) => {
    expect(await judgeKey(ec(curve))).toBe(curve);
  });

  test('accepts RSA of 2048 and 3072 bits', async () => {
    expect(await judgeKey(rsa(2048))).toBe('RSA-2048');
    expect(await judgeKey(rsa(3072, 3))).toBe('RSA-3072');
  });

  test('refuses RSA that is too short, or has an exponent that Go cannot hold', async () => {
    expect(await judgeKey(rsa(1024))).toMatch(/^UnsupportedKey: .*1024/);
    expect(await judgeKey(rsa(2048, 2 ** 31 + 11))).toMatch(/^UnsupportedKey: .*2147483659/);
  });

  test('refuses other curves and algorithms', async () => {
    expect(await judgeKey(ec('secp256k1'))).toMatch(/^UnsupportedKey: .*secp256k1/);
    expect(await judgeKey(ec('P-224'))).toMatch(/^UnsupportedKey/);
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
    expect(await judgeKey(pss)).toMatch(/^UnsupportedKey: .*rsa-pss/);
    expect(await judgeKey(generateKeyPairSync('x25519').privateKey)).toMatch(/^UnsupportedKey/);
    expect(await judgeKey(generateKeyPairSync('ed448').privateKey)).toMatch(/^UnsupportedKey/);
  });

  test.each(['P-256', 'P-384'])('refuses %s with explicit curve parameters, wherever they stand', async (curve) => {
    const key = ec(curve, 'explicit');
    expect(await judgeKey(key)).toMatch(/^UnsupportedKey: .*explicit/);
    const named = createPrivateKey({
      key: { ...key.export({ format: 'jwk' }) },
      format: 'jwk',
    });
    expect(spkiOf(named)).not.toEqual(spkiOf(key));
    expect(await judgeKey(named, { keyPem: pkcs8(key) })).toMatch(/^UnsupportedKey: .*explicit/);
    expect(await judgeKey(named, { keyPem: key.export({ type: 'sec1', format: 'pem' }).toString() })).toMatch(
      /^UnsupportedKey: .*explicit/,
    );
    expect(await judgeKey(named, { spki: spkiOf(key) })).toMatch(/^UnsupportedKey/);
    expect(await judgeKey(named)).toBe(curve);
  });

  test('refuses a compressed point in the certificate', async () => {
    const key = ec('P-256');
    const spki = spkiOf(key);
    const point = spki.subarray(-65);
    const compressed = Buffer.concat([Buffer.from([2 + ((point.at(-1) ?? 0) & 1)]), point.subarray(1, 33)]);
    const algorithm = der.sequence(
      der.objectIdentifier('1.2.840.10045.2.1'),
      der.objectIdentifier('1.2.840.10045.3.1.7'),
    );
    const short = der.sequence(algorithm, der.bitString(compressed));
    expect(await judgeKey(key, { spki: short })).toMatch(/^UnsupportedKey/);
  });

  test('goes by how a key is built, not by its label', async () => {
    const key = ec('P-256');
    expect(await judgeKey(key, { keyPem: pkcs8(key).replaceAll('PRIVATE KEY', 'EC PRIVATE KEY') })).toBe('P-256');
    expect(await judgeKey(key, { keyPem: pkcs8(key).replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY') })).toMatch(
      /^UnsupportedKey/,
    );
  });

  test('does not let OpenSSL compute with keys it has no use for', async () => {
    const huge = der.integer(2n ** 200_000n + 1n);
    const parameters = der.sequence(huge, huge, huge);
    const algorithm = der.sequence(der.objectIdentifier('1.2.840.10040.4.1'), parameters);
    const dsa = der.sequence(der.integer(0n), algorithm, der.octetString(huge));
    expect(await judgeKey(ec('P-256'), { keyPem: pem('PRIVATE KEY', dsa) })).toMatch(/^UnsupportedKey/);
  });

  test('writes Ed25519 and P-521 with a warning', async () => {
    const { L, I, K } = await worldOf('ed25519');
    expect(judge(input([L + I + K]))).toMatchObject({ accepted: true, findings: [{ reason: 'LimitedClientSupport' }] });
  });
});

describe('damaged keys', () => {
  test('RSA: any of the private numbers is wrong', async () => {
    const key = rsa(2048);
    const numbers = numbersOf(key);
    expect(await judgeKey(key, { keyPem: pkcs1(numbers) })).toBe('RSA-2048');
    for (const position of [3, 4, 5, 6, 7, 8]) {
      const wrong = numbers.map((value, at) => (at === position ? value + 2n : value));
      expect(await judgeKey(key, { keyPem: pkcs1(wrong) })).toMatch(/^MalformedBundle: .*damaged/);
      const zero = numbers.map((value, at) => (at === position ? 0n : value));
      expect(await judgeKey(key, { keyPem: pkcs1(zero) })).toMatch(/^MalformedBundle/);
    }
  });

  test('RSA: the private exponent is right for one of the primes only', async () => {
    const key = rsa(2048);
    const numbers = numbersOf(key);
    const [p = 0n, q = 0n] = numbers.slice(4);
    for (const prime of [p, q]) {
      const wrong = numbers.map((value, at) => (at === 3 ? value + prime - 1n : value));
      expect(await judgeKey(key, { keyPem: pkcs1(wrong) })).toMatch(/^MalformedBundle: .*damaged/);
    }
  });

  test('RSA: the private exponent is not below the modulus', async () => {
    const key = rsa(2048);
    const numbers = numbersOf(key);
    const [p = 0n, q = 0n] = numbers.slice(4);
    const longer = numbers.map((value, at) => (at === 3 ? value + 2n * (p - 1n) * (q - 1n) : value));
    expect(await judgeKey(key, { keyPem: pkcs1(longer) })).toMatch(/^MalformedBundle: .*damaged/);
  });

  test('RSA: the primes are so close that anybody finds them', async () => {
    const q = generatePrimeSync(1024, { bigint: true });
    let p = q + 2n;
    while (!checkPrimeSync(p)) p += 2n;
    const e = 0x10001n;
    const d = inverse(e, (p - 1n) * (q - 1n));
    const keyPem = pkcs1([0n, p * q, e, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)]);
    expect(await judgeKey(createPrivateKey(keyPem), { keyPem })).toMatch(/^MalformedBundle: .*damaged/);
  });

  test('EC: the scalar does not belong to the point that stands beside it', async () => {
    const key = ec('P-256');
    expect(await judgeKey(key, { keyPem: sec1(key, (own) => own) })).toBe('P-256');
    expect(await judgeKey(key, { keyPem: sec1(key, (own) => own - 1n) })).toMatch(/^MalformedBundle: .*damaged/);
  });

  test('EC: the version is none that Go knows, although OpenSSL reads and writes it', async () => {
    const key = ec('P-256');
    expect(await judgeKey(key, { keyPem: sec1(key, (own) => own, 5n) })).toMatch(/^MalformedBundle/);
  });

  test('EC: the scalar is not below the order of the curve, which OpenSSL takes and Go does not', async () => {
    const order = BigInt(`0x01ff${'f'.repeat(62)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`);
    const key = ec('P-521');
    expect(await judgeKey(key, { keyPem: sec1(key, (own) => own) })).toBe('P-521');
    expect(await judgeKey(key, { keyPem: sec1(key, (own) => own + order) })).toMatch(/^MalformedBundle: .*damaged/);
  });
});

describe('encrypted keys', () => {
  test('are not opened when that would take minutes', async () => {
    const key = ec('P-256');
    for (const derivation of [pbkdf2(2n ** 31n - 1n), pbkdf2(2n ** 900n), scrypt(2n ** 14n, 8n, 2n ** 20n)]) {
      expect(await judgeKey(key, { keyPem: protectedKey(derivation), passphrase })).toMatch(/^UnsupportedKey/);
    }
    for (const derivation of [pbkdf2(2048n), scrypt(2n ** 14n, 8n, 1n)]) {
      expect(await judgeKey(key, { keyPem: protectedKey(derivation), passphrase })).toMatch(/^PrivateKeyEncrypted/);
    }
  });

  test.each(['aes-256-cbc', 'aes-128-cbc', 'des-ede3-cbc'])('are opened when protected by %s', async (cipher) => {
    const key = ec('P-256');
    const keyPem = key.export({ type: 'pkcs8', format: 'pem', cipher, passphrase }).toString();
    expect(await judgeKey(key, { keyPem, passphrase })).toBe('P-256');
  });
});

test('every pair that was written loads in Go and in OpenSSL', { timeout: 120_000 }, () => {
  expect(collected.problems()).toEqual([]);
});
