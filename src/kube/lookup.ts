/** Answers "which keys belong to this term?" without walking over everything: a key may belong to several terms. */
export class Lookup {
  readonly #keysOf = new Map<string, Set<string>>();

  add(key: string, terms: Iterable<string>): void {
    for (const term of terms) {
      const keys = this.#keysOf.get(term);
      if (keys) keys.add(key);
      else this.#keysOf.set(term, new Set([key]));
    }
  }

  remove(key: string, terms: Iterable<string>): void {
    for (const term of terms) {
      const keys = this.#keysOf.get(term);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOf.delete(term);
    }
  }

  keys(term: string): Iterable<string> {
    return this.#keysOf.get(term) ?? [];
  }
}
