import { X509Certificate } from 'node:crypto';
import { bits, DerReader, enterOnly, identifier, naturalNumber, only, tags, type Element } from './der.ts';
import { readExtensions, type Extensions } from './extensions.ts';
import { FormatError } from './format-error.ts';
import { readText } from './strings.ts';

/** A certificate that both OpenSSL and Go would parse. */
export interface Certificate extends Extensions {
  x509: X509Certificate;
  /** Where it stands among the certificates of the input, from 0. */
  position: number;
  subject: string;
  issuer: string;
  /** The last common name of the subject. */
  commonName?: string;
  /** ms since the epoch; valid from the one to the other, both included. */
  notBefore: number;
  notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer;
}

/**
 * Parses one certificate. OpenSSL reads more than Go does (negative serial numbers, duplicate extensions, trailing
 * data, …), and most servers behind an ingress are written in Go: what Go refuses throws a FormatError here.
 */
export function parseCertificate(der: Buffer, position: number): Certificate {
  const outer = enterOnly(der, tags.sequence);
  const content = outer.enter(tags.sequence);
  const algorithm = outer.next(tags.sequence);
  bits(outer.next(tags.bitString));
  outer.finish();

  const versionField = content.optional(0xa0);
  const version = versionField === undefined ? 0n : naturalNumber(only(versionField.content, tags.integer));
  if (version > 2n) throw new FormatError('its version is unknown');
  const serialNumber = content.next(tags.integer);
  if ((serialNumber.content[0] ?? 0) >= 0x80) throw new FormatError('its serial number is negative');
  naturalNumber(serialNumber);
  if (!content.next(tags.sequence).bytes.equals(algorithm.bytes)) {
    throw new FormatError('it names two different signature algorithms');
  }
  readAlgorithm(new DerReader(algorithm.content));
  readName(content.enter(tags.sequence));
  const validity = content.enter(tags.sequence);
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  validity.finish();
  const commonName = readName(content.enter(tags.sequence));
  const publicKey = content.next(tags.sequence).bytes;
  readPublicKey(enterOnly(publicKey, tags.sequence));
  if (version > 0n) {
    content.optional(0x81);
    content.optional(0x82);
  }
  const extensions = version === 2n ? content.optional(0xa3) : undefined;
  content.finish();
  const said = readExtensions(extensions?.content);

  const x509 = parseByOpenSSL(der);
  return {
    x509,
    position,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    ...(commonName === undefined ? {} : { commonName }),
    notBefore,
    notAfter,
    publicKey,
    ...said,
  };
}

function parseByOpenSSL(der: Buffer): X509Certificate {
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(der);
  } catch {
    throw new FormatError('OpenSSL cannot parse it');
  }
  // Node looks for PEM inside the bytes first, and an extension may hold a whole other certificate as PEM.
  if (!x509.raw.equals(der)) throw new FormatError('it holds more data than it should');
  return x509;
}

/** Node prints one attribute per line, the most general first; people look for the common name. */
export function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').reverse().join(', ');
}

function readAlgorithm(reader: DerReader): void {
  identifier(reader.next(tags.objectIdentifier));
  if (!reader.done) reader.next();
}

function readPublicKey(info: DerReader): void {
  readAlgorithm(info.enter(tags.sequence));
  bits(info.next(tags.bitString));
  info.finish();
}

/** Checks a name and returns its last common name. */
function readName(name: DerReader): string | undefined {
  let commonName: string | undefined;
  while (!name.done) {
    const attributes = name.enter(tags.set);
    while (!attributes.done) {
      const attribute = attributes.enter(tags.sequence);
      const type = identifier(attribute.next(tags.objectIdentifier));
      const text = readText(attribute.next());
      attribute.finish();
      if (type === '550403') commonName = text;
    }
  }
  return commonName;
}

/** UTCTime or GeneralizedTime, to the second and in UTC, as RFC 5280 asks; ms since the epoch. */
function readTime({ tag, content }: Element): number {
  let digits = content.toString('latin1');
  if (tag === 0x17) digits = (digits < '50' ? '20' : '19') + digits;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (match === null || (tag !== 0x17 && tag !== 0x18)) throw new FormatError('one of its dates is wrong');
  const [, year, month, day, hour, minute, second] = match;
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(text);
  // Date.parse is content with 30 February.
  if (Number.isNaN(time) || new Date(time).toISOString() !== text) throw new FormatError('one of its dates is wrong');
  return time;
}
