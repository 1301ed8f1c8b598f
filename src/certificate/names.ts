/**
 * The names of `wanted` that `dnsNames` (of a subject alternative name) do not cover. As TLS clients do it: ASCII
 * case-insensitive; `*` only as the whole left-most label, for exactly one label. A wanted wildcard needs that very entry.
 */
export function uncovered(dnsNames: readonly string[], wanted: readonly string[]): string[] {
  const covering = new Set(dnsNames.map(lowerCase));
  return wanted.filter((name) => {
    const lower = lowerCase(name);
    const dot = lower.indexOf('.');
    return !covering.has(lower) && !(dot > 0 && covering.has(`*${lower.slice(dot)}`));
  });
}

/** ASCII only: `toLowerCase` turns the Kelvin sign into `k`. */
function lowerCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
