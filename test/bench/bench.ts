import type { Cloud } from './cloud.ts';
import type { Floor } from './floor.ts';
import type { Run } from './measures.ts';
import type { Sizes } from './sizes.ts';
import type { Subject } from './subject.ts';

/** What all scenarios of one run share. */
export interface Bench {
  readonly cloud: Cloud;
  readonly sizes: Sizes;
  /** Of each call to the provider, in milliseconds. */
  readonly latencyMs: number;
  /** How many calls the provider gets at once, at most. */
  readonly inFlight: number;
  /** Floors that were measured already, by number of certificates. */
  readonly floors: Map<number, Floor>;
  /** Told what is done, one line at a time. */
  readonly say: (line: string) => void;
}

/** Measures one subject, in one or several runs. */
export type Scenario = (bench: Bench, subject: Subject) => Promise<Run[]>;

/** Names at the provider, and of the objects that want them. */
export function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `certificate-${String(index).padStart(5, '0')}`);
}
