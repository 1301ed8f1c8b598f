import { setTimeout } from 'node:timers/promises';

import type { Values } from './measures.ts';
import type { Stage } from './stage.ts';
import type { Requests } from '../support/requests.ts';

/** Measures what the subject does while nothing happens. */
export async function undisturbed(stage: Stage, seconds: number): Promise<{ values: Values; requests: Requests }> {
  const { values, requests } = await stage.measure(() => setTimeout(seconds * 1_000));
  return { requests, values: { ...values, cpuPerMinuteS: ((values.cpuS ?? 0) / seconds) * 60 } };
}
