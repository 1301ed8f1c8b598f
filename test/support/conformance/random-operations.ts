import { providerCertificates } from '../../../src/api/group.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { base64, certificateSpec, strangeUid } from './bench.ts';
import type { Any, Bench, Metadata } from './bench.ts';

/** What is known on one server of the objects that the operations are about, by name. */
export interface Known {
  first: Any['metadata'];
  latest: Any['metadata'];
}

/** One request, the same for every server but for the versions and uids that each gives. */
export interface Operation {
  title: string;
  resource: typeof secrets | typeof providerCertificates;
  name: string;
  run(bench: Bench, known: Known | undefined): Promise<Any | void>;
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Which version and uid a write names. */
type Guard = 'none' | 'latest' | 'first' | 'uid' | 'strange';

function guarded(guard: Guard, known: Known | undefined): Metadata {
  const of = guard === 'first' ? known?.first : known?.latest;
  if (guard === 'none') return {};
  if (guard === 'strange' || !of) return { uid: strangeUid };
  return guard === 'uid' ? { uid: of.uid } : { uid: of.uid, resourceVersion: of.resourceVersion };
}

/** Operations that two writers and a patcher may come to do to two Secrets and two ProviderCertificates. */
export class RandomOperations {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  next(): Operation {
    return this.#chance(0.6) ? this.#ofSecret() : this.#ofCertificate();
  }

  #ofSecret(): Operation {
    const name = this.#pick(['left', 'right']);
    const head = { resource: secrets, name } as const;
    const guard = this.#guard();
    switch (this.#weighted({ apply: 8, patch: 5, replace: 2, create: 2, delete: 1 })) {
      case 'apply': {
        const write = { ...this.#some('data', ['a', 'b', 'c'], base64), metadata: this.#metadata() };
        const [manager, force] = [this.#pick(['one', 'two']), this.#chance(0.4)];
        return {
          ...head,
          title: `${manager} applies ${JSON.stringify(write)} to ${name}, force ${force}, guard ${guard}`,
          run: (bench, known) =>
            bench.secret(name, manager, { ...write, metadata: { ...write.metadata, ...guarded(guard, known) } }, force),
        };
      }
      case 'patch':
        return this.#patchOf(head, { ...this.#changes('data', ['a', 'b', 'c'], base64) }, guard);
      case 'replace': {
        const write = { ...this.#some('data', ['a', 'b'], base64), metadata: this.#metadata() };
        return {
          ...head,
          title: `somebody replaces ${name} by ${JSON.stringify(write)}, guard ${guard}`,
          run: (bench, known) =>
            bench.replace(secrets, name, { ...write, metadata: { ...write.metadata, ...guarded(guard, known) } }),
        };
      }
      case 'create': {
        const write = { ...this.#some('data', ['a', 'b', 'c'], base64), metadata: this.#metadata() };
        return {
          ...head,
          title: `somebody creates ${name} with ${JSON.stringify(write)}`,
          run: (bench) => bench.create(secrets, name, write),
        };
      }
      default:
        return { ...head, title: `delete ${name}`, run: (bench) => bench.delete(secrets, name) };
    }
  }

  #ofCertificate(): Operation {
    const name = this.#pick(['first', 'second']);
    const head = { resource: providerCertificates, name } as const;
    const guard = this.#guard();
    switch (this.#weighted({ apply: 5, patch: 4, status: 4, create: 4, delete: 1 })) {
      case 'apply': {
        const spec = { ...certificateSpec, ...this.#spec() };
        const write = { spec, ...(this.#chance(0.3) && { status: { message: 'Mine.' } }), metadata: this.#metadata() };
        const [manager, force] = [this.#pick(['one', 'two']), this.#chance(0.7)];
        return {
          ...head,
          title: `${manager} applies ${JSON.stringify(write)} to ${name}, force ${force}, guard ${guard}`,
          run: (bench, known) => {
            const metadata = { ...write.metadata, ...guarded(guard, known) };
            return bench.apply(providerCertificates, name, manager, { ...write, metadata }, force);
          },
        };
      }
      case 'patch': {
        const spec = { ...this.#spec(), ...(this.#chance(0.3) && { secretTemplate: null, suspend: null }) };
        return this.#patchOf(head, { spec, ...(this.#chance(0.2) && { status: { message: 'Mine.' } }) }, guard);
      }
      case 'status': {
        const status = this.#status();
        return {
          ...head,
          title: `somebody patches the status of ${name} with ${JSON.stringify(status)}, guard ${guard}`,
          run: (bench, known) =>
            bench.patchStatus(providerCertificates, name, {
              metadata: guarded(guard, known),
              spec: { mode: 'Sync' },
              status,
            }),
        };
      }
      case 'create': {
        const write = { spec: { ...certificateSpec, ...this.#spec() }, metadata: this.#metadata() };
        return {
          ...head,
          title: `somebody creates ${name} with ${JSON.stringify(write)}`,
          run: (bench) => bench.create(providerCertificates, name, write),
        };
      }
      default:
        return { ...head, title: `delete ${name}`, run: (bench) => bench.delete(providerCertificates, name) };
    }
  }

  #patchOf(head: Pick<Operation, 'resource' | 'name'>, fields: object, guard: Guard): Operation {
    const agent = this.#pick(['somebody/1.0', 'other/1.0']);
    const metadata = {
      ...this.#changes('labels', ['team', 'tier']),
      ...this.#changes('annotations', ['note']),
      ...(this.#chance(0.2) && { ownerReferences: this.#chance(0.5) ? null : [this.#owner()] }),
      ...(this.#chance(0.15) && {
        finalizers: this.#chance(0.5) ? null : [this.#pick(['example.io/a', 'example.io/b'])],
      }),
    };
    return {
      ...head,
      title: `${agent} patches ${head.name} with ${JSON.stringify({ ...fields, metadata })}, guard ${guard}`,
      run: (bench, known) => {
        const patch = { ...fields, metadata: { ...metadata, ...guarded(guard, known) } };
        return bench.patch(head.resource, head.name, patch, agent);
      },
    };
  }

  #spec(): Record<string, unknown> {
    return {
      ...(this.#chance(0.3) && { remoteRef: { name: this.#pick(['www', 'api']) } }),
      ...(this.#chance(0.3) && { dnsNames: [this.#pick(['a.example.com', 'b.example.com'])] }),
      ...(this.#chance(0.3) && { suspend: this.#chance(0.5) }),
      ...(this.#chance(0.5) && { secretTemplate: { ...this.#some('labels', ['a', 'b']) } }),
    };
  }

  #status(): Record<string, unknown> | null {
    if (this.#chance(0.1)) return null;
    const condition = (type: string): object => ({
      type,
      status: this.#pick(['True', 'False', 'Unknown', 'True', 'False', 'Perhaps']),
      reason: this.#pick(['Valid', 'Expired']),
      message: 'Said.',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    return {
      ...(this.#chance(0.5) && { message: this.#pick([null, 'Fine.', 'Better.', 'x'.repeat(300)]) }),
      ...(this.#chance(0.5) && { observedGeneration: this.#pick([1, 2]) }),
      ...(this.#chance(0.5) && { conditions: ['Ready', 'Synced'].filter(() => this.#chance(0.6)).map(condition) }),
      ...(this.#chance(0.3) && { certificate: this.#pick([null, {}, { commonName: 'cn', dnsNames: ['a'] }]) }),
      ...(this.#chance(0.1) && { colour: 'green' }),
    };
  }

  /** What an apply, a PUT or a POST sets. */
  #metadata(): Metadata {
    return {
      ...this.#some('labels', ['team', 'tier']),
      ...this.#some('annotations', ['note']),
      ...(this.#chance(0.2) && { ownerReferences: [this.#owner()] }),
    };
  }

  #owner(): NonNullable<Metadata['ownerReferences']>[number] {
    const uid = this.#pick(['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']);
    return { apiVersion: 'v1', kind: 'Secret', name: this.#pick(['x', 'y']), uid };
  }

  /** A map with some of the keys. */
  #some(field: string, keys: string[], encode = (text: string) => text): object {
    const entries = keys.filter(() => this.#chance(0.5)).map((key) => [key, encode(this.#pick(['x', 'y']))]);
    return entries.length > 0 ? { [field]: Object.fromEntries(entries) } : {};
  }

  /** A patch of a map: some keys set, some removed, or the whole map. */
  #changes(field: string, keys: string[], encode = (text: string) => text): object {
    if (this.#chance(0.3)) return {};
    if (this.#chance(0.1)) return { [field]: null };
    const value = (): string | null => (this.#chance(0.4) ? null : encode(this.#pick(['x', 'y'])));
    return { [field]: Object.fromEntries(keys.filter(() => this.#chance(0.5)).map((key) => [key, value()])) };
  }

  #guard(): Guard {
    return this.#weighted({ none: 10, latest: 4, first: 2, uid: 2, strange: 1 });
  }

  #weighted<T extends string>(weights: Record<T, number>): T {
    return this.#pick(Object.entries<number>(weights).flatMap(([choice, weight]) => Array(weight).fill(choice as T)));
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T;
  }
}
