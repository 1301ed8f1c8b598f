import { createPublicKey, type KeyObject } from 'node:crypto';
import { buildCertificate, pem, type CertificateFields } from './certificate.ts';
import { generateKey, type KeyType } from './keys.ts';

const day = 86_400_000;

/** What both kinds of certificates may be asked for; anything of `CertificateFields` can be set to deviate. */
interface Request extends Partial<Omit<CertificateFields, 'subject'>> {
  /** Default p256. */
  keyType?: KeyType;
  /** A private key to use instead of a new one. */
  key?: KeyObject;
}

export interface AuthorityRequest extends Request {
  name?: string;
}

export interface LeafRequest extends Request {
  /** Subject; default the first of `dnsNames`. */
  commonName?: string;
  /** Default `www.example.com`; `[]`: no subject alternative name. */
  dnsNames?: readonly string[];
}

/** A leaf with all that belongs to it; PEM throughout. */
export interface Issued {
  certificate: string;
  /** PKCS#8. */
  privateKey: string;
  key: KeyObject;
  /** Intermediates from the issuer upwards, without the root; '' when the root issued it. */
  chain: string;
  root: string;
  /** Leaf, intermediates, root and key in one text, as NHN Cloud stores it. */
  bundle: string;
}

/** Creates a self-signed root authority. */
export async function createAuthority(request: AuthorityRequest = {}): Promise<Authority> {
  const name = request.name ?? 'Sandbox Root CA';
  const key = request.key ?? (await generateKey(request.keyType ?? 'p256'));
  const certificate = certify({ subject: name, issuer: name, signer: key, authority: true, ...request }, key, 3650);
  return new Authority({ name, key, certificate, chain: '', root: certificate });
}

/** An authority that can issue; made by `createAuthority` and `intermediate`. */
export class Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly certificate: string;
  /** This authority and those above it, without the root; '' for a root. */
  readonly chain: string;
  readonly root: string;

  constructor(of: { name: string; key: KeyObject; certificate: string; chain: string; root: string }) {
    this.name = of.name;
    this.key = of.key;
    this.certificate = of.certificate;
    this.chain = of.chain;
    this.root = of.root;
  }

  /** Issues an authority below this one; with the `name` and `key` of another authority it is a cross certificate. */
  async intermediate(request: AuthorityRequest = {}): Promise<Authority> {
    const name = request.name ?? 'Sandbox Intermediate CA';
    const key = request.key ?? (await generateKey(request.keyType ?? 'p256'));
    const fields = { subject: name, issuer: this.name, signer: this.key, authority: true, ...request };
    const certificate = certify(fields, key, 1825);
    return new Authority({ name, key, certificate, chain: certificate + this.chain, root: this.root });
  }

  /** Issues a leaf. */
  async issue(request: LeafRequest = {}): Promise<Issued> {
    const dnsNames = request.dnsNames ?? ['www.example.com'];
    const subject = request.commonName ?? dnsNames[0] ?? 'www.example.com';
    const key = request.key ?? (await generateKey(request.keyType ?? 'p256'));
    const certificate = certify({ subject, issuer: this.name, signer: this.key, ...request, dnsNames }, key, 90);
    const privateKey = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { chain, root } = this;
    return { certificate, privateKey, key, chain, root, bundle: certificate + chain + root + privateKey };
  }
}

/** Valid since yesterday unless the fields say otherwise. */
function certify(
  fields: Omit<CertificateFields, 'publicKey' | 'notBefore' | 'notAfter'> & Partial<CertificateFields>,
  key: KeyObject,
  days: number,
): string {
  const notBefore = fields.notBefore ?? new Date(Date.now() - day);
  const notAfter = fields.notAfter ?? new Date(notBefore.getTime() + days * day);
  const publicKey = fields.publicKey ?? createPublicKey(key);
  return pem('CERTIFICATE', buildCertificate({ ...fields, publicKey, notBefore, notAfter }));
}
