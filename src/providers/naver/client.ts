import type { Clock } from '../../clock.ts';
import { invalidAnswer, parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import {
  type CertificateReason,
  type Operation,
  ProviderError,
  type ProviderErrorInit,
  asCode,
  statusError,
} from '../errors.ts';
import { type HttpAnswer, type HttpClient, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import type { Call, ProviderClient } from '../provider.ts';
import { type CertificateRow, certificateChain, certificateList, gatewayError, serviceResult } from './schema.ts';
import { signed } from './sign.ts';

const pageSize = 100;
const maxPages = 300;
const maxListBytes = 8 * 1024 * 1024;
const maxChainBytes = 1024 * 1024;
/** A quota is used up for longer than a rate; in milliseconds. */
const quotaPauseMs = 600_000;

/** Nothing was found: what some answers say instead of an empty list (providers.md 2.7). */
const nothingFound = '2200';

/** The status that a gateway's code means (providers.md 2.7). 210 is told as 401 and means 403. */
const gatewayStatus: Readonly<Record<string, number>> = {
  100: 400,
  200: 401,
  210: 403,
  300: 404,
  400: 429,
  410: 429,
  420: 429,
  430: 413,
  500: 503,
  510: 504,
  900: 500,
};
const quotaCode = '400';

interface Options {
  endpoint: string;
  version: 'v1' | 'v2';
  credentials: Credentials;
  http: HttpClient;
  clock: Clock;
}

/**
 * Speaks the Certificate Manager API of NAVER Cloud Platform. v1 only tells about certificates, v2 gives the chain; the
 * private key comes from neither.
 */
export class NaverClient implements ProviderClient {
  readonly #http: HttpClient;
  readonly #endpoint: string;
  readonly #version: 'v1' | 'v2';
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor({ endpoint, version, credentials, http, clock }: Options) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#version = version;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** The certificate made last comes first: numbers only grow. */
  async list(call: Call): Promise<InventoryEntry[]> {
    let rows = await this.#rows(call);
    if (rows === undefined) {
      await call.another();
      rows = await this.#rows(call);
    }
    if (rows === undefined)
      throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    return rows
      .toSorted((a, b) => Number(b.certificateNo) - Number(a.certificateNo))
      .map((row) => (this.#version === 'v1' ? withoutBytes(toEntry(row), row) : toEntry(row)));
  }

  async download({ id, problem, withheld }: InventoryEntry, { signal }: Call): Promise<Uint8Array[]> {
    if (problem) throw new ProviderError(problem);
    if (withheld) throw new ProviderError({ reason: 'CertificateUnavailable', message: withheld.message });
    const path = `/api/v2/certificate/exportCertificate/${pathSegment(id)}/chain`;
    const { answer, json } = await this.#get(path, 'download', maxChainBytes, signal);
    const chain = certificateChain.safeParse(json);
    if (!chain.success) throw invalidAnswer('The certificate that the provider sent cannot be understood.', answer);
    const { certificate, subCaCertificate, rootCaCertificate } = chain.data;
    return [certificate, subCaCertificate, rootCaCertificate].map((field) => Buffer.from(field ?? ''));
  }

  /** @returns undefined when the pages do not fit together */
  async #rows(call: Call): Promise<CertificateRow[] | undefined> {
    if (this.#version === 'v1') return (await this.#list('/api/v1/certificates', call.signal)).sslCertificateList;
    const rows = new Map<string, CertificateRow>();
    let total: number | undefined;
    for (let page = 1; page <= maxPages; page++) {
      if (page > 1) await call.another();
      const path = `/api/v2/certificate/certificates?page=${page}&pageSize=${pageSize}`;
      const { sslCertificateList: listed, totalCount } = await this.#list(path, call.signal);
      if (page > 1 && (totalCount ?? undefined) !== total) return undefined;
      total = totalCount ?? undefined;
      const fresh = listed.filter(({ certificateNo }) => !rows.has(certificateNo));
      for (const row of fresh) rows.set(row.certificateNo, row);
      if (rows.size >= (total ?? Infinity)) return [...rows.values()];
      if (fresh.length === 0) return total === undefined ? [...rows.values()] : undefined;
    }
    throw invalidAnswer(`The provider's list has more than ${maxPages} pages.`);
  }

  async #list(path: string, signal: AbortSignal): Promise<ReturnType<typeof certificateList.parse>> {
    const { answer, json } = await this.#get(path, 'list', maxListBytes, signal);
    const list = certificateList.safeParse(json);
    if (!list.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    return list.data;
  }

  async #get(
    path: string,
    operation: Operation,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ answer: HttpAnswer; json: unknown }> {
    const now = this.#clock.now();
    const answer = await this.#http.request({
      endpoint: this.#endpoint,
      path,
      headers: {
        ...signed(this.#credentials, { method: 'GET', path, now }),
        'content-type': 'application/json',
        accept: 'application/json',
      },
      operation,
      maxBytes,
      signal,
    });
    const json = parseJson(answer.body);
    const returnCode = serviceResult.safeParse(json).data?.returnCode ?? undefined;
    if (answer.status !== 200) throw this.#failure(answer, json, returnCode, operation);
    if (returnCode === undefined || returnCode === '0') return { answer, json };
    if (operation === 'list' && returnCode === nothingFound)
      return { answer, json: { sslCertificateList: [], totalCount: 0 } };
    throw new ProviderError({
      ...(operation === 'download' ? refusedDownload(returnCode) : refused),
      code: asCode(returnCode),
      requestId: answer.requestId,
    });
  }

  #failure(answer: HttpAnswer, json: unknown, returnCode: string | undefined, operation: Operation): ProviderError {
    const { gateway, other } = gatewayError.safeParse(json).data ?? {};
    const status = gatewayStatus[gateway ?? ''] ?? answer.status;
    const code = asCode(returnCode ?? gateway ?? other);
    const { requestId } = answer;
    const retryAfterMs = answer.retryAfterMs ?? (status === 429 && gateway === quotaCode ? quotaPauseMs : undefined);
    return new ProviderError({ ...this.#causeOf(answer, status, operation), code, retryAfterMs, requestId });
  }

  #causeOf(answer: HttpAnswer, status: number, operation: Operation): Pick<ProviderErrorInit, 'reason' | 'message'> {
    const cause = statusError(status, operation);
    if (status === 401) return { ...cause, message: cause.message + clockAdvice(answer) };
    if (status !== 403 || this.#version === 'v1' || answer.body.length > 0) return cause;
    // Seen whatever its policies are (providers.md 2.4).
    const likely = 'This is how API v2 refuses the keys of a sub account: it needs those of the main account.';
    return { ...cause, message: `The provider answered with status 403 and nothing else. ${likely}` };
  }
}

const refused = { reason: 'InvalidResponse', message: 'The provider refused the request.' } as const;

/** The service itself said no, so it is about this certificate. */
function refusedDownload(returnCode: string): { reason: CertificateReason; message: string } {
  return returnCode === nothingFound
    ? { reason: 'CertificateNotFound', message: 'The provider has no certificate of this number.' }
    : { reason: 'CertificateUnavailable', message: 'The provider does not hand out this certificate.' };
}

function toEntry(row: CertificateRow): InventoryEntry {
  const { certificateNo, certificateName, domainAddress, commonName, statusCode, statusName, updateDate } = row;
  const [notBefore, notAfter] = [inKorea(row.validStartDate), inKorea(row.validEndDate)];
  const problem = problemOf(statusCode ?? undefined);
  return {
    id: certificateNo,
    name: certificateName,
    revision: updateDate ?? '-',
    ...((commonName || domainAddress) && { commonName: commonName || domainAddress || '' }),
    ...((statusName || statusCode) && { state: statusName || statusCode || '' }),
    ...(notBefore && { notBefore }),
    ...(notAfter && { notAfter }),
    ...(problem && { problem }),
  };
}

/** Without dates there is nothing to compare by either. */
function withoutBytes(entry: InventoryEntry, { certSerialNumber, caInfo }: CertificateRow): InventoryEntry {
  if (entry.notBefore === undefined || entry.notAfter === undefined) {
    const message = 'The provider does not tell from when until when the certificate is valid.';
    return { problem: { reason: 'CertificateUnavailable', message }, ...entry };
  }
  return {
    ...entry,
    withheld: {
      message:
        'API v1 of NAVER Cloud tells about certificates but does not hand them out: set apiVersion v2, or mode Observe.',
      ...(certSerialNumber && /^[0-9a-f]+$/i.test(certSerialNumber) && { serialNumber: certSerialNumber }),
      ...(caInfo && { issuer: caInfo }),
    },
  };
}

/** Dates have no zone; 09:00:00 as the start of a day in UTC speaks for that of Korea (providers.md 2.3). */
function inKorea(time: string | null | undefined): string | undefined {
  const [, date, clock] = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})$/.exec(time ?? '') ?? [];
  const zoned = `${date}T${clock}+09:00`;
  return Number.isNaN(Date.parse(zoned)) ? undefined : zoned;
}

/** Status codes (providers.md 2.6). What is not known is of no use when it is negative, and judged by its bytes otherwise. */
function problemOf(statusCode: string | undefined): InventoryEntry['problem'] {
  switch (statusCode) {
    case '0':
      return { reason: 'CertificateUnavailable', message: 'The certificate is still being issued at the provider.' };
    case '-2':
      return { reason: 'CertificateExpired', message: 'The certificate at the provider has expired.' };
    case '-5':
      return { reason: 'CertificateRevoked', message: 'The provider says that the certificate is revoked.' };
    case '-7':
      return {
        reason: 'CertificateRevoked',
        message: 'The provider says that the certificate is about to be revoked.',
      };
    case '-6':
      return { reason: 'CertificateUnavailable', message: 'The certificate is deleted at the provider.' };
  }
  return statusCode?.startsWith('-')
    ? {
        reason: 'CertificateUnavailable',
        message: `The provider says that the certificate is unusable (status ${statusCode}).`,
      }
    : undefined;
}
