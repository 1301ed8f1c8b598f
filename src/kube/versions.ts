/**
 * Whether resourceVersion `a` is later than `b`, both of the same resource type. They are decimal integers without
 * leading zeros and may be compared as such (KEP-5504), and by length first they need not fit into a number.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
