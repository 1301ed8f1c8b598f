import { judge } from '../../certificate/gate.ts';
import type { GateReason, Pair } from '../../certificate/verdict.ts';
import type { Secret } from '../../kube/objects.ts';
import type { Candidate, UploadProblem } from './situation.ts';

/**
 * What a Secret offers for an upload. The caller wipes the key of the pair.
 *
 * @param name of the Secret, for messages
 * @param now milliseconds since the epoch
 */
export function judgeSecret(
  secret: Secret | undefined,
  { name, now }: { name: string; now: number },
): { pair: Pair } | (UploadProblem & { notBefore?: number | undefined }) {
  if (secret === undefined) return { reason: 'SecretMissing', message: `Secret ${name} does not exist.` };
  if (secret.type !== 'kubernetes.io/tls') {
    return { reason: 'SecretMissing', message: `Secret ${name} is not of type kubernetes.io/tls.` };
  }
  const [certificates, privateKey] = ['tls.crt', 'tls.key'].map((key) =>
    Buffer.from(secret.data?.[key] ?? '', 'base64'),
  );
  try {
    const verdict = judge({
      parts: [certificates!, privateKey!],
      dnsNames: [],
      caCertificate: 'Omit',
      now,
    });
    if (verdict.accepted) return { pair: verdict.pair };
    const message = `Secret ${name} cannot be uploaded: ${verdict.message}`;
    return { reason: asUploadReason(verdict.reason), message, notBefore: verdict.notBefore };
  } finally {
    privateKey!.fill(0);
  }
}

/** What a certificate is called at the provider: a renewed one is another one there, and needs a name of its own. */
export function remoteNameOf(prefix: string, fingerprintSHA256: string): string {
  return `${prefix}-${fingerprintSHA256.replaceAll(':', '').slice(0, 8).toLowerCase()}`;
}

/** The candidate that a judged Secret makes. */
export function candidateOf(judged: ReturnType<typeof judgeSecret>, prefix: string): Candidate {
  if ('reason' in judged) return judged;
  const { facts } = judged.pair;
  return { name: remoteNameOf(prefix, facts.fingerprintSHA256), facts };
}

/** Of what only downloads can show, a Secret shows nothing but that it is empty. */
function asUploadReason(reason: GateReason): UploadProblem['reason'] {
  switch (reason) {
    case 'PrivateKeyMissing':
    case 'PrivateKeyEncrypted':
    case 'UnsupportedKey':
    case 'KeyMismatch':
    case 'CertificateExpired':
    case 'CertificateNotYetValid':
      return reason;
    default:
      return 'MalformedBundle';
  }
}
