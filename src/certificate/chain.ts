import type { Certificate } from './certificate.ts';
import { Refusal } from './verdict.ts';

export interface Chain {
  leaf: Certificate;
  /** From the issuer of the leaf upwards, without the root. */
  intermediates: readonly Certificate[];
  /** The self-signed certificate on top, if the bundle holds it. */
  root?: Certificate;
  /** A member that is not valid now; there is no way around it. */
  obstacle?: Certificate;
}

/** In tls.crt, the leaf included. */
const mostCertificates = 8;
/** An honest bundle needs some ten; only one with many certificates of the same name comes near. */
const mostVerifications = 256;

export function isValidAt({ notBefore, notAfter }: { notBefore: number; notAfter: number }, now: number): boolean {
  return notBefore <= now && now <= notAfter;
}

/** By name and signature; nothing here depends on key identifiers, which may be missing or wrong. */
export function isIssuedBy(child: Certificate, parent: Pick<Certificate, 'subject' | 'x509'>): boolean {
  if (child.issuer !== parent.subject) return false;
  try {
    return child.x509.verify(parent.x509.publicKey);
  } catch {
    return false;
  }
}

export function isSelfSigned(certificate: Certificate): boolean {
  return isIssuedBy(certificate, certificate);
}

/**
 * Builds the chain of `leaf` from `pool`, in which certificates may stand in any order, with others that do not belong.
 * Where several certificates could come next (renewed or cross-signed authorities), the best one is followed; the others
 * are tried when it leads to one that is not valid at `now`.
 */
export function buildChain(leaf: Certificate, pool: readonly Certificate[], now: number): Chain {
  return new Ascent(pool, now).from(leaf);
}

class Ascent {
  readonly #pool: readonly Certificate[];
  readonly #now: number;
  /** Authorities that no good path leads over, and what bars it: each is climbed once. */
  readonly #barred = new Map<Certificate, Certificate>();
  #verifications = 0;

  constructor(pool: readonly Certificate[], now: number) {
    this.#pool = pool;
    this.#now = now;
  }

  from(leaf: Certificate): Chain {
    return this.#issued(leaf, leaf) ? { leaf, intermediates: [] } : this.#climb(leaf, []);
  }

  /** The chain that goes on from these; with an obstacle if every way up is barred. */
  #climb(leaf: Certificate, intermediates: readonly Certificate[]): Chain {
    let obstacle: Certificate | undefined;
    for (const { certificate, selfSigned } of this.#parents([leaf, ...intermediates])) {
      if (selfSigned) return { leaf, intermediates, root: certificate };
      if (intermediates.length + 1 === mostCertificates) {
        throw new Refusal('MalformedBundle', `The chain is longer than ${mostCertificates} certificates.`);
      }
      const chain = this.#climbOver(certificate, leaf, intermediates);
      if (chain.obstacle === undefined) return chain;
      obstacle ??= chain.obstacle;
    }
    return obstacle === undefined ? { leaf, intermediates } : { leaf, intermediates, obstacle };
  }

  #climbOver(next: Certificate, leaf: Certificate, intermediates: readonly Certificate[]): Chain {
    const known = this.#barred.get(next);
    if (known !== undefined) return { leaf, intermediates, obstacle: known };
    const chain: Chain = isValidAt(next, this.#now)
      ? this.#climb(leaf, [...intermediates, next])
      : { leaf, intermediates, obstacle: next };
    if (chain.obstacle !== undefined) this.#barred.set(next, chain.obstacle);
    return chain;
  }

  /** Certificates that issued the last one of `path`, the best first. */
  #parents(path: readonly Certificate[]): { certificate: Certificate; selfSigned: boolean }[] {
    const child = path.at(-1);
    if (child === undefined) return [];
    return this.#pool
      .filter((candidate) => candidate.isAuthority && !path.includes(candidate) && this.#issued(child, candidate))
      .map((certificate) => ({ certificate, selfSigned: this.#issued(certificate, certificate) }))
      .sort((a, b) => {
        const [x, y] = [a.certificate, b.certificate];
        return (
          Number(isValidAt(y, this.#now)) - Number(isValidAt(x, this.#now)) ||
          Number(a.selfSigned) - Number(b.selfSigned) ||
          distance(child, x) - distance(child, y) ||
          y.notAfter - x.notAfter ||
          (x.x509.fingerprint256 < y.x509.fingerprint256 ? -1 : 1)
        );
      });
  }

  #issued(child: Certificate, parent: Certificate): boolean {
    if (child.issuer !== parent.subject) return false;
    if (++this.#verifications > mostVerifications) {
      throw new Refusal('MalformedBundle', 'The bundle holds too many authorities with the same name.');
    }
    return isIssuedBy(child, parent);
  }
}

/** How far behind `child` the `parent` stands in the input; the same for all that stand before it. */
function distance(child: Certificate, parent: Certificate): number {
  return parent.position > child.position ? parent.position - child.position : Number.MAX_SAFE_INTEGER;
}
