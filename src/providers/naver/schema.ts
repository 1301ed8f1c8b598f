import { z } from 'zod';
import { count, text, word } from '../wire.ts';

/** What `spec.naver` holds that matters here. */
export interface NaverSpec {
  apiVersion?: 'v1' | 'v2' | undefined;
  zone?: 'public' | 'gov' | 'fin' | undefined;
  endpoint?: string | undefined;
}

/**
 * A list: of v1 (NAVER Cloud API guide, getCertificateList) with `totalRows`, `domainAddress`, dates and serial number, of
 * v2 (ListCertificates) with `totalCount` and `commonName`.
 */
export const certificateList = z
  .object({
    totalRows: count,
    totalCount: count,
    sslCertificateList: z
      .array(
        z.object({
          certificateNo: z.union([z.int().min(0), z.string().regex(/^\d{1,18}$/)]).transform(String),
          certificateName: z.string().min(1).max(1024),
          domainAddress: text,
          commonName: text,
          validStartDate: text,
          validEndDate: text,
          updateDate: text,
          statusCode: word.or(z.literal('')),
          statusName: text,
          certSerialNumber: text,
          caInfo: text,
        }),
      )
      .nullish()
      .transform((rows) => rows ?? []),
  })
  .transform(({ totalRows, totalCount, sslCertificateList: rows }) => ({
    total: totalCount ?? totalRows ?? undefined,
    rows,
  }));

export type CertificateList = z.infer<typeof certificateList>;
export type CertificateRow = CertificateList['rows'][number];

/** v2, GetCertificateChain: PEM with CRLF. Its `totalRows` counts nothing; the guide's example says 0. */
export const certificateChain = z.object({
  certificate: z.string().nullish(),
  subCaCertificate: z.string().nullish(),
  rootCaCertificate: z.string().nullish(),
});

/**
 * The codes in an answer, of whatever envelope (providers.md 2.7): `returnCode` of the service, where `0` is success;
 * `error.errorCode` of the gateway, also seen without `error` around it; and others that were seen.
 */
export const answerCodes = z
  .object({
    returnCode: word.catch(undefined),
    error: z.object({ errorCode: word }).optional().catch(undefined),
    errorCode: word.catch(undefined),
    code: word.catch(undefined),
    status: z.object({ code: word }).optional().catch(undefined),
  })
  .transform(({ returnCode, error, errorCode, code, status }) => ({
    service: returnCode ?? undefined,
    gateway: error?.errorCode ?? errorCode ?? undefined,
    other: code ?? status?.code ?? undefined,
  }));

export type AnswerCodes = Partial<z.infer<typeof answerCodes>>;
