import type { Clouds } from '../../sandbox/clouds.ts';
import type { Authority, Issued } from '../../sandbox/pki/index.ts';
import type { SyncedReason } from '../../src/api/reasons.ts';

/** What a cloud has under a name, as the last upload left it. */
export type Remote = { kind: 'absent' } | { kind: 'good'; issued: Issued } | { kind: 'broken'; reason: SyncedReason };

export const breakages = ['KeyMismatch', 'MalformedBundle', 'CertificateUnavailable', 'NamesNotCovered'] as const;
export type Breakage = (typeof breakages)[number];

/** PEM, or what somebody takes for it. */
interface Files {
  certificate: string;
  chain: string;
  root: string;
  key: string;
}

/** One place at a cloud where a certificate is, and in which it can be replaced. */
export interface Shelf {
  put(files: Files, o: { notAfter: Date; domain: string }): void;
  clear(): void;
  /** The cloud does not give the key: users put it into a Secret. */
  keyless: boolean;
}

const day = 86_400_000;

/** Something at a cloud that ProviderCertificates are for, with all that it ever was. */
export class Source {
  readonly name: string;
  readonly keyless: boolean;
  /** Every pair that could rightly be in a Secret. */
  readonly good: Issued[] = [];
  /** Somebody is at it. */
  busy = false;
  readonly #shelf: Shelf;
  readonly #authority: Authority;
  #remote: Remote = { kind: 'absent' };
  #key = '';
  #uploads = 0;

  constructor({ name, shelf, authority }: { name: string; shelf: Shelf; authority: Authority }) {
    this.name = name;
    this.keyless = shelf.keyless;
    this.#shelf = shelf;
    this.#authority = authority;
  }

  get remote(): Remote {
    return this.#remote;
  }

  get domain(): string {
    return `${this.name}.example.com`;
  }

  /** The key that belongs to what is there, for those who supply it. */
  get key(): string {
    return this.#key;
  }

  async rotate(): Promise<void> {
    const { issued, notAfter } = await this.#issue(this.domain);
    const { certificate, chain, root, privateKey } = issued;
    this.good.push(issued);
    this.#key = privateKey;
    this.#remote = { kind: 'good', issued };
    this.#shelf.put({ certificate, chain, root, key: privateKey }, { notAfter, domain: this.domain });
  }

  async spoil(reason: Breakage): Promise<void> {
    const { issued, notAfter } = await this.#issue(reason === 'NamesNotCovered' ? `other-${this.domain}` : this.domain);
    const { certificate, chain, root, privateKey: key } = issued;
    const files: Record<Breakage, () => Promise<Files>> = {
      KeyMismatch: async () => ({ certificate, chain, root, key: (await this.#authority.issue()).privateKey }),
      MalformedBundle: async () => ({
        certificate: certificate.slice(0, certificate.length / 2),
        chain: '',
        root: '',
        key,
      }),
      CertificateUnavailable: async () => ({ certificate: '', chain: '', root: '', key }),
      NamesNotCovered: async () => ({ certificate, chain, root, key }),
    };
    const spoilt = await files[reason]();
    // Who supplies the key does so for a certificate that fits it, or for the first time.
    if (reason === 'NamesNotCovered' || this.#key === '') this.#key = spoilt.key;
    this.#remote = { kind: 'broken', reason };
    this.#shelf.put(spoilt, { notAfter, domain: this.domain });
  }

  remove(): void {
    this.#remote = { kind: 'absent' };
    this.#shelf.clear();
  }

  /** Each one ends a day after the former, so that even a list of days shows the change. */
  async #issue(domain: string): Promise<{ issued: Issued; notAfter: Date }> {
    const notAfter = new Date(Date.now() + (120 + this.#uploads++) * day);
    const issued = await this.#authority.issue({ commonName: this.domain, dnsNames: [domain], notAfter });
    return { issued, notAfter };
  }
}

/** At NHN Cloud a file takes the place of the former. */
export function nhnShelf({ nhn }: Clouds, name: string): Shelf {
  return {
    keyless: false,
    put: ({ certificate, chain, root, key }) => nhn.upload(name, certificate + chain + root + key),
    clear: () => nhn.remove(name),
  };
}

/** At Samsung Cloud Platform a renewal is another certificate of the same domain; somebody removes the old ones now and then. */
export function scpShelf({ scp }: Clouds, name: string): Shelf {
  let ids: string[] = [];
  let uploads = 0;
  return {
    keyless: false,
    put({ certificate, chain, key }, { notAfter, domain }) {
      const id = scp.upload(`${name}-${uploads++}`, { body: certificate, chain, key }, { cn: domain, notAfter });
      const [oldest, ...others] = ids;
      if (others.length > 0) scp.remove(oldest ?? '');
      ids = others.length > 0 ? [...others, id] : [...ids, id];
    },
    clear() {
      for (const id of ids) scp.remove(id);
      ids = [];
    },
  };
}

/** At NAVER Cloud a certificate is renewed under its number, and its key stays with the user. */
export function naverShelf({ naver }: Clouds, name: string): Shelf {
  let number: number | undefined;
  return {
    keyless: true,
    put({ certificate, chain, root }) {
      const text = certificate + chain + root;
      if (number === undefined) number = naver.upload(name, text);
      else naver.renew(number, text);
    },
    clear() {
      if (number !== undefined) naver.remove(number);
      number = undefined;
    },
  };
}
