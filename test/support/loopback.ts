import { extension } from '../../sandbox/pki/certificate.ts';
import { element, sequence } from '../../sandbox/pki/der.ts';
import { type Authority, createAuthority } from '../../sandbox/pki/index.ts';

/** What a TLS server on loopback shows, and what its clients have to trust; PEM. */
export interface LoopbackTls {
  ca: string;
  cert: string;
  key: string;
}

/** @param authority who issues it; by default one of its own, that nobody trusts yet */
export async function loopbackTls(authority?: Authority): Promise<LoopbackTls> {
  const issuer = authority ?? (await createAuthority({ name: 'Loopback Root CA' }));
  const address = extension('2.5.29.17', sequence(element(0x87, Buffer.from([127, 0, 0, 1]))));
  const issued = await issuer.issue({ commonName: '127.0.0.1', dnsNames: [], extensions: [address] });
  return { ca: issued.root, cert: issued.certificate + issued.chain, key: issued.privateKey };
}
