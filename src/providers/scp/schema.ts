import { z } from 'zod';
import { count, list, text } from '../wire.ts';

/** What `spec.scp` holds that matters here. */
export interface ScpSpec {
  apiVersion?: 'v1.2' | 'v1.1' | 'v1.0' | undefined;
  environment?: 's' | 'g' | 'e' | undefined;
  region?: string | undefined;
  endpoint?: string | undefined;
}

/** SCP API guide 1.2, `CertificateListResponse`. Whether `count` is a total or that of the page is not documented. */
export const certificateList = z.object({
  certificates: list(
    z.object({
      id: z.string().min(1).max(253),
      name: z.string().min(1).max(1024),
      cn: text,
      state: text,
      not_before_dt: text,
      not_after_dt: text,
    }),
  ),
  count,
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

/** An error of the service. `detail` is a text or a list of texts, and not looked at: it may repeat what was sent. */
export const serviceErrors = z.object({
  errors: z.array(z.object({ code: z.unknown(), request_id: z.unknown() })).min(1),
});
