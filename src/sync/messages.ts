import type { CertificateSettings } from '../api/certificate.ts';
import { syncedReasons } from '../api/reasons.ts';
import type { Remote } from './compare.ts';
import { timestamp } from '../kube/objects.ts';
import type { Problem } from './situation.ts';

/** Their messages say all there is to say. */
const complete = new Set<string>(['SecretConflict', 'Suspended', 'Differs', 'SecretMissing']);

/** Adds to what was seen what is kept and what to do. */
export function withConsequence(
  problem: Problem,
  facts: Remote | undefined,
  { mode, secretName }: CertificateSettings,
): Problem {
  const { reason, message } = problem;
  const { status, todo } = syncedReasons[reason];
  if (status !== 'False' || complete.has(reason)) return problem;
  const kept =
    mode === 'Observe'
      ? ''
      : facts
        ? `Secret ${secretName} is kept; its certificate is valid until ${timestamp(facts.notAfter)}.`
        : 'No Secret is written.';
  const advised = reason === 'InvalidSpec'; // what was seen is what to correct
  const advice = advised || todo === 'Nothing.' ? '' : todo.replaceAll('`', '');
  return { reason, message: [sentence(message), kept, advice].filter(Boolean).join(' ') };
}

function sentence(text: string): string {
  return /[.!?\u2026]$/.test(text) ? text : `${text}.`;
}
