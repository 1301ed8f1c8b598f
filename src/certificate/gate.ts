import type { KeyObject } from 'node:crypto';
import { isReadableByGo } from './algorithms.ts';
import { readBundle, type Bundle } from './bundle.ts';
import type { Certificate } from './certificate.ts';
import { buildChain, isSelfSigned, isValidAt, type Chain } from './chain.ts';
import { chainDigest, factsOf, type Facts } from './facts.ts';
import { chooseMatch, findMatches } from './match.ts';
import { uncovered } from './names.ts';
import { instant, listed, printable, quoted } from '../printable.ts';
import { proveKey } from './proof.ts';
import { isIssuedByPublicRoot } from './public-roots.ts';
import { Refusal, type Finding, type Pair, type Verdict } from './verdict.ts';

export interface GateInput {
  /** What the provider gave: one file at NHN Cloud; body, chain and key fields at SCP. */
  parts: readonly Uint8Array[];
  /** A key that the user supplies; asked only when no key of the bundle fits. */
  privateKey?: Uint8Array;
  /** For encrypted keys of either origin. */
  passphrase?: string;
  /** Names that the certificate must cover. */
  dnsNames: readonly string[];
  /** May be older than the pair in place, may lack the intermediates that it has. Default: no. */
  allowOlder?: boolean;
  allowIncompleteChain?: boolean;
  caCertificate: 'Include' | 'Omit';
  inPlace?: InPlace;
  /** ms since the epoch. */
  now: number;
}

/** The pair that the Secret holds now; given only when it matches and comes from the same source. */
export interface InPlace {
  facts: Facts;
  /** Whether its fingerprint is still the one recorded on the Secret, so that nobody edited it by hand. */
  asRecorded: boolean;
}

const longestMessage = 1024;

/** Judges a bundle: gives the one pair that may be written, or the reason why there is none. Never throws. */
export function judge(input: GateInput): Verdict {
  const copies: Buffer[] = [];
  try {
    return examine(input, copies);
  } catch (error) {
    const { reason, message, notBefore } =
      error instanceof Refusal ? error : new Refusal('MalformedBundle', 'The bundle could not be examined.');
    const refusal = { accepted: false, reason, message: printable(message, longestMessage) } as const;
    return notBefore === undefined ? refusal : { ...refusal, notBefore };
  } finally {
    for (const copy of copies) copy.fill(0);
  }
}

function examine(input: GateInput, copies: Buffer[]): Verdict {
  const { now, dnsNames } = input;
  const bundle = readBundle(input.parts, 'The bundle', copies);
  if (bundle.absent) throw new Refusal('CertificateUnavailable', 'The provider gave nothing for this certificate.');
  if (bundle.certificates.length === 0) throw new Refusal('CertificateUnavailable', 'The bundle holds no certificate.');

  const { leaf, key } = chooseMatch(findMatches(bundle, input, copies), dnsNames, now);
  const keyAlgorithm = proveKey(key, leaf);
  refuseNames(leaf, dnsNames);
  const chain = buildChain(leaf, bundle.certificates, now);
  refuseUnreadable(chain);
  refuseExpired(chain, now);
  const current = usableNow(input);
  if (input.allowOlder !== true && current?.asRecorded === true) refuseOlder(leaf, current.facts);
  const incomplete = isIncomplete(chain);
  if (incomplete && input.allowIncompleteChain !== true && current !== undefined) refuseIncomplete(leaf, current.facts);
  // Last, because it is the one refusal that passes by itself.
  refuseNotYetValid(chain, now);

  const findings = findingsOn(bundle, chain, keyAlgorithm, incomplete);
  return { accepted: true, pair: assemble(chain, key, keyAlgorithm, input.caCertificate), findings };
}

function assemble(chain: Chain, key: KeyObject, keyAlgorithm: string, caCertificate: 'Include' | 'Omit'): Pair {
  const members = [chain.leaf, ...chain.intermediates];
  const certificates = members.map(({ x509 }) => x509.toString()).join('');
  const ca = caCertificate === 'Include' ? chain.root?.x509.toString() : undefined;
  return {
    certificates,
    privateKey: Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })),
    ...(ca === undefined ? {} : { ca }),
    chainDigest: chainDigest(certificates, ca),
    facts: factsOf(chain.leaf, keyAlgorithm, members.length),
  };
}

/** The pair in place, if clients are well served with it today. */
function usableNow({ inPlace, dnsNames, now }: GateInput): InPlace | undefined {
  if (inPlace === undefined || !isValidAt(inPlace.facts, now)) return undefined;
  return uncovered(inPlace.facts.dnsNames, dnsNames).length === 0 ? inPlace : undefined;
}

function refuseNames(leaf: Certificate, dnsNames: readonly string[]): void {
  const missing = uncovered(leaf.dnsNames, dnsNames);
  if (missing.length === 0) return;
  const has = leaf.dnsNames.length === 0 ? 'no DNS name' : `only ${listed(leaf.dnsNames)}`;
  throw new Refusal('NamesNotCovered', `The certificate does not cover ${listed(missing)}; it has ${has}.`);
}

/** A server sends its intermediates to the clients, and those written in Go give up when they cannot parse one. */
function refuseUnreadable({ intermediates }: Chain): void {
  const unreadable = intermediates.find(({ publicKey }) => !isReadableByGo(publicKey));
  if (unreadable === undefined) return;
  const name = quoted(unreadable.subject);
  throw new Refusal('MalformedBundle', `The key of certificate ${name} is on an unusual curve or oddly encoded.`);
}

function refuseExpired({ leaf, obstacle }: Chain, now: number): void {
  const expired = [leaf, obstacle].find((member) => member !== undefined && member.notAfter < now);
  if (expired === undefined) return;
  const what = `${expired === leaf ? 'Certificate' : 'Intermediate certificate'} ${quoted(expired.subject)}`;
  throw new Refusal('CertificateExpired', `${what} expired at ${instant(expired.notAfter)}.`);
}

function refuseNotYetValid({ leaf, obstacle }: Chain, now: number): void {
  const early = [leaf, obstacle].find((member) => member !== undefined && member.notBefore > now);
  if (early === undefined) return;
  const what = `${early === leaf ? 'Certificate' : 'Intermediate certificate'} ${quoted(early.subject)}`;
  const message = `${what} is not valid before ${instant(early.notBefore)}.`;
  throw new Refusal('CertificateNotYetValid', message, early.notBefore);
}

function refuseOlder(leaf: Certificate, current: Facts): void {
  if (leaf.notBefore >= current.notBefore || leaf.notAfter >= current.notAfter) return;
  const offered = `valid from ${instant(leaf.notBefore)} to ${instant(leaf.notAfter)}`;
  const held = `valid from ${instant(current.notBefore)} to ${instant(current.notAfter)}`;
  throw new Refusal('OlderThanCurrent', `The certificate (${offered}) is older than the one in place (${held}).`);
}

/** Without intermediates, although a client would need one: nothing it could know issued the leaf. */
function isIncomplete({ leaf, intermediates, root, obstacle }: Chain): boolean {
  const alone = intermediates.length === 0 && root === undefined && obstacle === undefined;
  return alone && !isSelfSigned(leaf) && !isIssuedByPublicRoot(leaf);
}

function refuseIncomplete(leaf: Certificate, current: Facts): void {
  if (current.chainLength < 2) return;
  const missing = `The bundle lacks the issuer of the certificate, ${quoted(leaf.issuer)}`;
  throw new Refusal('IncompleteChain', `${missing}, while the pair in place has a chain of ${current.chainLength}.`);
}

function findingsOn(bundle: Bundle, chain: Chain, keyAlgorithm: string, incomplete: boolean): Finding[] {
  const { leaf } = chain;
  const findings: Finding[] = [];
  const add = (reason: Finding['reason'], message: string): void => {
    findings.push({ reason, message: printable(message, longestMessage) });
  };
  if (incomplete) {
    const missing = `The bundle lacks the issuer of the certificate, ${quoted(leaf.issuer)}`;
    add('IncompleteChain', `${missing}; clients that do not know it will not trust the certificate.`);
  }
  if (!leaf.hasAlternativeName) {
    const lacking = `Certificate ${quoted(leaf.subject)} has no subject alternative name`;
    add('NoSubjectAltName', `${lacking}; clients of today do not look at the common name.`);
  }
  if (keyAlgorithm === 'Ed25519' || keyAlgorithm === 'P-521') {
    add('LimitedClientSupport', `The key is ${keyAlgorithm}, which many clients do not support.`);
  }
  const left = leftOut(bundle, chain);
  if (left.length > 0) add('CertificatesLeftOut', `Not needed and left out: ${left.join('; ')}.`);
  return findings;
}

/** What the bundle holds and the pair does not. */
function leftOut({ certificates, skipped }: Bundle, { leaf, intermediates, root }: Chain): string[] {
  const used = new Set<Certificate | undefined>([leaf, ...intermediates, root]);
  const unused = certificates.filter((certificate) => !used.has(certificate));
  return [
    ...(unused.length > 0 ? [`certificates ${listed(unused.map(({ subject }) => subject))}`] : []),
    ...(skipped.size > 0 ? [`blocks ${listed([...skipped])}`] : []),
  ];
}
