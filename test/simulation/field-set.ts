/**
 * One step down into an object, as `fieldsV1` writes it: `f:name` for a field, `k:{"uid":"…"}` for the item of a list
 * whose items have a key, `v:"…"` for one of a set.
 */
export type Step = string;

/** A field of an object: the steps from its root. */
export type Path = readonly Step[];

/** Which fields of an object. A field may be in it itself (a member), have fields below it that are in it, or both. */
export class FieldSet {
  readonly members = new Set<Step>();
  /** None of them is empty. */
  readonly children = new Map<Step, FieldSet>();

  get isEmpty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  insert(path: Path): void {
    const [step, ...rest] = path;
    if (step === undefined) return;
    if (rest.length === 0) {
      this.members.add(step);
      return;
    }
    const below = this.children.get(step) ?? new FieldSet();
    this.children.set(step, below);
    below.insert(rest);
  }

  union(other: FieldSet): FieldSet {
    return this.#combine(
      this.members.union(other.members),
      new Set([...this.children.keys(), ...other.children.keys()]),
      (step) => (this.children.get(step) ?? empty).union(other.children.get(step) ?? empty),
    );
  }

  intersection(other: FieldSet): FieldSet {
    return this.#combine(this.members.intersection(other.members), this.children.keys(), (step) =>
      (this.children.get(step) ?? empty).intersection(other.children.get(step) ?? empty),
    );
  }

  /** A field leaves only when it is itself in the other set: one above it does not count. */
  difference(other: FieldSet): FieldSet {
    return this.#combine(this.members.difference(other.members), this.children.keys(), (step) =>
      (this.children.get(step) ?? empty).difference(other.children.get(step) ?? empty),
    );
  }

  /** Without these fields of the root and everything below them. */
  without(steps: readonly Step[]): FieldSet {
    const gone = new Set(steps);
    const kept = Array.from(this.children.keys()).filter((step) => !gone.has(step));
    return this.#combine(this.members.difference(gone), kept, (step) => this.children.get(step) ?? empty);
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  /** In the order in which the API server names conflicts: what is nearest to the root first, then by name. */
  *paths(above: Path = []): Generator<Path> {
    for (const step of Array.from(this.members).sort()) yield [...above, step];
    for (const step of Array.from(this.children.keys()).sort()) {
      yield* (this.children.get(step) ?? empty).paths([...above, step]);
    }
  }

  toFieldsV1(): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    for (const step of this.members) fields[step] = {};
    for (const [step, below] of this.children) {
      fields[step] = { ...(this.members.has(step) && { '.': {} }), ...below.toFieldsV1() };
    }
    return fields;
  }

  #combine(members: ReadonlySet<Step>, steps: Iterable<Step>, below: (step: Step) => FieldSet): FieldSet {
    const result = new FieldSet();
    for (const step of members) result.members.add(step);
    for (const step of steps) {
      const set = below(step);
      if (!set.isEmpty) result.children.set(step, set);
    }
    return result;
  }
}

const empty = new FieldSet();

/** `.data.tls.crt`, `.metadata.ownerReferences[uid="…"]`: as the API server names a field in a conflict. */
export function pathText(path: Path): string {
  return path.map(stepText).join('');
}

function stepText(step: Step): string {
  const [kind, rest] = [step.slice(0, 2), step.slice(2)];
  if (kind === 'f:') return `.${rest}`;
  if (kind === 'v:') return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
