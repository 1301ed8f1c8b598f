import { expect } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import type { KubeError } from '../../../src/kube/errors.ts';
import { secrets } from '../../../src/kube/objects.ts';
import type { Candidate } from '../api-conformance.ts';
import { Bench, holders, signal } from './bench.ts';
import type { Any } from './bench.ts';
import { RandomOperations } from './random-operations.ts';
import type { Known, Operation } from './random-operations.ts';

/** One of two servers that are asked for the same things. What it answers is told in words that both must agree on. */
class Side {
  readonly #bench: Bench;
  readonly #known = new Map<string, Known>();
  readonly #uids = new Map<string, string>();
  readonly #from = new Map<typeof secrets, string>();

  private constructor(bench: Bench) {
    this.#bench = bench;
  }

  static async start(candidate: Candidate): Promise<Side> {
    const side = new Side(await Bench.make(candidate));
    for (const resource of [secrets, providerCertificates]) side.#from.set(resource, await side.#now(resource));
    return side;
  }

  /** What the server answered, and what it has then. */
  async run(operation: Operation): Promise<unknown> {
    const { resource, name } = operation;
    const known = this.#known.get(name);
    const answer = await operation.run(this.#bench, known).then((object) => this.#told(object, known), this.#refusal);
    const stored = await this.#bench.get(resource, name).catch(() => undefined);
    if (stored) this.#known.set(name, { first: known?.first ?? stored.metadata, latest: stored.metadata });
    return this.#anonymous({ answer, stored: this.#told(stored, known) });
  }

  /** All that a watch tells that selects by a label; to be called once everything has happened. */
  async events(): Promise<unknown> {
    const told: unknown[] = [];
    for (const [resource, resourceVersion] of this.#from) {
      const last = { metadata: { labels: { team: 'x' }, finalizers: [] } };
      if (resource === secrets) await this.#bench.create(resource, 'end', last);
      else await this.#bench.certificate('end', last);
      const selection = { namespace: this.#bench.namespace, labelSelector: 'team=x', resourceVersion };
      for await (const event of this.#bench.client.watch<Any>(resource, { ...selection, timeoutSeconds: 60, signal })) {
        if (event.type === 'BOOKMARK') continue;
        told.push([event.type, event.object.metadata.name, this.#told(event.object, undefined)]);
        if (event.object.metadata.name === 'end') break;
      }
    }
    return this.#anonymous(told);
  }

  async #now(resource: typeof secrets): Promise<string> {
    const { value } = await this.#bench.client.pages(resource, { namespace: this.#bench.namespace, signal }).next();
    return (value as { resourceVersion: string }).resourceVersion;
  }

  #told(object: Any | void, known: Known | undefined): unknown {
    if (!object) return 'nothing';
    const { labels, annotations, ownerReferences, finalizers, generation, uid, resourceVersion } = object.metadata;
    const { metadata, ...rest } = object;
    return {
      ...rest,
      metadata: { labels, annotations, ownerReferences, finalizers, generation, uid },
      isDeleting: metadata.deletionTimestamp !== undefined,
      isNewVersion: resourceVersion !== known?.latest.resourceVersion,
      holders: holders(object),
      timeless: (metadata.managedFields ?? [])
        .filter(({ time }) => !time)
        .map(({ manager }) => manager)
        .sort(),
    };
  }

  readonly #refusal = (error: unknown): unknown => {
    if (!(error instanceof Error) || error.name !== 'KubeError') throw error;
    const { status, reason, causes } = error as KubeError;
    // That some rules were not looked at because the object is not valid is told as a cause without a field.
    const told = causes.filter(({ field }) => field !== '<nil>').map(({ field, reason }) => `${field}: ${reason}`);
    return { status, reason, causes: [...new Set(told)].sort() };
  };

  /** With the same names for uids that each server makes up for itself. */
  #anonymous(value: unknown): unknown {
    const text = JSON.stringify(value, (_, part: unknown) => (isMap(part) ? sorted(part) : part));
    const uids = text.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uid) => {
      const name = this.#uids.get(uid) ?? `uid ${this.#uids.size + 1}`;
      this.#uids.set(uid, name);
      return name;
    });
    return JSON.parse(uids.replaceAll(this.#bench.namespace, 'here'));
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(map: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Asks two servers for the same things, and expects the same answers at every step. */
export async function expectSameBehaviour(
  [one, other]: [Candidate, Candidate],
  { seed, steps }: { seed: number; steps: number },
): Promise<void> {
  const operations = new RandomOperations(seed);
  const sides = [await Side.start(one), await Side.start(other)] as const;
  for (let step = 1; step <= steps; step++) {
    const operation = operations.next();
    const [seen, expected] = [await sides[0].run(operation), await sides[1].run(operation)];
    expect(seen, `seed ${seed}, step ${step}: ${operation.title}`).toEqual(expected);
  }
  expect(await sides[0].events(), `seed ${seed}: what a watch tells`).toEqual(await sides[1].events());
}
