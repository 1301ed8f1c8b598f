import { z } from 'zod';
import { count, text, word } from '../wire.ts';

/** What `spec.nhn` holds that matters here. */
export interface NhnSpec {
  apiVersion?: 'v1.1' | 'v1.3' | undefined;
  endpoint?: string | undefined;
  tokenEndpoint?: string | undefined;
}

const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })]);

/** Wraps every JSON answer, of the service and of the gateway before it. */
export const envelope = z.object({
  header: z.object({
    isSuccessful: flag,
    resultCode: word,
  }),
});

/**
 * The body of a list (NHN API v1.1 guide; v1.3 has ids besides). What the counts hold with `all=true` is not documented.
 */
export const certificateList = z.object({
  body: z.object({
    totalCount: count,
    totalPage: count,
    data: z
      .array(
        z.object({
          certificateName: z.string().min(1).max(1024),
          certificateId: word,
          fileCreationDate: text,
          expirationDate: text,
        }),
      )
      .nullable()
      .transform((rows) => rows ?? []),
  }),
});

export type CertificateRow = z.infer<typeof certificateList>['body']['data'][number];

/** NHN Public API guide, "User Access Key Token": `expires_in` in seconds, 60 to 86,400, as a number or as text. */
export const tokenAnswer = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  expires_in: z.coerce.number().min(1).max(31_536_000).catch(60),
});
