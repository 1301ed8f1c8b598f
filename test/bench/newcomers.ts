import { quantile, type Values } from './measures.ts';
import type { Stage } from './stage.ts';
import type { Wanted } from './subject.ts';
import type { Requests } from '../support/requests.ts';

/**
 * Wants certificates that nobody wanted before, all at once, and measures until each is Ready and the subject is at rest.
 * @throws when not every one of them came to be a Secret
 */
export async function newcomers(
  stage: Stage,
  wanted: readonly Wanted[],
): Promise<{ values: Values; requests: Requests }> {
  const { collections } = stage;
  const n = wanted.length;
  const secretsBefore = await collections.secrets();
  const { result, values, requests } = await stage.measure(async () => {
    const began = Date.now();
    const secondsTo = (at: number): number => (at - began) / 1_000;
    const [createdS, readyAt] = await Promise.all([
      stage.want(wanted).then(() => secondsTo(Date.now())),
      stage.ready(wanted),
    ]);
    await stage.quiet();
    return { createdS, times: readyAt.map(secondsTo) };
  });
  const written = (await collections.secrets()) - secretsBefore;
  if (written < n)
    throw new Error(`${n} certificates are Ready, but there are only ${written} Secrets more than before`);
  const { createdS, times } = result;
  return {
    requests,
    values: {
      createdS,
      ready50S: quantile(times, 0.5),
      ready95S: quantile(times, 0.95),
      ready100S: quantile(times, 1),
      ...values,
      requestsPerCertificate: (values.requests ?? 0) / n,
      cpuPerCertificateMs: ((values.cpuS ?? 0) / n) * 1_000,
    },
  };
}
