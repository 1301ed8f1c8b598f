import { z } from 'zod';
import { count, flag, text } from '../wire.ts';

/** What `spec.scp` holds that matters here. */
export interface ScpSpec {
  apiVersion?: 'v1.2' | 'v1.1' | 'v1.0' | undefined;
  environment?: 's' | 'g' | 'e' | undefined;
  region?: string | undefined;
  endpoint?: string | undefined;
}

/** SCP API guide 1.2, `CertificateList`; what was made is described with the same names (`CertificateCreate`). */
const certificateRow = z.object({
  id: z.string().min(1).max(253),
  name: z.string().min(1).max(1024),
  cn: text,
  state: text,
  not_before_dt: text,
  not_after_dt: text,
});

export type CertificateRow = z.infer<typeof certificateRow>;

/**
 * SCP API guide 1.2, `CertificateListResponse`. An answer without `certificates` does not pass for an empty list. The numbers
 * are hints: whether `count` is a total or that of the page is not documented (providers.md 1.4).
 */
export const certificateList = z.object({
  certificates: z.array(certificateRow),
  count: count.catch(undefined),
  size: count.catch(undefined),
});

/** What was made: `CertificateCreateResponse`, and for self-signed ones `CertificateDetailResponse`. */
export const created = z.object({ certificate: certificateRow });

/**
 * `CheckResponse`, or since v1.1 for a pair `CertificateValidateResponseV1Dot1`. Of a name, true means that it is taken
 * (providers.md 1.3); of a pair, that it is good.
 */
export const checked = z
  .union([
    z.object({ result: flag }),
    z.object({ validate_check: flag }).transform((o) => ({ result: o.validate_check })),
  ])
  .transform(({ result }) => result);

/** SCP API guide 1.2, `CertificateDetailV1Dot2`; the other versions have less around the same three fields. */
export const certificateDetail = z.object({
  certificate: z.object({
    id: z.string().nullish(),
    cert_body: z.string().nullish(),
    cert_chain: z.string().nullish(),
    private_key: z.string().nullish(),
  }),
});

/**
 * Failures (providers.md 1.6): the service has `errors`, the gateway before it has none. `detail` is a text or a list of
 * texts, and not looked at: it may repeat what was sent.
 */
export const failure = z.object({
  errors: z
    .array(z.object({ code: z.unknown().optional(), request_id: z.unknown().optional() }))
    .optional()
    .catch(undefined),
  requestId: z.unknown().optional(),
});
