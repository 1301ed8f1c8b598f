import { createPrivateKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthority, clientAuth, pem } from '../../../sandbox/pki/index.ts';
import { judge, type GateInput, type InPlace } from '../../../src/certificate/gate.ts';
import type { Finding, GateReason, Verdict } from '../../../src/certificate/verdict.ts';
import { WrittenPairs } from '../../support/pairs.ts';
import { encrypted, inDays, input, longValid, passphrase, pkcs8, valid, worldOf, type World } from './world.ts';

interface Written {
  certificates: string;
  privateKey: string;
  ca: string | undefined;
  findings: Finding['reason'][];
  /** To be found in the messages of the findings. */
  mention?: string;
}

interface Refused {
  reason: GateReason;
  mention?: string;
}

interface Case {
  /** One part, unless it is a list of parts. */
  body: string | Uint8Array | (string | Uint8Array)[];
  expected: Written | Refused;
  options?: Partial<GateInput>;
}

/** The cases of one row for a world; none if the row does not apply to its type of key. */
type Row = (world: World) => Promise<Case[]> | Case[];

/** The pair L I with K, and R in ca.crt if it is given; Ed25519 always comes with its own finding. */
function written(world: World, more: Partial<Written> = {}): Written {
  const { findings = [], ...rest } = more;
  const limited = world.type === 'ed25519' ? (['LimitedClientSupport'] as const) : [];
  return {
    certificates: world.L + world.I,
    privateKey: world.K,
    ca: undefined,
    findings: [...findings, ...limited].toSorted(),
    ...rest,
  };
}

const refused = (reason: GateReason, mention?: string): Refused => ({ reason, ...(mention ? { mention } : {}) });

const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const derOf = (text: string): Buffer => Buffer.from(text.replaceAll(/-----.*-----|\n/g, ''), 'base64');
const reasonFor = { malformed: refused('MalformedBundle') };

/** How OpenSSL wrote keys before PKCS#8. */
function traditional(world: World, secret?: string): string {
  const key = createPrivateKey(world.K);
  const type = world.type.startsWith('rsa') ? 'pkcs1' : 'sec1';
  const protection = secret === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: secret };
  return key.export({ type, format: 'pem', ...protection } as const).toString();
}

const rows: Record<string, Row> = {
  '1 leaf, intermediate, root, key': (w) => [
    { body: w.L + w.I + w.R + w.K, expected: written(w, { ca: w.R }) },
    { body: w.L + w.I + w.K, expected: written(w) },
    { body: w.L + w.I + w.R + w.K, options: { caCertificate: 'Omit' }, expected: written(w) },
  ],
  '2 key first': (w) => [{ body: w.K + w.L + w.I, expected: written(w) }],
  '3 text around the blocks': (w) => {
    const bag = 'Bag Attributes\n    localKeyID: 54 69 6D\nKey Attributes: <No Attributes>\n';
    return [{ body: `Hello\n${bag}${w.L}subject=CN = x\n\n${bag}${w.I}---\n${bag}${w.K}bye`, expected: written(w) }];
  },
  '4 CRLF, no final newline, byte order mark': (w) => [
    { body: crlf(w.L + w.I + w.K), expected: written(w) },
    { body: (w.L + w.I + w.K).trimEnd(), expected: written(w) },
    { body: `\uFEFF${w.L}${w.I}${w.K}`, expected: written(w) },
    { body: `\uFEFF${crlf(w.L + w.I + w.K).trimEnd()}`, expected: written(w) },
    { body: (w.L + w.I + w.K).replaceAll('-----\n-----', '----------'), expected: written(w) },
  ],
  '5 two keys': (w) => [
    { body: w.L + w.I + pkcs8(w.otherKey) + w.K, expected: written(w) },
    { body: w.K + pkcs8(w.otherKey) + w.L + w.I, expected: written(w) },
  ],
  '6 reversed, leaf with SKI': (w) => [{ body: w.R + w.I + w.L + w.K, expected: written(w, { ca: w.R }) }],
  '7 reversed, no key identifiers': async (w) => {
    const bare = { keyIdentifiers: { subject: false, authority: false } };
    const root = await createAuthority({ name: 'R', key: w.root.key, ...longValid, ...bare });
    const authority = await root.intermediate({ name: 'I', key: w.intermediate.key, ...longValid, ...bare });
    const { certificate } = await authority.issue({ key: w.leaf.key, ...valid, ...bare });
    const certificates = certificate + authority.certificate;
    const body = root.certificate + authority.certificate + certificate + w.K;
    return [{ body, expected: written(w, { certificates, ca: root.certificate }) }];
  },
  '8 leaf without SKI': async (w) => {
    const keyIdentifiers = { subject: false, authority: true };
    const { certificate } = await w.intermediate.issue({ key: w.leaf.key, ...valid, keyIdentifiers });
    const expected = written(w, { certificates: certificate + w.I, ca: w.R });
    return [{ body: certificate + w.I + w.R + w.K, expected }];
  },
  '9 and 10 PKCS#1, SEC1, with EC PARAMETERS': (w) => {
    if (w.type === 'ed25519') return [];
    const cases: Case[] = [{ body: w.L + w.I + traditional(w), expected: written(w) }];
    if (w.type.startsWith('p')) {
      const parameters = pem('EC PARAMETERS', Buffer.from('06082a8648ce3d030107', 'hex'));
      const expected = written(w, { findings: ['CertificatesLeftOut'], mention: 'EC PARAMETERS' });
      cases.push({ body: w.L + w.I + parameters + traditional(w), expected });
    }
    return cases;
  },
  '11 encrypted PKCS#8': (w) => {
    const body = w.L + w.I + encrypted(w.K);
    return [
      { body, expected: refused('PrivateKeyEncrypted', 'no passphrase') },
      { body, options: { passphrase: 'wrong' }, expected: refused('PrivateKeyEncrypted', 'does not open') },
      { body, options: { passphrase }, expected: written(w) },
      { body: w.L + w.I, options: { privateKey: Buffer.from(encrypted(w.K)), passphrase }, expected: written(w) },
    ];
  },
  '12 legacy Proc-Type': (w) => {
    if (w.type === 'ed25519') return [];
    const body = w.L + w.I + traditional(w, passphrase);
    expect(body).toContain('Proc-Type: 4,ENCRYPTED');
    return [
      { body, expected: refused('PrivateKeyEncrypted') },
      { body, options: { passphrase: 'wrong' }, expected: refused('PrivateKeyEncrypted') },
      { body, options: { passphrase }, expected: written(w) },
      { body: crlf(body), options: { passphrase }, expected: written(w) },
      { body: body.replaceAll('\n', '\\n'), options: { passphrase }, expected: written(w) },
    ];
  },
  '13 empty body': () => [
    { body: '', expected: refused('CertificateUnavailable') },
    { body: [], expected: refused('CertificateUnavailable') },
  ],
  '14 no key': (w) => [
    { body: w.L + w.I, expected: refused('PrivateKeyMissing') },
    { body: w.L + w.I, options: { privateKey: Buffer.from(w.K) }, expected: written(w) },
    { body: w.L + w.I, options: { privateKey: Buffer.from('null') }, expected: refused('PrivateKeyMissing') },
    // A key of the bundle that fits goes before the supplied one, even before a damaged one.
    { body: w.L + w.I + w.K, options: { privateKey: Buffer.from('garbage') }, expected: written(w) },
    { body: w.L + w.I + pkcs8(w.otherKey), options: { privateKey: Buffer.from(w.K) }, expected: written(w) },
  ],
  '15 error bodies': () => [
    { body: '{"header":{"isSuccessful":false}}', expected: refused('MalformedBundle', 'not PEM') },
    { body: '<html><body>Not found</body></html>', expected: refused('MalformedBundle', 'not PEM') },
    { body: ' \r\n\t ', expected: refused('CertificateUnavailable') },
    { body: ' '.repeat(5000), expected: refused('CertificateUnavailable') },
  ],
  '16 cut inside the key, or key last and cut inside the chain': (w) => {
    const key = w.L + w.I + w.K;
    return [
      { body: key.slice(0, -40), expected: reasonFor.malformed },
      { body: (w.L + w.I).slice(0, -60) + w.K, expected: reasonFor.malformed },
    ];
  },
  '17 key first, cut inside the intermediate': (w) => [
    { body: (w.K + w.L + w.I).slice(0, -60), expected: reasonFor.malformed },
    { body: (w.K + w.L + w.I).slice(0, -3), expected: reasonFor.malformed },
    { body: `${w.K}${w.L}-----BEG`, expected: reasonFor.malformed },
    { body: `${w.K}${w.L}-`, expected: reasonFor.malformed },
  ],
  '18 key of another certificate': (w) => [
    { body: w.L + w.I + pkcs8(w.otherKey), expected: refused('KeyMismatch', 'www.example.com') },
  ],
  '19 self-signed leaf': async (w) => {
    const subject = { key: w.leaf.key, name: 'www.example.com', dnsNames: ['www.example.com'], ...valid };
    const plain = await createAuthority({ ...subject, authority: false });
    const likeOpenssl = await createAuthority(subject);
    return [plain, likeOpenssl].map(({ certificate }) => ({
      body: certificate + w.K,
      expected: written(w, { certificates: certificate }),
    }));
  },
  '20 duplicates': (w) => [
    { body: w.L + w.L + w.I + w.I + w.K, expected: written(w) },
    { body: w.L + w.I + w.R + w.I + w.R + w.L + w.K + w.K, expected: written(w, { ca: w.R }) },
  ],
  '21 two leaves, one key': async (w) => {
    const other = await w.intermediate.issue({ key: w.otherKey, dnsNames: ['other.example.com'], ...valid });
    const expected = written(w, { findings: ['CertificatesLeftOut'], mention: 'other.example.com' });
    return [
      { body: w.L + other.certificate + w.I + w.K, expected },
      { body: other.certificate + w.L + w.I + w.K, expected },
    ];
  },
  '22 old and new leaf with the same key': (w) => {
    const expected = written(w, { findings: ['CertificatesLeftOut'] });
    return [
      { body: w.older.certificate + w.L + w.I + w.K, expected },
      { body: w.L + w.older.certificate + w.I + w.K, expected },
    ];
  },
  '22 issued last, then ending last': async (w) => {
    const { key } = w.leaf;
    const shorter = await w.intermediate.issue({ key, notBefore: inDays(-5), notAfter: inDays(30) });
    const longer = await w.intermediate.issue({ key, notBefore: inDays(-5), notAfter: inDays(31) });
    const findings = ['CertificatesLeftOut'] as Finding['reason'][];
    const [s, l] = [shorter.certificate, longer.certificate];
    return [
      { body: w.L + s + w.I + w.K, expected: written(w, { certificates: s + w.I, findings }) },
      { body: s + w.L + w.I + w.K, expected: written(w, { certificates: s + w.I, findings }) },
      { body: s + l + w.I + w.K, expected: written(w, { certificates: l + w.I, findings }) },
      { body: l + s + w.I + w.K, expected: written(w, { certificates: l + w.I, findings }) },
    ];
  },
  '23 unrelated certificate': async (w) => {
    const { certificate } = await createAuthority({ name: 'Stranger', key: w.otherKey, ...longValid });
    const expected = written(w, { findings: ['CertificatesLeftOut'], mention: 'CN=Stranger' });
    return [
      { body: w.L + w.I + certificate + w.K, expected },
      { body: certificate + w.L + w.I + w.K, expected },
    ];
  },
  '24 issuer missing': async (w) => {
    const expected = written(w, { certificates: w.L, findings: ['IncompleteChain'], mention: 'CN=I' });
    const leafOnly: InPlace = { facts: { ...(await placedIn(w)).facts, chainLength: 1 }, asRecorded: true };
    const outdated: InPlace = { facts: { ...(await placedIn(w)).facts, notAfter: 0 }, asRecorded: true };
    return [
      { body: w.L + w.K, options: { inPlace: leafOnly }, expected },
      { body: w.L + w.K, options: { inPlace: outdated }, expected },
      { body: w.L + w.K, options: { inPlace: await placedIn(w) }, expected: refused('IncompleteChain', 'CN=I') },
      { body: w.L + w.K, options: { inPlace: await placedIn(w), allowIncompleteChain: true }, expected },
    ];
  },
  '25 forged intermediate beside the right one': async (w) => {
    const forged = await w.root.intermediate({ name: 'I', key: w.otherKey, ...longValid });
    const expected = written(w, { ca: w.R, findings: ['CertificatesLeftOut'] });
    return [
      { body: w.L + forged.certificate + w.I + w.R + w.K, expected },
      { body: w.L + w.I + forged.certificate + w.R + w.K, expected },
    ];
  },
  '26 expired, not yet valid': async (w) => {
    const { key } = w.leaf;
    const expired = await w.intermediate.issue({ key, notBefore: inDays(-90), notAfter: inDays(-1) });
    const tomorrow = await w.intermediate.issue({ key, notBefore: inDays(1), notAfter: inDays(90) });
    return [
      { body: expired.certificate + w.I + w.K, expected: refused('CertificateExpired', '2027-01-14T12:00:00Z') },
      { body: tomorrow.certificate + w.I + w.K, expected: refused('CertificateNotYetValid', '2027-01-16T12:00:00Z') },
    ];
  },
  '27 older than the pair in place': async (w) => {
    const older = { facts: (await placedIn(w)).facts, asRecorded: true };
    const newer: InPlace = {
      facts: { ...older.facts, notBefore: +inDays(-1), notAfter: +inDays(90) },
      asRecorded: true,
    };
    const body = w.L + w.I + w.K;
    const edited = { ...newer, asRecorded: false };
    const sameEnd: InPlace = { ...newer, facts: { ...newer.facts, notAfter: valid.notAfter.getTime() } };
    const earlier: InPlace = { ...newer, facts: { ...newer.facts, notBefore: +inDays(-20) } };
    const expired: InPlace = { ...newer, facts: { ...newer.facts, notBefore: +inDays(100), notAfter: +inDays(200) } };
    return [
      { body, options: { inPlace: newer }, expected: refused('OlderThanCurrent', '2027-04-15') },
      { body, options: { inPlace: newer, allowOlder: true }, expected: written(w) },
      { body, options: { inPlace: edited }, expected: written(w) },
      { body, options: { inPlace: sameEnd }, expected: written(w) },
      { body, options: { inPlace: earlier }, expected: written(w) },
      { body, options: { inPlace: expired }, expected: written(w) },
    ];
  },
  '27 in place, but not what the spec asks for now': async (w) => {
    const { facts } = await placedIn(w);
    const uncovering: InPlace = {
      facts: { ...facts, dnsNames: ['old.example.com'], notBefore: +inDays(-1), notAfter: +inDays(90) },
      asRecorded: true,
    };
    const options = { inPlace: uncovering, dnsNames: ['www.example.com'] };
    return [{ body: w.L + w.I + w.K, options, expected: written(w) }];
  },
  '28 names': async (w) => {
    const common = { commonName: 'api.example.com', dnsNames: ['www.example.com'], key: w.leaf.key, ...valid };
    const named = await w.intermediate.issue(common);
    const body = w.L + w.I + w.K;
    const dnsNames = ['www.example.com', 'api.example.com'];
    return [
      { body, options: { dnsNames: ['WWW.Example.com'] }, expected: written(w) },
      { body, options: { dnsNames }, expected: refused('NamesNotCovered', 'api.example.com') },
      { body: named.certificate + w.I + w.K, options: { dnsNames }, expected: refused('NamesNotCovered', 'api') },
    ];
  },
  '29 broken contents': (w) => {
    const der = derOf(w.I);
    der[30] = 0xff;
    const nested = w.I.replace('-----\n', `-----\n${w.K}`);
    const trailing = Buffer.concat([derOf(w.I), Buffer.from([0])]);
    return [
      { body: w.L + pem('CERTIFICATE', der.subarray(0, 200)) + w.K, expected: reasonFor.malformed },
      { body: w.L + pem('CERTIFICATE', Buffer.alloc(300)) + w.K, expected: reasonFor.malformed },
      { body: w.L + pem('CERTIFICATE', trailing) + w.K, expected: reasonFor.malformed },
      { body: w.L + nested + w.K, expected: reasonFor.malformed },
      { body: w.L + w.I + pem('PRIVATE KEY', derOf(w.K).subarray(0, -3)), expected: reasonFor.malformed },
      { body: w.L + w.I + pem('PRIVATE KEY', derOf(w.L)), expected: reasonFor.malformed },
      { body: w.L + pem('CERTIFICATE', derOf(w.K)) + w.K, expected: reasonFor.malformed },
    ];
  },
  '30 too much of everything': (w) => {
    const lines = '-----BEGIN CERTIFICATE-----\n';
    return [
      { body: `${w.L}${w.I}${w.K}${' '.repeat(600 * 1024)}`, expected: refused('MalformedBundle', '512 KiB') },
      {
        body: [w.L, w.I + ' '.repeat(300_000), w.K + ' '.repeat(300_000)],
        expected: refused('MalformedBundle', '512 KiB'),
      },
      { body: w.L + w.I.repeat(499) + w.K, expected: reasonFor.malformed },
      { body: w.L + w.I.repeat(100) + w.K, expected: refused('MalformedBundle', '100 certificates') },
      { body: w.L + w.I + w.K + pkcs8(w.otherKey).repeat(10), expected: refused('MalformedBundle', '10 private keys') },
      { body: lines.repeat(Math.floor((512 * 1024) / lines.length)), expected: reasonFor.malformed },
    ];
  },
  '31 encodings of fields': (w) => {
    const encodings: ((text: string) => string)[] = [
      (text) => text,
      (text) => text.replaceAll('\n', '\\n'),
      (text) => text.replaceAll('\n', '\\r\\n'),
      base64,
      (text) => base64(text).replaceAll(/.{76}/g, '$&\r\n'),
      (text) => base64(text).replaceAll(/.{64}/g, '$&\\n'),
      (text) => Buffer.from(text).toString('base64url'),
      (text) => base64(crlf(text)).replaceAll('=', ''),
      (text) => base64(text.replaceAll('\n', '\\n')),
      (text) => derOf(text).toString('base64'),
    ];
    const absent = ['', 'null', '"null"', '""', '****', '*', '<not returned>', ' \n', '\uFEFF'];
    return [
      ...encodings.map((encode) => ({ body: [encode(w.L), encode(w.I), encode(w.K)], expected: written(w) })),
      { body: [derOf(w.L), derOf(w.I), derOf(w.K)], expected: written(w) },
      ...absent.map((none) => ({ body: [w.L, w.I, none], expected: refused('PrivateKeyMissing') })),
      ...absent.map((none) => ({ body: [none, none, none], expected: refused('CertificateUnavailable') })),
      { body: [w.L, 'not@PEM', w.K], expected: refused('MalformedBundle', 'not PEM') },
      { body: ['', '', w.K], expected: refused('CertificateUnavailable') },
    ];
  },
  '32 chain fields': (w) => [
    { body: [w.L, w.I + w.R, w.K], expected: written(w, { ca: w.R }) },
    { body: [w.L, w.L + w.I, w.K], expected: written(w) },
    { body: [w.L + w.I, '', w.K], expected: written(w) },
    { body: [w.L + w.I, 'null', w.K], expected: written(w) },
  ],
  '33 other labels for certificates': (w) => {
    const trusted = pem('TRUSTED CERTIFICATE', Buffer.concat([derOf(w.L), Buffer.from('3003020100', 'hex')]));
    return [
      { body: trusted + w.I + w.K, expected: written(w) },
      { body: (w.L + w.I).replaceAll('CERTIFICATE', 'X509 CERTIFICATE') + w.K, expected: written(w) },
    ];
  },
  '33 blocks of other kinds': (w) => {
    const labels = ['DH PARAMETERS', 'CERTIFICATE REQUEST', 'X509 CRL', 'PUBLIC KEY'];
    return labels.map((label) => ({
      body: pem(label, Buffer.from('3003020100', 'hex')) + w.L + w.I + w.K,
      expected: written(w, { findings: ['CertificatesLeftOut'], mention: label }),
    }));
  },
  '34 PKCS#7 and PFX': (w) => {
    const pkcs7 = Buffer.from('300b06092a864886f70d010702', 'hex');
    const pfx = Buffer.from('3012020103300d06092a864886f70d0107010400', 'hex');
    const saysPkcs7 = refused('MalformedBundle', 'PKCS#7');
    const saysPfx = refused('MalformedBundle', 'PKCS#12');
    return [
      { body: pem('PKCS7', pkcs7) + w.K, expected: saysPkcs7 },
      { body: pem('CERTIFICATE', pkcs7) + w.K, expected: saysPkcs7 },
      { body: pkcs7, expected: saysPkcs7 },
      { body: pfx, expected: saysPfx },
      { body: pfx.toString('base64'), expected: saysPfx },
    ];
  },
  '35 encrypted and plain key': (w) => [
    { body: w.L + w.I + encrypted(w.K) + w.K, expected: written(w) },
    { body: w.L + w.I + encrypted(w.K) + w.K, options: { passphrase: 'wrong' }, expected: written(w) },
    { body: w.L + w.I + encrypted(w.K) + pkcs8(w.otherKey), expected: refused('PrivateKeyEncrypted') },
    { body: w.L + w.I + encrypted(w.K) + pkcs8(w.otherKey), options: { passphrase }, expected: written(w) },
  ],
  '36 two certificates, two keys': async (w) => {
    const dates = { notBefore: inDays(-5), notAfter: inDays(85) };
    const second = await w.intermediate.issue({ key: w.otherKey, dnsNames: ['two.example.com'], ...dates });
    const body = w.L + w.K + second.certificate + second.privateKey + w.I;
    const findings = ['CertificatesLeftOut'] as Finding['reason'][];
    const newest = { certificates: second.certificate + w.I, privateKey: second.privateKey, findings };
    return [
      { body, expected: written(w, newest) },
      { body, options: { dnsNames: ['two.example.com'] }, expected: written(w, newest) },
      { body, options: { dnsNames: ['www.example.com'] }, expected: written(w, { findings }) },
      { body, options: { dnsNames: ['three.example.com'] }, expected: refused('NamesNotCovered') },
      { body: w.L + second.certificate + second.privateKey + w.I, expected: written(w, newest) },
    ];
  },
  '38 no subject alternative name': async (w) => {
    const request = { key: w.leaf.key, dnsNames: [], commonName: 'plain.example.com', ...valid };
    const { certificate } = await w.intermediate.issue(request);
    const more = { findings: ['NoSubjectAltName'] as Finding['reason'][], mention: 'plain.example.com' };
    const body = certificate + w.I + w.K;
    return [
      { body, expected: written(w, { certificates: certificate + w.I, ...more }) },
      { body, options: { dnsNames: ['plain.example.com'] }, expected: refused('NamesNotCovered') },
    ];
  },
  '39 an authority and a leaf with one key': async (w) => {
    const dates = { notBefore: inDays(-1), notAfter: inDays(200) };
    const authority = await createAuthority({ name: 'Own', key: w.leaf.key, ...dates });
    const renewed = await createAuthority({ name: 'Own', key: w.leaf.key, ...longValid });
    const findings = ['CertificatesLeftOut'] as Finding['reason'][];
    return [
      { body: w.L + w.I + authority.certificate + w.K, expected: written(w, { findings, mention: 'CN=Own' }) },
      { body: authority.certificate + w.L + w.I + w.K, expected: written(w, { findings, mention: 'CN=Own' }) },
      { body: authority.certificate + renewed.certificate + w.K, expected: refused('MalformedBundle', 'CN=Own') },
    ];
  },
  '39 issuing authority and its key': (w) => [
    { body: w.I + pkcs8(w.intermediate.key), expected: refused('MalformedBundle', 'CN=I') },
    { body: w.I + w.R + pkcs8(w.intermediate.key), expected: refused('MalformedBundle', 'CN=I') },
  ],
  '40 extended key usage': async (w) => {
    const only = await w.intermediate.issue({ key: w.leaf.key, extendedKeyUsage: [clientAuth], ...valid });
    const none = await w.intermediate.issue({ key: w.leaf.key, extendedKeyUsage: [], ...valid });
    const dates = { notBefore: inDays(-1), notAfter: inDays(90) };
    const later = await w.intermediate.issue({ key: w.leaf.key, extendedKeyUsage: [clientAuth], ...dates });
    return [
      { body: only.certificate + w.I + w.K, expected: refused('MalformedBundle', 'serverAuth') },
      { body: none.certificate + w.I + w.K, expected: written(w, { certificates: none.certificate + w.I }) },
      { body: later.certificate + w.L + w.I + w.K, expected: written(w, { findings: ['CertificatesLeftOut'] }) },
    ];
  },
  '41 cross certificate': async (w) => {
    const other = await createAuthority({ name: 'R2', key: w.otherKey, ...longValid });
    const twin = { name: 'R', key: w.root.key };
    const good = await other.intermediate({ ...twin, ...longValid });
    const expired = await other.intermediate({ ...twin, notBefore: inDays(-900), notAfter: inDays(-1) });
    const over = { certificates: w.L + w.I + good.certificate };
    const left = { findings: ['CertificatesLeftOut'] as Finding['reason'][] };
    return [
      { body: w.L + w.I + w.R + good.certificate + w.K, expected: written(w, { ...over, ...left }) },
      {
        body: w.L + w.I + good.certificate + w.R + other.certificate + w.K,
        expected: written(w, { ...over, ...left, ca: other.certificate }),
      },
      { body: w.L + w.I + expired.certificate + w.R + w.K, expected: written(w, { ...left, ca: w.R }) },
    ];
  },
  '42 expired intermediate': async (w) => {
    const twin = { name: 'I', key: w.intermediate.key };
    const expired = await w.root.intermediate({ ...twin, notBefore: inDays(-900), notAfter: inDays(-1) });
    const left = { findings: ['CertificatesLeftOut'] as Finding['reason'][] };
    return [
      { body: w.L + expired.certificate + w.R + w.K, expected: refused('CertificateExpired', 'CN=I') },
      { body: w.L + expired.certificate + w.I + w.K, expected: written(w, left) },
      { body: w.L + w.I + expired.certificate + w.K, expected: written(w, left) },
    ];
  },
};

/** The older pair as it would be in place. */
async function placedIn(world: World): Promise<InPlace> {
  const verdict = judge(input([world.older.certificate + world.I + world.K]));
  if (!verdict.accepted) throw new Error(verdict.message);
  return { facts: verdict.pair.facts, asRecorded: true };
}

/** A verdict in the words of the table. */
function outcomeOf(verdict: Verdict) {
  if (!verdict.accepted) return { reason: verdict.reason };
  const { certificates, ca, privateKey } = verdict.pair;
  const findings = verdict.findings.map(({ reason }) => reason).toSorted();
  return { certificates, ca, privateKey: Buffer.from(privateKey).toString(), findings };
}

function messagesOf(verdict: Verdict): string {
  return verdict.accepted ? verdict.findings.map(({ message }) => message).join('\n') : verdict.message;
}

const collected = new WrittenPairs();

describe.each(['rsa2048', 'rsa4096', 'p256', 'p384', 'ed25519'] as const)('%s', (type) => {
  test.each(Object.entries(rows))('%s', async (_, row) => {
    const world = await worldOf(type);
    for (const { body, options, expected } of await row(world)) {
      const { mention = '', ...outcome } = expected;
      // Row 24 and 27 say themselves what is in place.
      const situations = options?.inPlace === undefined ? [{}, { inPlace: await placedIn(world) }] : [{}];
      for (const situation of situations) {
        const verdict = judge(input(Array.isArray(body) ? body : [body], { ...situation, ...options }));
        expect(outcomeOf(verdict)).toEqual(outcome);
        expect(messagesOf(verdict)).toContain(mention);
        if (verdict.accepted) collected.add(verdict.pair);
      }
    }
  });
});

test('every pair that was written loads in Go and in OpenSSL', { timeout: 120_000 }, () => {
  expect(collected.problems()).toEqual([]);
});
