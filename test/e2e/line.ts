import type { Authority, Issued } from '../../sandbox/pki/index.ts';
import type { SyncedReason } from '../../src/api/reasons.ts';
import type { RemoteClouds } from './clouds/remote.ts';

const day = 86_400_000;

/** Bundles that must be refused, by the reason that is told then. */
const spoilt = {
  KeyMismatch: async (of: Line) => {
    const [issued, other] = [await of.issue(), await of.issue()];
    return issued.certificate + issued.chain + issued.root + other.privateKey;
  },
  MalformedBundle: async (of: Line) => {
    const { bundle } = await of.issue();
    return bundle.slice(0, bundle.length / 2);
  },
  NamesNotCovered: async (of: Line) => (await of.issue(`other.${of.domain}`)).bundle,
  PrivateKeyMissing: async (of: Line) => {
    const { certificate, chain, root } = await of.issue();
    return certificate + chain + root;
  },
  IncompleteChain: async (of: Line) => {
    const { certificate, privateKey } = await of.issue();
    return certificate + privateKey;
  },
} satisfies Partial<Record<SyncedReason, (of: Line) => Promise<string>>>;

export type Refusal = keyof typeof spoilt;
export const refusals = Object.keys(spoilt) as Refusal[];

/** The certificates of one name at the simulated NHN Cloud, one after the other. */
export class Line {
  readonly name: string;
  /** All that the Secret may have held. */
  readonly good: Issued[] = [];
  readonly #authority: Authority;
  readonly #nhn: RemoteClouds['nhn'];

  constructor(name: string, { authority, nhn }: { authority: Authority; nhn: RemoteClouds['nhn'] }) {
    this.name = name;
    this.#authority = authority;
    this.#nhn = nhn;
  }

  get domain(): string {
    return `${this.name}.example.com`;
  }

  issue(domain = this.domain): Promise<Issued> {
    return this.#authority.issue({ dnsNames: [domain], notAfter: new Date(Date.now() + 90 * day) });
  }

  /** Replaces the file by a good one. */
  async renew(): Promise<Issued> {
    const issued = await this.issue();
    this.good.push(issued);
    await this.#nhn.upload(this.name, issued.bundle);
    return issued;
  }

  /** Replaces the file by one that must be refused. */
  async spoil(reason: Refusal): Promise<void> {
    await this.#nhn.upload(this.name, await spoilt[reason](this));
  }
}
