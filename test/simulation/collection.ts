import { objectKey } from '../../src/kube/objects.ts';
import type { AnyObject, Kind } from './kinds.ts';
import type { Managers } from './server-side-apply.ts';
import type { Selects } from './selectors.ts';

/** A version of an object. It is never changed, only replaced. */
export interface Stored {
  object: AnyObject;
  managers: Managers;
  /** See `Draft`. */
  form: string;
}

/** A new version of an object; without `after` it was deleted. */
export interface Change {
  version: number;
  before: AnyObject | undefined;
  after: AnyObject | undefined;
}

/** All objects of a kind, and how they came to be what they are, back to the last compaction. */
export class Collection {
  readonly kind: Kind;
  readonly #objects = new Map<string, Stored>();
  #changes: Change[] = [];

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get(key: string): Stored | undefined {
    return this.#objects.get(key);
  }

  put(stored: Stored, version: number): Change {
    const key = objectKey(stored.object.metadata);
    const before = this.#objects.get(key)?.object;
    this.#objects.set(key, stored);
    return this.#note({ version, before, after: stored.object });
  }

  delete({ object }: Stored, version: number): Change {
    this.#objects.delete(objectKey(object.metadata));
    return this.#note({ version, before: object, after: undefined });
  }

  /** The objects as they were at a version, in the order of a list. */
  at(version: number, selects: Selects): [key: string, object: AnyObject][] {
    const objects = new Map(Array.from(this.#objects, ([key, { object }]) => [key, object]));
    for (let nth = this.#changes.length - 1; nth >= 0; nth--) {
      const change = this.#changes[nth];
      if (!change || change.version <= version) break;
      if (change.before) objects.set(objectKey(change.before.metadata), change.before);
      else if (change.after) objects.delete(objectKey(change.after.metadata));
    }
    return [...objects].filter(([, object]) => selects(object)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** What happened after a version. */
  since(version: number): Change[] {
    const first = this.#changes.findLastIndex((change) => change.version <= version) + 1;
    return this.#changes.slice(first);
  }

  /** Forgets how the objects came to be what they are. */
  compact(): void {
    this.#changes = [];
  }

  #note(change: Change): Change {
    this.#changes.push(change);
    return change;
  }
}
