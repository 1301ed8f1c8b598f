import { Random } from './random.ts';

/**
 * In what the world of one seed differs from the plainest one. Even seeds have the plain world: what goes wrong there is
 * easier to understand.
 */
export interface Variation {
  limits: { inFlight: number; requestsPerMinute?: number };
  /** Lists show each change, not only its day. */
  exactRevisions: boolean;
  /** Lists come in two pages, and what happens in between is half in them. */
  pages: boolean;
  /** How much the clock of the next machine is fast (or slow), in milliseconds. */
  skewMs: () => number;
  /** How often, while the network is bad, an operator dies with a request under way; in [0, 1], per request. */
  deadly: number;
  /** How often, while the network is bad, a watch goes silent for good; in [0, 1], per event. */
  silent: number;
  /** How long nothing is done at the end, to see that nothing happens then. */
  quietMs: number;
}

const minute = 60_000;
const plain: Variation = {
  limits: { inFlight: 2 },
  exactRevisions: false,
  pages: false,
  skewMs: () => 0,
  deadly: 0,
  silent: 0,
  quietMs: 6 * minute,
};

export function variationOf(seed: number): Variation {
  if (seed % 2 === 0) return plain;
  const random = new Random(seed ^ 0x5eed_0dd5); // apart from the chances of the story
  return {
    limits: {
      inFlight: random.pick([1, 2, 8]),
      ...(random.chance(0.3) && { requestsPerMinute: random.pick([4, 30]) }),
    },
    exactRevisions: random.chance(0.4),
    pages: random.chance(0.5),
    skewMs: random.chance(0.5) ? () => random.between(-10 * minute, 10 * minute) : () => 0,
    deadly: random.chance(0.5) ? 0.02 : 0,
    silent: random.chance(0.3) ? 0.1 : 0,
    quietMs: random.chance(0.1) ? 30 * minute : 6 * minute,
  };
}
