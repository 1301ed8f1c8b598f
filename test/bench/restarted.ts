import type { Values } from './measures.ts';
import type { Stage } from './stage.ts';
import type { Requests } from '../support/requests.ts';

/** Ends the subject, starts it again and measures until it is at rest. */
export async function restarted(stage: Stage): Promise<{ values: Values; requests: Requests }> {
  await stage.stopSubject();
  const { result, values, requests } = await stage.measure(async () => {
    const began = Date.now();
    await stage.startSubject();
    const restingAt = await stage.quiet();
    return restingAt && (restingAt - began) / 1_000;
  });
  return { requests, values: { ...(result !== undefined && { verifiedS: result }), ...values } };
}
