import type { SyncedReason } from '../api/reasons.ts';
import type { Clock } from '../clock.ts';
import type { Problem, Setback } from './situation.ts';

const minute = 60_000;

/** How long a refused bundle is left alone before it is downloaded again: 1, 2, 5, 10, 30, 60 min, then hourly. */
const refusalSteps = [1, 2, 5, 10, 30, 60].map((minutes) => minutes * minute);
const failureBase = 2_000;
const failureLimit = 10 * minute;

/** A setback with the inputs that led to it: when one of them changes it no longer counts. Its end is by `Clock.elapsed`. */
export interface RememberedSetback<Reason extends string = SyncedReason> extends Setback<Reason> {
  inputs: string;
  attempts: number;
}

/** What happened, told by kind: a refusal is about the bundle, a failure about the way to it. */
export type Mishap<Reason extends string = SyncedReason> = Problem<Reason> & {
  kind: 'refusal' | 'failure';
  retryAfterMs?: number | undefined;
  notBefore?: number | undefined;
  /** Of the provider; 0 while nothing is known of it. */
  pollIntervalMs?: number | undefined;
};

/**
 * The setback after one more mishap with the same inputs. While the reason stays the same the first message is kept, so that
 * request ids do not turn every attempt into a change of status.
 */
export function setbackAfter<Reason extends string>(
  previous: RememberedSetback<Reason> | undefined,
  mishap: Mishap<Reason>,
  inputs: string,
  { clock, random }: { clock: Clock; random: () => number },
): RememberedSetback<Reason> {
  const again = previous?.inputs === inputs ? previous : undefined;
  const attempts = (again?.attempts ?? 0) + 1;
  const wait =
    mishap.kind === 'refusal'
      ? (refusalSteps[attempts - 1] ?? 60 * minute)
      : failureWait(attempts, random, mishap.pollIntervalMs);
  const later = mishap.notBefore === undefined ? wait : Math.min(mishap.notBefore - clock.now(), 60 * minute);
  const until = clock.elapsed() + Math.max(later, mishap.retryAfterMs ?? 0);
  const message = mishap.kind === 'failure' && again?.reason === mishap.reason ? again.message : mishap.message;
  return { reason: mishap.reason, message, until, inputs, attempts };
}

/** As with a fault of the account: never so long that the certificate would be much slower to follow than without it. */
function failureWait(attempts: number, random: () => number, pollIntervalMs: number = 0): number {
  const longest = Math.min(failureLimit, 2 * (pollIntervalMs || Infinity));
  return Math.min(failureBase * 2 ** (attempts - 1), longest) * (0.5 + 0.5 * random());
}
