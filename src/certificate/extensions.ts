import { bits, checkTree, enterOnly, identifier, naturalNumber, only, tags, type DerReader } from './der.ts';
import { FormatError } from './format-error.ts';

/** What the extensions of a certificate say, as far as we look. */
export interface Extensions {
  /** Basic constraint CA:TRUE. */
  isAuthority: boolean;
  /** dNSName entries of the subject alternative name. */
  dnsNames: string[];
  hasAlternativeName: boolean;
  /** Whether the extended key usage, if there is one, allows a TLS server. */
  allowsServer: boolean;
}

/** Those that Go looks into (content of the object identifier, hex); of all others it keeps the bytes. */
const oids = {
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  crlDistributionPoints: '551d1f',
  certificatePolicies: '551d20',
  policyMappings: '551d21',
  authorityKeyIdentifier: '551d23',
  policyConstraints: '551d24',
  extendedKeyUsage: '551d25',
  inhibitAnyPolicy: '551d36',
  authorityInfoAccess: '2b06010505070101',
};
const mustNotBeCritical = new Set([oids.subjectKeyIdentifier, oids.authorityKeyIdentifier, oids.authorityInfoAccess]);

const serverAuth = '2b06010505070301';
const anyExtendedKeyUsage = '551d2500';

/** Reads the list of extensions (content of its field); throws a FormatError for what Go refuses. */
export function readExtensions(field: Buffer | undefined): Extensions {
  const said: Extensions = { isAuthority: false, dnsNames: [], hasAlternativeName: false, allowsServer: true };
  if (field === undefined) return said;
  const seen = new Set<string>();
  const list = enterOnly(field, tags.sequence);
  while (!list.done) {
    const extension = list.enter(tags.sequence);
    const type = identifier(extension.next(tags.objectIdentifier));
    if (seen.has(type)) throw new FormatError('it has the same extension twice');
    seen.add(type);
    const critical = readBoolean(extension);
    if (critical && mustNotBeCritical.has(type)) throw new FormatError('a key identifier or access is critical');
    const { content } = extension.next(tags.octetString);
    extension.finish();
    readExtension(type, content, said);
  }
  return said;
}

function readExtension(type: string, value: Buffer, said: Extensions): void {
  switch (type) {
    case oids.basicConstraints:
      said.isAuthority = readBasicConstraints(enterOnly(value, tags.sequence));
      break;
    case oids.subjectAltName:
      readAlternativeNames(enterOnly(value, tags.sequence), said);
      break;
    case oids.extendedKeyUsage:
      said.allowsServer = allowsServer(enterOnly(value, tags.sequence));
      break;
    case oids.keyUsage:
      bits(only(value, tags.bitString));
      break;
    case oids.subjectKeyIdentifier:
      only(value, tags.octetString);
      break;
    case oids.inhibitAnyPolicy:
      naturalNumber(only(value, tags.integer));
      break;
    case oids.authorityKeyIdentifier:
    case oids.nameConstraints: // whose names are not looked at
      checkTree(enterOnly(value, tags.sequence));
      break;
    case oids.crlDistributionPoints:
      readDistributionPoints(enterOnly(value, tags.sequence));
      break;
    case oids.certificatePolicies:
      readPolicies(enterOnly(value, tags.sequence));
      break;
    case oids.policyMappings:
      readPairs(enterOnly(value, tags.sequence), tags.objectIdentifier);
      break;
    case oids.authorityInfoAccess:
      readPairs(enterOnly(value, tags.sequence));
      break;
    case oids.policyConstraints:
      readPolicyConstraints(enterOnly(value, tags.sequence));
      break;
  }
}

/** A BOOLEAN that is false when it is not there. */
function readBoolean(reader: DerReader): boolean {
  const value = reader.optional(tags.boolean)?.content.toString('hex') ?? '00';
  if (value !== '00' && value !== 'ff') throw new FormatError('a truth value is wrong');
  return value === 'ff';
}

function readBasicConstraints(constraints: DerReader): boolean {
  const isAuthority = readBoolean(constraints);
  const pathLength = constraints.optional(tags.integer);
  if (pathLength !== undefined && naturalNumber(pathLength) >= 2n ** 31n) {
    throw new FormatError('its path length is too large');
  }
  constraints.finish();
  return isAuthority;
}

function readAlternativeNames(names: DerReader, said: Extensions): void {
  while (!names.done) {
    const { tag, content } = names.next();
    const text = content.toString('latin1');
    said.hasAlternativeName = true;
    if ((tag === 0x81 || tag === 0x82 || tag === 0x86) && content.some((byte) => byte >= 0x80)) {
      throw new FormatError('an alternative name is not ASCII');
    }
    if (tag === 0x82) said.dnsNames.push(text);
    if (tag === 0x86 && !plainUri.test(text)) throw new FormatError('an alternative name is no valid URI');
    if (tag === 0x87 && content.length !== 4 && content.length !== 16) {
      throw new FormatError('an alternative name is no valid IP address');
    }
  }
}

/** A URI that no parser stumbles over; Go refuses the whole certificate for one that its own cannot read. */
const plainUri =
  /^[a-z][a-z0-9+.-]*:(?:\/\/(?:[\w-]+(?:\.[\w-]+)*(?::\d+)?)?(?=[/?#]|$)|(?!\/\/))(?:[!-$&-~]|%[0-9a-f]{2})*$/i;

function allowsServer(usages: DerReader): boolean {
  const found = new Set<string>();
  while (!usages.done) found.add(identifier(usages.next(tags.objectIdentifier)));
  return found.has(serverAuth) || found.has(anyExtendedKeyUsage);
}

function readDistributionPoints(points: DerReader): void {
  while (!points.done) {
    const name = points.enter(tags.sequence).optional(0xa0);
    if (name !== undefined) checkTree(enterOnly(name.content, 0xa0));
  }
}

function readPolicies(policies: DerReader): void {
  const seen = new Set<string>();
  while (!policies.done) {
    const policy = identifier(policies.enter(tags.sequence).next(tags.objectIdentifier));
    if (seen.has(policy)) throw new FormatError('it names the same policy twice');
    seen.add(policy);
  }
}

/** A list of pairs: an identifier, and an element that may have to have a certain tag. */
function readPairs(list: DerReader, tag?: number): void {
  while (!list.done) {
    const pair = list.enter(tags.sequence);
    identifier(pair.next(tags.objectIdentifier));
    pair.next(tag);
    pair.finish();
  }
}

function readPolicyConstraints(constraints: DerReader): void {
  for (const tag of [0x80, 0x81]) {
    const skipped = constraints.optional(tag);
    if (skipped !== undefined) naturalNumber(skipped);
  }
  constraints.finish();
}
