import { z } from 'zod';

/** What `spec.nhn` holds that matters here. */
export interface NhnSpec {
  apiVersion?: string | undefined;
  endpoint?: string | undefined;
}

const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })]);
const count = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ])
  .nullish();
const date = z.string().max(64).nullish();

/** Wraps every JSON answer, of the service and of the gateway before it. */
export const envelope = z.object({
  header: z.object({
    isSuccessful: flag,
    resultCode: z.union([z.number(), z.string()]).transform(String).nullish(),
  }),
});

/** The body of a list (NHN API v1.1 guide). What the counts hold with `all=true` is not documented. */
export const certificateList = z.object({
  body: z.object({
    totalCount: count,
    totalPage: count,
    data: z
      .array(z.object({ certificateName: z.string().min(1).max(1024), fileCreationDate: date, expirationDate: date }))
      .nullish()
      .transform((rows) => rows ?? []),
  }),
});

export type CertificateRow = z.infer<typeof certificateList>['body']['data'][number];
