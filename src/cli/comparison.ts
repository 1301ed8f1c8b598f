import { instant } from '../printable.ts';

/** A place where a certificate should be, and what is known of the one there. */
export interface Place {
  /** As it begins a sentence: `Secret default/www`, `The provider`. */
  name: string;
  /** Where that is known from, when somebody else looked. */
  source?: string;
  found: Found | Nothing;
}

export interface Found {
  fingerprintSHA256: string;
  /** ms since the epoch. */
  notBefore: number;
  notAfter: number;
}

interface Nothing {
  /** Why there is nothing to compare with: a sentence. */
  nothing: string;
}

/**
 * What is to be said of certificates that should be one and the same: who is behind whom. Nothing, when all of them are.
 * The one issued last is what the others should have.
 */
export function differences(places: readonly Place[]): string[] {
  const missing = places.flatMap(({ found }) => ('nothing' in found ? [found.nothing] : []));
  const known = places.flatMap(({ name, found }) => ('nothing' in found ? [] : [{ name, ...found }]));
  const [first, ...others] = known;
  if (first === undefined) return missing;
  const newest = others.reduce((best, next) => (isNewer(next, best) ? next : best), first);
  const apart = known.filter(({ fingerprintSHA256 }) => fingerprintSHA256 !== newest.fingerprintSHA256);
  return [
    ...missing,
    ...apart.map((place) => (isNewer(newest, place) ? behind(place, newest) : unlike(place, newest))),
  ];
}

type Known = Found & { name: string };

function behind({ name, notBefore }: Known, newest: Known): string {
  return `${name} is behind: it has a certificate issued at ${instant(notBefore)}, ${within(newest.name)} has one issued at ${instant(newest.notBefore)}.`;
}

function unlike({ name }: Known, newest: Known): string {
  return `${name} and ${within(newest.name)} have different certificates with the same dates.`;
}

function isNewer(a: Found, b: Found): boolean {
  return a.notBefore > b.notBefore || (a.notBefore === b.notBefore && a.notAfter > b.notAfter);
}

/** In the middle of a sentence. */
function within(name: string): string {
  return name.replace(/^The /, 'the ');
}
