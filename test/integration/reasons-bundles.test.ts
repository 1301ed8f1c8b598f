import { generateKeyPairSync, X509Certificate } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Issued, LeafRequest } from '../../sandbox/pki/index.ts';
import { pem } from '../../sandbox/pki/index.ts';
import type { EventReason, SyncedReason } from '../../src/api/reasons.ts';
import { told } from '../support/told.ts';
import { type CertificateSpec, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 60 });

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

/** What can be wrong with one certificate at a provider that works. */
interface Case {
  name: string;
  reason: SyncedReason;
  /** What the message tells of it. */
  seen: string | RegExp;
  /** Puts it into that state at the provider. */
  spoil: (name: string) => unknown;
  spec?: Partial<CertificateSpec>;
  /** It is refused only because of what is in place. */
  comparing?: boolean;
  /** It comes from a fault that a new upload does not end. */
  lasting?: boolean;
}

let w: World;

const withoutKey = ({ certificate, chain, root }: Issued): string => certificate + chain + root;

async function upload(name: string, file: (issued: Issued) => string | Uint8Array, request: LeafRequest = {}) {
  w.nhn.upload(name, file(await w.issue(name, request)), { expires: '2999-12-31' });
}

/** The provider answers with this code. */
const refusing = (code: number) => ({
  seen: `(code ${code})`,
  lasting: true,
  spoil: async (name: string) => {
    w.nhn.fault({ match: name, code });
    await w.upload(name);
  },
});

const cases: Case[] = [
  { name: 'gone', reason: 'CertificateNotFound', ...refusing(52000) },
  { name: 'no-pem', reason: 'CertificateUnavailable', ...refusing(52003) },
  { name: 'other-name', reason: 'MalformedBundle', ...refusing(52004) },
  { name: 'no-authority', reason: 'MalformedBundle', ...refusing(52006) },
  { name: 'not-one-file', reason: 'CertificateUnavailable', ...refusing(52007) },
  { name: 'too-large', reason: 'CertificateUnavailable', ...refusing(52008) },
  { name: 'no-such-file', reason: 'CertificateUnavailable', ...refusing(52009) },
  {
    name: 'unlisted',
    reason: 'CertificateNotFound',
    seen: 'lists no certificate with this name',
    spoil: (name) => w.nhn.remove(name),
  },
  {
    name: 'no-file',
    reason: 'CertificateUnavailable',
    seen: '(code 52001)',
    spoil: (name) => w.nhn.register(name),
  },
  {
    name: 'two-files',
    reason: 'CertificateUnavailable',
    seen: '(code 52002)',
    spoil: async (name) => {
      const { bundle } = await w.upload(name);
      w.nhn.addFile(name, bundle);
    },
  },
  {
    name: 'ended-there',
    reason: 'CertificateExpired',
    seen: '(code 52005)',
    spoil: (name) => w.upload(name, { notAfter: inDays(-1) }),
  },
  {
    name: 'ended',
    reason: 'CertificateExpired',
    seen: /expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/,
    spoil: (name) => upload(name, ({ bundle }) => bundle, { notAfter: inDays(-1) }),
  },
  {
    name: 'to-come',
    reason: 'CertificateNotYetValid',
    seen: /valid .*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/,
    spoil: (name) => upload(name, ({ bundle }) => bundle, { notBefore: inDays(1) }),
  },
  {
    name: 'empty',
    reason: 'CertificateUnavailable',
    seen: 'gave nothing',
    spoil: (name) => upload(name, () => ''),
  },
  {
    name: 'cut',
    reason: 'MalformedBundle',
    seen: 'bundle',
    spoil: (name) => upload(name, ({ bundle }) => bundle.slice(0, -100)),
  },
  {
    name: 'pkcs7',
    reason: 'MalformedBundle',
    seen: 'PKCS#7',
    // ContentInfo of signedData.
    spoil: (name) => upload(name, () => pem('PKCS7', Buffer.from('300b06092a864886f70d010702', 'hex'))),
  },
  {
    name: 'keyless',
    reason: 'PrivateKeyMissing',
    seen: 'no private key',
    spoil: (name) => upload(name, withoutKey),
  },
  {
    name: 'locked',
    reason: 'PrivateKeyEncrypted',
    seen: 'encrypted',
    spoil: (name) =>
      upload(name, (issued) => {
        const passphrase = 'a passphrase that nobody told';
        const cipher = 'aes-256-cbc';
        return withoutKey(issued) + issued.key.export({ type: 'pkcs8', format: 'pem', cipher, passphrase }).toString();
      }),
  },
  {
    name: 'short-key',
    reason: 'UnsupportedKey',
    seen: 'RSA with 1024 bits',
    spoil: (name) =>
      upload(name, ({ bundle }) => bundle, { key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey }),
  },
  {
    name: 'odd-curve',
    reason: 'UnsupportedKey',
    seen: 'secp256k1',
    spoil: (name) =>
      upload(name, ({ bundle }) => bundle, { key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey }),
  },
  {
    name: 'mixed-up',
    reason: 'KeyMismatch',
    seen: /key/,
    spoil: async (name) => {
      const { privateKey } = await w.issue(name);
      await upload(name, (issued) => withoutKey(issued) + privateKey);
    },
  },
  {
    name: 'other-names',
    reason: 'NamesNotCovered',
    seen: /does not cover "other-names\.example\.com"; it has .*"elsewhere\.example\.com"/,
    spec: { dnsNames: ['other-names.example.com'] },
    spoil: (name) => upload(name, ({ bundle }) => bundle, { dnsNames: ['elsewhere.example.com'] }),
  },
  {
    name: 'older',
    reason: 'OlderThanCurrent',
    seen: /older than the one in place/,
    comparing: true,
    spoil: (name) => upload(name, ({ bundle }) => bundle, { notBefore: inDays(-40), notAfter: inDays(40) }),
  },
  {
    name: 'chainless',
    reason: 'IncompleteChain',
    seen: 'chain of 2',
    comparing: true,
    spoil: (name) => upload(name, ({ certificate, privateKey }) => certificate + privateKey),
  },
];

const good = new Map<string, Issued>();

beforeAll(async () => {
  w = await world({ operator: false });
  for (const { name, spec } of cases) {
    good.set(name, await w.upload(name));
    await w.certificate(name, spec);
  }
  await w.startOperator();
});
afterAll(async () => w[Symbol.asyncDispose]());

describe.concurrent('a bundle that is refused', () => {
  test.each(cases)('$name: $reason', async ({ name, reason, seen, spec, spoil, comparing, lasting }) => {
    await w.holds(name, good.get(name)!);
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
    const kept = await w.secret(name);
    await spoil(name);
    await told(w, name, { reason, seen, kept });

    // The same with nothing in place.
    const first = `${name}-first`;
    if (!comparing) {
      await w.certificate(first, { ...spec, remoteRef: { name } });
      await told(w, first, { reason, seen, kept: undefined });
    }
    if (lasting) return;

    const created = inDays(-10).toISOString().slice(0, 10);
    const next = await w.upload(name, {}, { created });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
    expect((await w.event(name, 'Rotated')).message).toContain(
      new Date(new X509Certificate(next.certificate).validTo).toISOString().replace('.000Z', 'Z'),
    );
    if (comparing) return;
    await w.holds(first, next);
    await w.synced(first, 'Synced');
  });
});

/** What is odd about a bundle, but no reason to refuse it. */
const odd: { name: string; reason: EventReason; type: 'Normal' | 'Warning'; seen: string; spoil: Case['spoil'] }[] = [
  {
    name: 'left-out',
    reason: 'CertificatesLeftOut',
    type: 'Normal',
    seen: 'CN=Stranger',
    spoil: async (name) => {
      const { certificate } = await w.authority.intermediate({ name: 'Stranger' });
      await upload(name, ({ bundle }) => bundle + certificate);
    },
  },
  {
    name: 'nameless',
    reason: 'NoSubjectAltName',
    type: 'Warning',
    seen: 'CN=plain.example.com',
    spoil: (name) => upload(name, ({ bundle }) => bundle, { dnsNames: [], commonName: 'plain.example.com' }),
  },
  {
    name: 'ed25519',
    reason: 'LimitedClientSupport',
    type: 'Warning',
    seen: 'Ed25519',
    spoil: (name) => upload(name, ({ bundle }) => bundle, { keyType: 'ed25519' }),
  },
  {
    name: 'leaf-alone',
    reason: 'IncompleteChain',
    type: 'Warning',
    seen: 'CN=Sandbox Intermediate CA',
    spoil: (name) => upload(name, ({ certificate, privateKey }) => certificate + privateKey),
  },
];

describe.concurrent('a bundle that is written all the same', () => {
  test.each(odd)('$name: one event $reason says what is odd', async ({ name, reason, type, seen, spoil }) => {
    await spoil(name);
    await w.certificate(name);
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
    const message = expect.stringContaining(seen);
    expect(await w.event(name, reason)).toEqual({ type, reason, message, count: 1 });
    await w.event(name, 'Synced'); // events come when they come

    // Nothing is written, and nothing said again.
    const refresh = await w.refresh(name);
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(refresh));
    expect((await w.reasons(name)).toSorted()).toEqual(['Synced', reason].toSorted());
    expect(await w.event(name, reason)).toMatchObject({ count: 1 });
  });
});
