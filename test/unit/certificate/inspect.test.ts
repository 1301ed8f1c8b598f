import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as der from '../../../sandbox/pki/der.ts';
import { pem } from '../../../sandbox/pki/index.ts';
import { judge } from '../../../src/certificate/gate.ts';
import { inspectPair } from '../../../src/certificate/inspect.ts';
import { encrypted, input, longValid, pkcs8, valid, worldOf } from './world.ts';

const inspect = (certificates: string, privateKey: string, ca?: string) =>
  inspectPair({
    certificates: Buffer.from(certificates),
    privateKey: Buffer.from(privateKey),
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
  });

describe.each(['rsa2048', 'p384', 'ed25519'] as const)('%s', (type) => {
  test('finds what the gate gave, with the same facts and digest', async () => {
    const { leaf, L, I, K } = await worldOf(type);
    for (const body of [leaf.bundle, L + I + K]) {
      const verdict = judge(input([body]));
      if (!verdict.accepted) throw new Error(verdict.message);
      const { certificates, privateKey, ca, facts, chainDigest } = verdict.pair;
      expect(inspect(certificates, Buffer.from(privateKey).toString(), ca)).toEqual({
        intact: true,
        facts,
        chainDigest,
      });
    }
  });

  test('finds a pair that somebody else wrote', async () => {
    const { L, I, R, K } = await worldOf(type);
    expect(inspect(L + I + R, K)).toMatchObject({ intact: true, facts: { chainLength: 3 } });
    expect(inspect(`text\n${L.replaceAll('\n', '\r\n')}`, `Bag Attributes\n${K}`)).toMatchObject({ intact: true });
    if (type === 'ed25519') return;
    const old = createPrivateKey(K)
      .export({ type: type === 'rsa2048' ? 'pkcs1' : 'sec1', format: 'pem' })
      .toString();
    expect(inspect(L, old)).toMatchObject({ intact: true, facts: { commonName: 'www.example.com' } });
  });
});

const digest = (...fields: [string, string, string?]): string => {
  const inspection = inspect(...fields);
  return inspection.intact ? inspection.chainDigest : inspection.message;
};

test('the digest changes with the chain and with the root, and not with the key', async () => {
  const { L, I, R, K } = await worldOf('p256');
  const own = digest(L + I, K, R);
  expect(
    new Set([own, digest(L + I, K), digest(L, K, I + R), digest(L + I, K, ''), digest(L + I, K, `${R}\n`)]).size,
  ).toBe(5);
  expect(digest(L + I, `\n${K}`, R)).toBe(own);
});

test('an intact pair needs both halves, whole and plain', async () => {
  const { L, I, R, K, otherKey, leaf, root } = await worldOf('p256');
  const cut = L.slice(0, -60);
  const broken: [string, string, string][] = [
    ['', K, 'no certificate'],
    [L, '', 'no private key'],
    [K, L, 'no certificate'],
    [L, pkcs8(otherKey), 'does not fit'],
    [I + L, K, 'does not fit'],
    [cut, K, 'does not end'],
    [L + cut, K, 'does not end'],
    [L, K.slice(0, -30), 'does not end'],
    [L, encrypted(K), 'encrypted'],
    [L.replaceAll('\n', '\\n'), K, 'decoded'],
    [`x${L}`, K, 'decoded'],
    [Buffer.from(L).toString('base64'), K, 'no certificate'],
    [L.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'), K, 'no certificate'],
    [L + pem('CERTIFICATE', Buffer.from('3000', 'hex')), K, 'ends too early'],
    [L, pem('PRIVATE KEY', Buffer.from('3003020100', 'hex')), 'kind that cannot be used'],
  ];
  for (const [certificates, key, message] of broken) {
    expect(inspect(certificates, key)).toMatchObject({ intact: false, message: expect.stringContaining(message) });
  }
  const negative = await root.issue({ key: leaf.key, serialNumber: -1n, ...valid });
  expect(inspect(negative.certificate, K)).toMatchObject({ intact: false });
  const { d } = createPrivateKey(K).export({ format: 'jwk' });
  const point = leaf.key.export({ type: 'sec1', format: 'der' }).subarray(-65);
  const scalar = Buffer.from(d ?? '', 'base64url');
  scalar[31] = (scalar[31] ?? 0) ^ 1;
  const wrong = der.sequence(
    der.integer(1n),
    der.octetString(scalar),
    der.explicit(0, der.objectIdentifier('1.2.840.10045.3.1.7')),
    der.explicit(1, der.bitString(point)),
  );
  expect(inspect(L, pem('EC PRIVATE KEY', wrong))).toMatchObject({ intact: false });
  expect(inspect(L + R, K)).toMatchObject({ intact: true });
});

test('an intermediate that Go cannot parse breaks the pair, here and at the gate', async () => {
  const { root, leaf, K } = await worldOf('p256');
  const key = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const odd = await root.intermediate({ name: 'Odd', key, ...longValid });
  const { certificate } = await odd.issue({ key: leaf.key, ...valid });
  expect(inspect(certificate, K)).toMatchObject({ intact: true });
  expect(inspect(certificate + odd.certificate, K)).toMatchObject({ intact: false });
  expect(judge(input([certificate + odd.certificate + K]))).toMatchObject({ reason: 'MalformedBundle' });
});
