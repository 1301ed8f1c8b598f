import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import * as der from '../../../sandbox/pki/der.ts';
import { extension, type LeafRequest } from '../../../sandbox/pki/index.ts';
import { parseCertificate } from '../../../src/certificate/certificate.ts';
import { judge } from '../../../src/certificate/gate.ts';
import { inDays, input, valid, worldOf } from './world.ts';

async function issue(request: LeafRequest): Promise<Buffer> {
  const { intermediate, leaf } = await worldOf('p256');
  const { certificate } = await intermediate.issue({ key: leaf.key, ...valid, ...request });
  return Buffer.from(new X509Certificate(certificate).raw);
}

async function parse(request: LeafRequest) {
  return parseCertificate(await issue(request), 0);
}

const name = (tag: number, value: string): Buffer =>
  extension('2.5.29.17', der.sequence(der.element(tag, Buffer.from(value, 'latin1'))));

describe('what Go refuses is refused', () => {
  const keyId = der.octetString(Buffer.alloc(20));

  const twice = extension('1.2.3.4', der.nothing);
  const noKeyIds = { keyIdentifiers: { subject: false, authority: false } };
  const hugeArc = der.sequence(Buffer.from('06062a8880808000', 'hex'), der.octetString());
  const deep = Array.from({ length: 500 }).reduce<Buffer>((inner) => der.sequence(inner), der.nothing);

  test.each<[string, string, LeafRequest]>([
    ['a negative serial number', 'serial number is negative', { serialNumber: -5n }],
    ['the same extension twice', 'same extension twice', { extensions: [twice, twice] }],
    ['a critical key identifier', 'critical', { ...noKeyIds, extensions: [extension('2.5.29.14', keyId, true)] }],
    ['a DNS name that is not ASCII', 'not ASCII', { dnsNames: [], extensions: [name(0x82, 'm\u00fcnchen.example')] }],
    ['a URI with a broken host', 'URI', { dnsNames: [], extensions: [name(0x86, 'http://[::1')] }],
    ['a URI with a broken escape', 'URI', { dnsNames: [], extensions: [name(0x86, 'urn:%zz')] }],
    ['an IP address of five bytes', 'IP', { dnsNames: [], extensions: [name(0x87, '12345')] }],
    [
      'a name that is cut',
      'ends too early',
      { dnsNames: [], extensions: [extension('2.5.29.17', name(0x82, 'a').subarray(0, 4))] },
    ],
    [
      'data behind the value of an extension',
      'more data',
      { extensions: [extension('2.5.29.32', Buffer.from('300000', 'hex'))] },
    ],
    ['an arc of an identifier that is too large', 'identifier is too large', { extensions: [hugeArc] }],
    ['nesting without end', 'nested too deeply', { ...noKeyIds, extensions: [extension('2.5.29.35', deep)] }],
  ])('%s', async (_, message, request) => {
    await expect(parse(request)).rejects.toThrow(message);
  });

  test('data behind the certificate', async () => {
    const bytes = await issue({});
    expect(() => parseCertificate(Buffer.concat([bytes, Buffer.from([0])]), 0)).toThrow('more data');
  });

  test('a length that is not in its shortest form', async () => {
    const bytes = await issue({});
    const longer = Buffer.concat([Buffer.from([0x30, 0x83, 0]), bytes.subarray(2)]);
    expect(() => parseCertificate(longer, 0)).toThrow('shortest form');
  });

  test('two signature algorithms', async () => {
    const bytes = await issue({});
    const [sha256, sha384] = ['2a8648ce3d040302', '2a8648ce3d040303'].map((hex) => Buffer.from(hex, 'hex'));
    bytes.set(sha384 ?? [], bytes.lastIndexOf(sha256 ?? ''));
    expect(() => parseCertificate(bytes, 0)).toThrow('two different signature algorithms');
  });

  test('dates that do not exist', async () => {
    const bytes = await issue({ notBefore: new Date(Date.UTC(2027, 0, 31)) });
    const month = bytes.indexOf('270131');
    bytes.write('270230', month, 'latin1');
    expect(() => parseCertificate(bytes, 0)).toThrow('dates');
  });

  test('and the gate says so', async () => {
    const { intermediate, leaf, I, K } = await worldOf('p256');
    const { certificate } = await intermediate.issue({ key: leaf.key, ...valid, serialNumber: -5n });
    const verdict = judge(input([I + certificate + K]));
    expect(verdict).toMatchObject({ accepted: false, reason: 'MalformedBundle' });
    expect(verdict).toHaveProperty(
      'message',
      'The bundle cannot be used: certificate 2: its serial number is negative.',
    );
  });
});

describe('what a certificate says', () => {
  test('every public root parses', () => {
    const roots = rootCertificates.map((root) => parseCertificate(Buffer.from(new X509Certificate(root).raw), 0));
    expect(roots.every((root) => root.isAuthority || root.x509.ca === false)).toBe(true);
    for (const root of roots) {
      expect([root.notBefore, root.notAfter]).toEqual([+root.x509.validFromDate, +root.x509.validToDate]);
    }
  });

  test('names, as they are', async () => {
    const certificate = await parse({
      commonName: 'Ünïcode, "quoted"\n',
      dnsNames: ['a.example', '*.B.example', 'x,y'],
    });
    expect(certificate).toMatchObject({
      commonName: 'Ünïcode, "quoted"\n',
      dnsNames: ['a.example', '*.B.example', 'x,y'],
      issuer: 'CN=I',
      isAuthority: false,
      allowsServer: true,
      hasAlternativeName: true,
    });
  });

  test('dates before 1950 and after 2049', async () => {
    const request = { notBefore: new Date(Date.UTC(1949, 5, 1)), notAfter: new Date('9999-12-31T23:59:59Z') };
    expect(await parse(request)).toMatchObject({ notBefore: +request.notBefore, notAfter: +request.notAfter });
    expect(await parse({ notBefore: new Date(Date.UTC(1950, 0, 1)), notAfter: inDays(1) })).toMatchObject({
      notBefore: Date.UTC(1950, 0, 1),
    });
  });

  test('a certificate inside an extension is not mistaken for the certificate itself', async () => {
    const { L } = await worldOf('p256');
    const smuggled = { dnsNames: ['evil.example'], extensions: [extension('1.2.3.4', Buffer.from(`\n${L}\n`))] };
    await expect(parse(smuggled)).rejects.toThrow('more data');
  });

  test('other alternative names count as names, and as no DNS name', async () => {
    const uri = der.element(0x86, Buffer.from('spiffe://cluster.local/ns/a/sa/b%20c'));
    const ip = der.element(0x87, Buffer.from([10, 0, 0, 1]));
    const request = { dnsNames: [], extensions: [extension('2.5.29.17', der.sequence(uri, ip))] };
    expect(await parse(request)).toMatchObject({ dnsNames: [], hasAlternativeName: true });
  });
});
