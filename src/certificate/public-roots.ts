import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { oneLine, type Certificate } from './certificate.ts';
import { isIssuedBy } from './chain.ts';

type Root = Pick<Certificate, 'subject' | 'x509'>;

let rootsBySubject: Map<string, Root[]> | undefined;

/** Whether one of the roots that browsers trust (Mozilla's list, as Node carries it) issued the certificate. */
export function isIssuedByPublicRoot(certificate: Certificate): boolean {
  // Parsing all of them takes a while, and few bundles need them.
  rootsBySubject ??= Map.groupBy(rootCertificates.map(parseRoot), (root) => root.subject);
  return (rootsBySubject.get(certificate.issuer) ?? []).some((root) => isIssuedBy(certificate, root));
}

function parseRoot(pem: string): Root {
  const x509 = new X509Certificate(pem);
  return { subject: oneLine(x509.subject), x509 };
}
