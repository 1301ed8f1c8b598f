import { timestamp } from './objects.ts';

/** A status condition as `metav1.Condition` has it. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
}

/**
 * `list` with `next` in the place of the condition of its type, or at the end. `lastTransitionTime` moves only when the
 * status does: `kubectl wait` and alerts read from it since when something holds. `now` in milliseconds.
 */
export function setCondition(
  list: readonly Condition[],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): Condition[] {
  const previous = list.find(({ type }) => type === next.type);
  const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : timestamp(now);
  const condition = { ...next, lastTransitionTime };
  return previous ? list.map((entry) => (entry === previous ? condition : entry)) : [...list, condition];
}
