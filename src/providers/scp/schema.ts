import { z } from 'zod';
import { count, text } from '../wire.ts';

/** What `spec.scp` holds that matters here. */
export interface ScpSpec {
  apiVersion?: 'v1.2' | 'v1.1' | 'v1.0' | undefined;
  environment?: 's' | 'g' | 'e' | undefined;
  region?: string | undefined;
  endpoint?: string | undefined;
}

/**
 * SCP API guide 1.2, `CertificateListResponse`. An answer without `certificates` does not pass for an empty list. The numbers
 * are hints: whether `count` is a total or that of the page is not documented (providers.md 1.4).
 */
export const certificateList = z.object({
  certificates: z.array(
    z.object({
      id: z.string().min(1).max(253),
      name: z.string().min(1).max(1024),
      cn: text,
      state: text,
      not_before_dt: text,
      not_after_dt: text,
    }),
  ),
  count: count.catch(undefined),
  size: count.catch(undefined),
});

export type CertificateRow = z.infer<typeof certificateList>['certificates'][number];

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
