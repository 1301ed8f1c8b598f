import { isDeepStrictEqual } from 'node:util';
import type { CertificateReason } from './errors.ts';

/** The fields of `remoteRef`; exactly one is set. */
export interface RemoteRef {
  name?: string | undefined;
  id?: string | undefined;
  commonName?: string | undefined;
}

export type Selector = keyof RemoteRef;

/** What a provider's list says about one certificate. */
export interface InventoryEntry {
  /** Unique in the account, and what a download is asked by. Exactly as the provider writes it. */
  id: string;
  name: string;
  commonName?: string;
  /** In the provider's own words. Informs, never decides. */
  state?: string;
  /** When it begins and ends by the list: RFC 3339, or a day. Informs, never decides: the X.509 does. */
  notBefore?: string;
  notAfter?: string;
  /** Changes when the certificate changes. */
  revision: string;
  /** YYYY-MM-DD, set when the revision is only that precise: a second change on that day does not show in it. */
  day?: string;
  /** False: by its state at the provider it is not the one to choose when there are others. */
  usable?: false;
  /** Set when there is no use in downloading it. */
  problem?: { reason: CertificateReason; message: string };
  /** Set when the provider hands out no bytes of it: why, and what else it could be told apart by. */
  withheld?: { message: string; serialNumber?: string; issuer?: string };
}

/** The one entry that a reference selects, or why there is none. */
export type Selection =
  | { entry: InventoryEntry }
  | { reason: 'CertificateNotFound' | 'Ambiguous' | 'InvalidSpec'; message: string };

/** All certificates of an account as of one complete list. Immutable. */
export class Inventory {
  /** When the list was begun; milliseconds since the epoch. */
  readonly listedAt: number;
  readonly #byId: ReadonlyMap<string, InventoryEntry>;
  readonly #byName: ReadonlyMap<string, readonly InventoryEntry[]>;
  readonly #byCommonName: ReadonlyMap<string, readonly InventoryEntry[]>;
  readonly #selectors: readonly Selector[];

  /**
   * @param entries of two that end alike, the one made last comes first
   * @param o.selectors what the provider can be asked by
   */
  constructor(entries: readonly InventoryEntry[], o: { listedAt: number; selectors: readonly Selector[] }) {
    this.listedAt = o.listedAt;
    this.#selectors = o.selectors;
    this.#byId = new Map(entries.map((entry) => [entry.id, entry]));
    this.#byName = Map.groupBy(this.#byId.values(), (entry) => comparable(entry.name));
    this.#byCommonName = Map.groupBy(this.#byId.values(), ({ commonName = '' }) => commonName.toLowerCase());
  }

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  byId(id: string): InventoryEntry | undefined {
    return this.#byId.get(id);
  }

  find(ref: RemoteRef): Selection {
    const given = (['name', 'id', 'commonName'] as const).filter((selector) => ref[selector] !== undefined);
    const [selector] = given;
    if (selector === undefined || given.length > 1 || !this.#selectors.includes(selector)) {
      return {
        reason: 'InvalidSpec',
        message: `With this provider, remoteRef must hold ${this.#selectors.join(' or ')}, and nothing else.`,
      };
    }
    const value = ref[selector] ?? '';
    const matches = {
      id: () => [this.#byId.get(value)],
      name: () => this.#named(value),
      commonName: () => [this.#newest(value)],
    }[selector]();
    const [entry] = matches;
    if (entry === undefined)
      return { reason: 'CertificateNotFound', message: `The provider lists no certificate with this ${selector}.` };
    if (matches.length > 1)
      return {
        reason: 'Ambiguous',
        message: `The provider lists ${matches.length} certificates with this ${selector}.`,
      };
    return { entry };
  }

  /** The entries of this inventory of which `later` knows neither the id nor the name. */
  missingFrom(later: Inventory): InventoryEntry[] {
    return [...this.#byId.values()].filter(
      (entry) => !later.has(entry.id) && !later.#byName.has(comparable(entry.name)),
    );
  }

  /**
   * The certificate of a domain that is usable when the list was made and ends last; if none is usable, the one that
   * ends last, which tells why.
   */
  #newest(commonName: string): InventoryEntry | undefined {
    const candidates = this.#byCommonName.get(commonName.toLowerCase()) ?? [];
    const usable = candidates.filter((entry) => isUsable(entry, this.listedAt));
    return (usable.length > 0 ? usable : candidates).reduce<InventoryEntry | undefined>(
      (last, entry) => (last === undefined || endOf(entry) > endOf(last) ? entry : last),
      undefined,
    );
  }

  /**
   * Names are compared after Unicode normalisation; among names that only differ by it, the one written alike is meant.
   * What was revoked or deleted may still be listed under the name of its successor.
   */
  #named(name: string): readonly InventoryEntry[] {
    const matches = this.#byName.get(comparable(name)) ?? [];
    const exact = matches.filter((entry) => entry.name === name);
    const named = exact.length > 0 ? exact : matches;
    const sound = named.filter(({ problem }) => problem === undefined);
    return sound.length > 0 ? sound : named;
  }
}

/** Whether a reference that selected `before` now selects something else, or something that changed. */
export function differs(before: Selection | undefined, after: Selection): boolean {
  return !isDeepStrictEqual(before, after);
}

function isUsable({ usable, problem, notBefore, notAfter }: InventoryEntry, now: number): boolean {
  const begun = notBefore === undefined || !(Date.parse(notBefore) > now);
  return usable !== false && problem === undefined && begun && !(notAfter !== undefined && Date.parse(notAfter) < now);
}

function endOf({ notAfter }: InventoryEntry): number {
  return (notAfter !== undefined && Date.parse(notAfter)) || 0;
}

function comparable(name: string): string {
  return name.normalize('NFC');
}
