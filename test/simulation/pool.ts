import { type Authority, createAuthority } from '../../sandbox/pki/index.ts';

/** What is wrong with what a cloud hands out. */
export type Flaw = 'none' | 'other-key' | 'no-key' | 'cut' | 'expired';

/** Something that a cloud can hand out under a name. */
export interface Bundle {
  name: string;
  /** Later ones begin and end later. */
  generation: number;
  flaw: Flaw;
  bytes: Buffer;
  /** Milliseconds since the epoch. */
  notAfter: number;
}

/** What a Secret holds, in Base64 as the API server has it. */
export interface KnownPair {
  name: string;
  generation: number;
}

/** Bundles made once for all runs: making keys and certificates would take most of the time. */
export interface Pool {
  /** The time of day at which every run begins. */
  origin: number;
  names: readonly string[];
  generations: number;
  bundle(name: string, generation: number, flaw: Flaw): Bundle;
  /** The pair that these are, by `tls.crt` and `tls.key` of a Secret; undefined when they are not one. */
  pairOf(certificates: string | undefined, privateKey: string | undefined): KnownPair | undefined;
}

const day = 86_400_000;
/** The same for ever: a seed that fails fails on any day. */
const origin = Date.UTC(2026, 0, 1);
const generations = 6;
export const names = ['a.example.com', 'b.example.com', 'c.example.com'] as const;
const flaws: readonly Flaw[] = ['none', 'other-key', 'no-key', 'cut', 'expired'];

export async function createPool(): Promise<Pool> {
  const authority = await (
    await createAuthority({ notBefore: new Date(origin - 365 * day) })
  ).intermediate({
    notBefore: new Date(origin - 365 * day),
  });
  const bundles = new Map<string, Bundle>();
  const certificates = new Map<string, KnownPair>();
  const keys = new Map<string, KnownPair>();
  for (const name of names) {
    for (let generation = 0; generation < generations; generation++) {
      for (const flaw of flaws) {
        const made = await make(authority, { name, generation, flaw });
        bundles.set(`${name} ${generation} ${flaw}`, made.bundle);
        if (flaw !== 'none') continue;
        certificates.set(base64(made.certificates), { name, generation });
        keys.set(base64(made.privateKey), { name, generation });
      }
    }
  }
  return {
    origin,
    names,
    generations,
    bundle: (name, generation, flaw) => {
      const found = bundles.get(`${name} ${generation} ${flaw}`);
      if (found === undefined) throw new Error('there is no such bundle in the pool');
      return found;
    },
    pairOf: (crt = '', key = '') => {
      const [pair, other] = [certificates.get(crt), keys.get(key)];
      return pair?.name === other?.name && pair?.generation === other?.generation ? pair : undefined;
    },
  };
}

async function make(
  authority: Authority,
  { name, generation, flaw }: { name: string; generation: number; flaw: Flaw },
): Promise<{ bundle: Bundle; certificates: string; privateKey: string }> {
  const begins = origin - (60 - generation) * day;
  const notAfter = flaw === 'expired' ? origin - day : begins + 180 * day;
  const dates = { notBefore: new Date(begins), notAfter: new Date(notAfter) };
  const { certificate, chain, root, privateKey } = await authority.issue({ dnsNames: [name], ...dates });
  const certificates = certificate + chain;
  const text = {
    none: () => certificates + root + privateKey,
    expired: () => certificates + root + privateKey,
    'no-key': () => certificates + root,
    cut: () => (certificates + root + privateKey).slice(0, -60),
    'other-key': async () => certificates + root + (await authority.issue({ dnsNames: [name] })).privateKey,
  };
  const bytes = Buffer.from(await text[flaw]());
  return { bundle: { name, generation, flaw, bytes, notAfter }, certificates, privateKey };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
