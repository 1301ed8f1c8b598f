import type { Pair } from '../certificate/verdict.ts';
import { toYaml } from './documents.ts';

/** A TLS Secret as a manifest, with a reminder on top that it is not for everybody's eyes. */
export function secretManifest(name: string, { certificates, privateKey, ca }: Pair): string {
  const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');
  const manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': base64(certificates),
      'tls.key': base64(privateKey),
      ...(ca !== undefined && { 'ca.crt': base64(ca) }),
    },
  };
  return [
    '# Holds a private key: encrypt it before it goes to Git, for example by a pipe into',
    "#   sops encrypt --encrypted-regex '^(data|stringData)$' --input-type yaml --output-type yaml --filename-override secret.yaml",
    '# or',
    '#   kubeseal --format yaml',
    toYaml(manifest),
  ].join('\n');
}
