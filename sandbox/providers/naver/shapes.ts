import { z } from 'zod';

/** A certificate that was issued elsewhere, as a client registers it; PEM. */
export interface External {
  name: string;
  /** Of the one whose place it takes. */
  no?: number | undefined;
  certificate: string;
  chain: string;
  privateKey: string;
}

const text = z.string().min(1);

/** The rule of September 2026, which was seen to be enforced with code 2000 (providers.md 2.3). */
const certificateName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{2,19}$/);

/** Bodies of requests (NAVER Cloud API guide, createExternalCertificate and RegisterExternalCertificate). */
export const shapes = {
  v1: z
    .strictObject({ certificateName, privateKey: text, publicKeyCertificate: text, certificateChain: text })
    .transform(({ certificateName, privateKey, publicKeyCertificate, certificateChain }): External => ({
      name: certificateName,
      certificate: publicKeyCertificate,
      chain: certificateChain,
      privateKey,
    })),
  /** A renewal keeps the name that it has, which may be older than the rule. */
  v2: z
    .union([
      z.strictObject({
        certificateName: text,
        certificateNo: z.int().min(1),
        privateKey: text,
        certificateBody: text,
        certificateChain: text,
      }),
      z.strictObject({ certificateName, privateKey: text, certificateBody: text, certificateChain: text }),
    ])
    .transform((asked): External => ({
      name: asked.certificateName,
      no: 'certificateNo' in asked ? asked.certificateNo : undefined,
      certificate: asked.certificateBody,
      chain: asked.certificateChain,
      privateKey: asked.privateKey,
    })),
};
