import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAuthority, generateKey, pem } from '../../../sandbox/pki/index.ts';
import { judge } from '../../../src/certificate/gate.ts';
import { inspectPair } from '../../../src/certificate/inspect.ts';
import type { Pair, Verdict } from '../../../src/certificate/verdict.ts';
import { WrittenPairs } from '../../support/pairs.ts';
import { encrypted, input, longValid, passphrase, pkcs8, valid, worldOf } from './world.ts';

const collected = new WrittenPairs();

/** What is wrong with a verdict, whatever the input was; nothing if it is a proper refusal or a pair that holds together. */
function faultsOf(verdict: Verdict): string[] {
  if (verdict.accepted) {
    collected.add(verdict.pair);
    return faultsOfPair(verdict.pair);
  }
  const { message } = verdict;
  const proper = message.length <= 1024 && !/\p{C}/u.test(message) && !message.includes('could not be examined');
  return proper ? [] : [message];
}

function faultsOfPair({ certificates, privateKey, ca, facts, chainDigest }: Pair): string[] {
  const chain = certificates.split(/(?=-----BEGIN)/).map((text) => new X509Certificate(text));
  const fits = chain[0]?.checkPrivateKey(createPrivateKey(Buffer.from(privateKey)));
  const linked = chain.every((parent, above) => above === 0 || chain[above - 1]?.verify(parent.publicKey));
  const fields = { certificates: Buffer.from(certificates), privateKey };
  const found = inspectPair(ca === undefined ? fields : { ...fields, ca: Buffer.from(ca) });
  const same = isDeepStrictEqual(found, { intact: true, facts, chainDigest });
  return [
    ...(fits === true ? [] : ['the key does not fit']),
    ...(linked ? [] : ['the chain is not linked']),
    ...(same ? [] : [`an inspection finds ${JSON.stringify(found)}`]),
  ];
}

test('the order of the blocks does not matter', async () => {
  const { L, I, R, K, otherKey } = await worldOf('p256');
  const stranger = await createAuthority({ name: 'Stranger', key: otherKey, ...longValid });
  const blocks = [L, I, R, K, L, I, pkcs8(otherKey), stranger.certificate, encrypted(K), 'Bag Attributes: none\n'];
  fc.assert(
    fc.property(fc.shuffledSubarray(blocks, { minLength: blocks.length }), (order) => {
      const verdict = judge(input([order.join('')]));
      expect(faultsOf(verdict)).toEqual([]);
      const pair = { certificates: L + I, ca: R, privateKey: Buffer.from(K) };
      expect(verdict).toMatchObject({ accepted: true, pair, findings: [{ reason: 'CertificatesLeftOut' }] });
    }),
  );
});

test('any selection of blocks gives a sound verdict', async () => {
  const [first, second] = [await worldOf('p256'), await worldOf('ed25519')];
  const both = [first, second].flatMap(({ L, I, R, K, older }) => [L, I, R, K, older.certificate]);
  const request = { name: 'I', key: first.intermediate.key, ...longValid };
  const twin = (await second.root.intermediate(request)).certificate;
  const extra = [twin, pem('X509 CRL', Buffer.from('3000', 'hex')), encrypted(second.K), pkcs8(first.intermediate.key)];
  fc.assert(
    fc.property(fc.shuffledSubarray([...both, ...extra]), fc.boolean(), fc.boolean(), (order, one, open) => {
      const parts = one ? [order.join('')] : order;
      expect(faultsOf(judge(input(parts, open ? { passphrase } : {})))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a body cut anywhere but between two blocks is refused', async () => {
  const { L, I, R, K } = await worldOf('p256');
  for (const blocks of [
    [K, L, I],
    [L, I, R, K],
  ]) {
    const body = blocks.join('');
    const ends = new Set(blocks.map((_, count) => blocks.slice(0, count + 1).join('').length));
    for (let length = 0; length < body.length; length += 1) {
      const verdict = judge(input([body.slice(0, length)]));
      expect(faultsOf(verdict)).toEqual([]);
      // The newline behind a block is not needed.
      expect(verdict.accepted && !ends.has(length) && !ends.has(length + 1)).toBe(false);
    }
  }
});

test('random bytes and random text are refused', () => {
  const markers = [
    '-----BEGIN CERTIFICATE-----\n',
    '-----END CERTIFICATE-----\n',
    '-----BEGIN PRIVATE KEY-----',
    '\\n',
    'MIIB',
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...markers), fc.string(), fc.base64String()), { maxLength: 8 });
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    text.map((pieces) => Buffer.from(pieces.join(''))),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), fc.option(part, { nil: undefined }), (parts, privateKey) => {
      const verdict = judge(input(parts, privateKey === undefined ? { passphrase } : { privateKey, passphrase }));
      expect(verdict.accepted).toBe(false);
      expect(faultsOf(verdict)).toEqual([]);
      const [certificates = Buffer.alloc(0), key = Buffer.alloc(0)] = parts;
      const inspection = inspectPair({ certificates, privateKey: key });
      expect(inspection).toMatchObject({ intact: false, message: expect.not.stringContaining('examined') });
    }),
    { numRuns: 400 },
  );
});

/** One change to a run of bytes. */
const change = fc.record({ at: fc.nat(1_000_000), drop: fc.nat(3), put: fc.uint8Array({ maxLength: 2 }) });

function changed(bytes: Buffer, { at, drop, put }: { at: number; drop: number; put: Uint8Array }): Buffer {
  const position = at % bytes.length;
  return Buffer.concat([bytes.subarray(0, position), put, bytes.subarray(position + drop)]);
}

test.each(['rsa2048', 'p256', 'ed25519'] as const)('a changed body gives a sound verdict: %s', async (type) => {
  const { L, I, R, K } = await worldOf(type);
  const body = Buffer.from(L + I + R + K);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      expect(faultsOf(judge(input([changes.reduce(changed, body)])))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test.each(['rsa2048', 'p256', 'ed25519'] as const)('changed DER gives a sound verdict: %s', async (type) => {
  const { L, I, K, intermediate } = await worldOf(type);
  // Without its issuer nothing but the parser protects from a changed leaf.
  const blocks = [L, I, K].map((text) => ({ label: text.slice(11, text.indexOf('-----', 11)), text }));
  fc.assert(
    fc.property(fc.nat(2), change, fc.boolean(), (which, edit, alone) => {
      const parts = blocks
        .filter(({ text }) => !(alone && text === I))
        .map(({ label, text }, position) => {
          const der = Buffer.from(text.replaceAll(/-----.*-----/g, ''), 'base64');
          return pem(label, position === which ? changed(der, edit) : der);
        });
      expect(faultsOf(judge(input(parts)))).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(judge(input([L + intermediate.certificate + K]))).toMatchObject({ accepted: true });
});

test('a changed bit in a leaf without its issuer: what is accepted, Go accepts', async () => {
  const { L, K } = await worldOf('p256');
  const der = Buffer.from(L.replaceAll(/-----.*-----/g, ''), 'base64');
  const pairs = new WrittenPairs();
  let accepted = 0;
  for (let bit = 0; bit < der.length * 8; bit += 1) {
    const copy = Buffer.from(der);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const verdict = judge(input([pem('CERTIFICATE', copy) + K]));
    if (!verdict.accepted) continue;
    accepted += 1;
    pairs.add(verdict.pair);
  }
  // Names, serial number, signature and the like may hold anything.
  expect(accepted).toBeGreaterThan(der.length);
  expect(pairs.problems(['go'])).toEqual([]);
});

test('no message repeats key material', async () => {
  const { L, I, K } = await worldOf('p256');
  const lines = K.split('\n').slice(1, -2);
  fc.assert(
    fc.property(change, (edit) => {
      const verdict = JSON.stringify({ ...judge(input([L + I, changed(Buffer.from(K), edit)])), pair: undefined });
      expect(lines.filter((line) => verdict.includes(line.slice(0, 16)))).toEqual([]);
    }),
  );
});

test('names that a certificate brings are escaped and cut in every message', async () => {
  const evil = `\u202Egpj.exe\n${'x'.repeat(5000)}`;
  const key = await generateKey('p256');
  const authority = await createAuthority({ name: evil, ...longValid });
  const { certificate } = await authority.issue({ commonName: evil, dnsNames: ['a.example'], key, ...valid });
  const strangers = await Promise.all(Array.from({ length: 20 }, () => createAuthority({ name: evil, ...longValid })));
  const body = certificate + authority.certificate + strangers.map((stranger) => stranger.certificate).join('');
  expect(faultsOf(judge(input([body])))).toEqual([]);
  expect(faultsOf(judge(input([body + pkcs8(await generateKey('p256'))])))).toEqual([]);
  expect(faultsOf(judge(input([body + pkcs8(key)], { dnsNames: ['b.example'] })))).toEqual([]);
  const verdict = judge(input([body + pkcs8(key)]));
  expect(faultsOf(verdict)).toEqual([]);
  expect(verdict).toMatchObject({ accepted: true, findings: [{ reason: 'CertificatesLeftOut' }] });
  const shown = JSON.stringify({ ...verdict, pair: undefined });
  expect(shown).toContain('(+15 more)');
  expect(shown).not.toMatch(/\p{C}/u);
  expect(shown.length).toBeLessThan(1500);
});

test('every pair that was written loads in Go and in OpenSSL', { timeout: 120_000 }, () => {
  expect(collected.problems()).toEqual([]);
});
