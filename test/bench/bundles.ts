import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { type Authority, createAuthority } from '../../sandbox/pki/index.ts';

export interface Bundle {
  /** Leaf, intermediate, root and key in PEM. */
  pem: string;
  /** SHA-256 of the leaf, as Node writes it. */
  fingerprint: string;
}

/**
 * Certificates for `<name>.example.com` with a P-256 key, all from one intermediate. Each is made once, which takes somewhat
 * less than a millisecond, and is there for every scenario after that.
 */
export class Bundles {
  readonly #authority: Authority;
  readonly #made = new Map<string, Bundle>();

  private constructor(authority: Authority) {
    this.#authority = authority;
  }

  static async create(): Promise<Bundles> {
    return new Bundles(await (await createAuthority()).intermediate());
  }

  async get(names: readonly string[]): Promise<Bundle[]> {
    const bundles: Bundle[] = [];
    for (const [index, name] of names.entries()) {
      bundles.push(this.#made.get(name) ?? (await this.renew(name)));
      if (index % 100 === 0) await setImmediate(); // the process that asked may be gone
    }
    return bundles;
  }

  /** Issues one that takes the place of the former. */
  async renew(name: string): Promise<Bundle> {
    // One key at a time on this thread is ten times as fast as keys from the thread pool.
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const { certificate, bundle } = await this.#authority.issue({ dnsNames: [`${name}.example.com`], key });
    const made = { pem: bundle, fingerprint: new X509Certificate(certificate).fingerprint256 };
    this.#made.set(name, made);
    return made;
  }
}
