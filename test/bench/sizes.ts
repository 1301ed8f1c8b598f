/** How much there is of everything. */
export interface Sizes {
  /** New certificates, one run each. */
  burst: readonly number[];
  /** New certificates, one run each, restarted and left alone afterwards. */
  scale: readonly number[];
  /** Certificates of every other scenario. */
  certificates: number;
  /** How many are renewed at once, one after the other. */
  renewed: readonly number[];
  /** Secrets that are none of the operator's business. */
  foreign: number;
  /** Namespaces that want the same certificate. */
  namespaces: number;
  /** What a throttled provider takes, in requests per second. */
  perSecond: number;
  /** How long is watched that nothing happens, in seconds. */
  steadyS: number;
  /** The same after each size of `scale`. */
  idleS: number;
}

const full: Sizes = {
  burst: [100, 1_000, 5_000],
  scale: [100, 1_000, 10_000],
  certificates: 1_000,
  renewed: [1, 100],
  foreign: 10_000,
  namespaces: 100,
  perSecond: 50,
  steadyS: 120,
  idleS: 20,
};

/** @param n instead of every number of certificates; what belongs to it shrinks along */
export function sizesOf(n: number | undefined): Sizes {
  if (n === undefined) return full;
  return {
    ...full,
    burst: [n],
    scale: [n],
    certificates: n,
    renewed: [1, Math.min(n, 100)],
    foreign: 10 * n,
    namespaces: Math.min(n, 100),
    steadyS: 30,
  };
}
