import { eventReasons, syncedReasons } from '../api/reasons.ts';
import { readBundle } from '../certificate/bundle.ts';
import type { Facts } from '../certificate/facts.ts';
import { instant, listed, quoted } from '../printable.ts';
import type { Pair, Verdict } from '../certificate/verdict.ts';
import { remaining } from './description.ts';
import { type Cell, fields, type Layout, line } from './text.ts';

interface Options {
  now: number;
  layout: Layout;
}

/** What the gate says of a bundle, explained. */
export function explainVerdict(verdict: Verdict, { now, layout }: Options): string {
  const unbounded = { ...layout, width: undefined };
  if (!verdict.accepted) {
    const { means } = syncedReasons[verdict.reason];
    return (
      line(`Refused: ${verdict.reason}`, 'red', unbounded) +
      line(`  ${verdict.message}`, undefined, unbounded) +
      (verdict.message === means ? '' : line(`  ${means.replaceAll('`', '')}`, 'dim', unbounded))
    );
  }
  const { pair, findings } = verdict;
  const found = findings.map(
    ({ reason, message }) =>
      line(`Note: ${reason}`, 'yellow', unbounded) +
      line(`  ${message}`, undefined, unbounded) +
      line(`  ${eventReasons[reason]}`, 'dim', unbounded),
  );
  return [line('Accepted: this is what a Secret would hold', 'green', unbounded), describePair(pair, { now, layout })]
    .concat(found)
    .join('');
}

function describePair({ facts, ca }: Pair, { now, layout }: Options): string {
  const { chainLength } = facts;
  return fields(
    [
      ...factFields(facts, now),
      ['tls.crt', `${chainLength} certificate${chainLength === 1 ? '' : 's'}`],
      ['ca.crt', ca === undefined ? 'none: there is no root in it' : 'the root'],
    ],
    { ...layout, width: undefined },
  );
}

function factFields(facts: Facts, now: number): [string, Cell | undefined][] {
  const { commonName, dnsNames, issuer, serialNumber, fingerprintSHA256, notBefore, notAfter, keyAlgorithm } = facts;
  return [
    ['common name', commonName],
    ['DNS names', dnsNames.join(', ')],
    ['issuer', issuer],
    ['serial number', serialNumber],
    ['SHA-256', fingerprintSHA256],
    ['valid', `${instant(notBefore)} to ${instant(notAfter)} (${remaining(notAfter, now)})`],
    ['key', keyAlgorithm],
  ];
}

/** What there is in a bundle, whether it fits together or not; '' for one that cannot be read at all. */
export function describeParts(parts: readonly Uint8Array[], layout: Layout): string {
  const copies: Buffer[] = [];
  try {
    const { certificates, keys, skipped } = readBundle(parts, 'The bundle', copies);
    const found = certificates.map(
      ({ subject, issuer, notAfter }) => `${quoted(subject)}, issued by ${quoted(issuer)}, until ${instant(notAfter)}`,
    );
    return fields(
      [
        ...found.map((text): [string, Cell] => ['certificate', text]),
        ['private keys', keys.length === 0 ? 'none' : String(keys.length)],
        ['not used', skipped.size === 0 ? undefined : listed([...skipped])],
      ],
      { ...layout, width: undefined },
    );
  } catch {
    return ''; // why, the verdict says
  } finally {
    for (const copy of copies) copy.fill(0);
  }
}
