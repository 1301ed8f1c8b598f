import { z } from 'zod';
import { count, list, text, word } from '../wire.ts';

/** What `spec.naver` holds that matters here. */
export interface NaverSpec {
  apiVersion?: 'v1' | 'v2' | undefined;
  zone?: 'public' | 'gov' | 'fin' | undefined;
  endpoint?: string | undefined;
}

/**
 * A list: of v1 (API guide, getCertificateList) with `totalRows`, `domainAddress` and dates, of v2 (ListCloudCertificates)
 * with `totalCount` and `commonName`.
 */
export const certificateList = z.object({
  totalRows: count,
  totalCount: count,
  sslCertificateList: list(
    z.object({
      certificateNo: z.union([z.int().min(0), z.string().regex(/^\d{1,18}$/)]).transform(String),
      certificateName: z.string().min(1).max(1024),
      domainAddress: text,
      commonName: text,
      validStartDate: text,
      validEndDate: text,
      updateDate: text,
      statusCode: word,
      statusName: text,
      certSerialNumber: text,
      caInfo: text,
    }),
  ),
});

export type CertificateRow = z.infer<typeof certificateList>['sslCertificateList'][number];

/** v2, GetCertificateChain: PEM with CRLF. */
export const certificateChain = z.object({
  certificate: z.string().nullish(),
  subCaCertificate: z.string().nullish(),
  rootCaCertificate: z.string().nullish(),
});

/** What every answer of the service says of itself; `0` is success. */
export const serviceResult = z.object({ returnCode: word });

/** The envelope of the gateway (NAVER Cloud API guide, common response codes), and others that were seen (providers.md 2.7). */
export const gatewayError = z.union([
  z
    .object({ error: z.object({ errorCode: word }) })
    .transform(({ error }) => ({ gateway: error.errorCode, other: undefined })),
  z
    .object({ errorCode: word, code: word, status: z.object({ code: word }).optional().catch(undefined) })
    .transform(({ errorCode, code, status }) => ({ gateway: undefined, other: errorCode ?? code ?? status?.code })),
]);
