const endOfCertificate = '-----END CERTIFICATE-----\n';

/**
 * The leaf, and apart from it what is above, as cloud APIs take them.
 *
 * @param certificates PEM as the gate writes it: each block ends with a line feed, the leaf comes first
 */
export function leafAndChain(certificates: string): { certificate: Buffer; chain: Buffer } {
  const end = certificates.indexOf(endOfCertificate) + endOfCertificate.length;
  return { certificate: Buffer.from(certificates.slice(0, end)), chain: Buffer.from(certificates.slice(end)) };
}
