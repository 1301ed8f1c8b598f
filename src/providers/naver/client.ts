import type { Clock } from '../../clock.ts';
import { invalidAnswer, parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import { type Operation, ProviderError, type ProviderErrorInit, asCode, statusError } from '../errors.ts';
import { type HttpAnswer, type HttpClient, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import type { Call, ProviderClient } from '../provider.ts';
import {
  type AnswerCodes,
  type CertificateList,
  type CertificateRow,
  answerCodes,
  certificateChain,
  certificateList,
} from './schema.ts';
import { signed } from './sign.ts';

const pageSize = 100;
const maxPages = 300;
const maxListBytes = 8 * 1024 * 1024;
const maxChainBytes = 1024 * 1024;
/** A quota is used up for longer than a rate; in milliseconds. */
const quotaPauseMs = 600_000;

/** What the service says instead of an empty list, or of a certificate that is not there (providers.md 2.7). */
const nothingFound = '2200';

/** Codes of the gateway, and the HTTP status that goes with each (providers.md 2.7); 210 comes with 401, and means 403. */
const gatewayStatus: ReadonlyMap<string | undefined, number> = new Map([
  ['100', 400],
  ['200', 401],
  ['210', 403],
  ['300', 404],
  ['400', 429],
  ['410', 429],
  ['420', 429],
  ['430', 413],
  ['500', 503],
  ['510', 504],
  ['900', 500],
]);
const lacksPermission = '210';
const quotaUsedUp = '400';

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
      // Pages that do not fit together mean that the list changed meanwhile, which is over soon.
      await call.another();
      rows = await this.#rows(call);
    }
    if (rows === undefined)
      throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    const byNumber = new Map(rows.map((row) => [row.certificateNo, row]));
    return [...byNumber.values()]
      .sort((a, b) => Number(b.certificateNo) - Number(a.certificateNo))
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

  /**
   * v1 has everything on one page. v2 has pages from 1, and is asked until there are as many certificates as it says,
   * or without a total until a page shows nothing new.
   *
   * @returns undefined when what is listed does not fit what is said of it, or the pages do not fit together
   */
  async #rows(call: Call): Promise<CertificateRow[] | undefined> {
    if (this.#version === 'v1') {
      const { rows, total = 0 } = await this.#page('/api/v1/certificates', call.signal);
      return rows.length < total ? undefined : rows;
    }
    const rows: CertificateRow[] = [];
    const numbers = new Set<string>();
    let expected: number | undefined;
    for (let page = 1; page <= maxPages; page++) {
      if (page > 1) await call.another();
      const path = `/api/v2/certificate/certificates?page=${page}&pageSize=${pageSize}`;
      const { rows: listed, total } = await this.#page(path, call.signal);
      if (page > 1 && total !== expected) return undefined;
      expected = total;
      const fresh = listed.filter(({ certificateNo }) => !numbers.has(certificateNo));
      for (const row of fresh) {
        numbers.add(row.certificateNo);
        rows.push(row);
      }
      if (rows.length >= (expected ?? Infinity)) return rows;
      if (fresh.length === 0) return expected === undefined ? rows : undefined;
    }
    throw invalidAnswer(`The provider's list has more than ${maxPages} pages.`);
  }

  async #page(path: string, signal: AbortSignal): Promise<CertificateList> {
    const { answer, json } = await this.#get(path, 'list', maxListBytes, signal);
    const list = certificateList.safeParse(json);
    if (!list.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    return list.data;
  }

  /** An answer by which the service says that it did what was asked, and the JSON in it. */
  async #get(
    path: string,
    operation: Operation,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ answer: HttpAnswer; json: unknown }> {
    const answer = await this.#http.request({
      endpoint: this.#endpoint,
      path,
      headers: {
        ...signed(this.#credentials, { method: 'GET', path, now: this.#clock.now() }),
        'content-type': 'application/json', // required without a body, too (NAVER Cloud API guide, common headers)
        accept: 'application/json',
      },
      operation,
      maxBytes,
      signal,
    });
    const json = parseJson(answer.body);
    const codes: AnswerCodes = answerCodes.safeParse(json).data ?? {};
    if (answer.status === 200 && codes.service === '0') return { answer, json };
    if (operation === 'list' && codes.service === nothingFound) return { answer, json: {} };
    throw this.#failure(answer, codes, operation);
  }

  #failure(answer: HttpAnswer, codes: AnswerCodes, operation: Operation): ProviderError {
    const { service, gateway, other } = codes;
    const cause = this.#causeOf(answer, codes, operation);
    const pauseMs = cause.reason === 'RateLimited' && gateway === quotaUsedUp ? quotaPauseMs : undefined;
    return new ProviderError({
      ...cause,
      code: asCode((service === '0' ? undefined : service) ?? gateway ?? other),
      retryAfterMs: answer.retryAfterMs ?? pauseMs,
      requestId: answer.requestId,
    });
  }

  #causeOf(answer: HttpAnswer, { service, gateway }: AnswerCodes, operation: Operation): Cause {
    if (service === nothingFound) return absent;
    if (service !== undefined && answer.status === 200) return operation === 'download' ? notHandedOut : refused;
    const status = meantBy(answer.status, gateway);
    if (status === undefined) return notUnderstood;
    const cause = statusError(status, operation);
    if (status === 401) return { ...cause, message: cause.message + clockAdvice(answer) };
    if (status !== 403) return cause;
    if (gateway === lacksPermission)
      return { ...cause, message: 'The credentials lack the permission for Certificate Manager.' };
    if (this.#version === 'v1' || answer.body.length > 0) return cause;
    // Seen whatever its policies are (providers.md 2.4).
    const likely = 'This is how API v2 refuses the keys of a sub account: it needs those of the main account.';
    return { ...cause, message: `The provider answered with status 403 and nothing else. ${likely}` };
  }
}

/**
 * The status that the gateway means. Its code tells where the status is that of success, and otherwise only a lacking
 * permission from wrong credentials: some gateways have the status itself in place of the code.
 */
function meantBy(status: number, code: string | undefined): number | undefined {
  if (status === 200) return gatewayStatus.get(code);
  return status === 401 && code === lacksPermission ? 403 : status;
}

type Cause = Pick<ProviderErrorInit, 'reason' | 'message'>;

const absent: Cause = { reason: 'CertificateNotFound', message: 'The provider has no certificate of this number.' };
/** The service works and says no, so this is about the one certificate, whatever the code. */
const notHandedOut: Cause = {
  reason: 'CertificateUnavailable',
  message: 'The provider does not hand out this certificate.',
};
const refused: Cause = { reason: 'InvalidResponse', message: 'The provider refused the request.' };
const notUnderstood: Cause = {
  reason: 'InvalidResponse',
  message: 'The answer of the provider cannot be understood.',
};

/**
 * In the guide's example of v1 `updateDate` is older than the day of issue, so that alone does not show every change: the
 * end and the serial number go with it where they are listed.
 */
function toEntry(row: CertificateRow): InventoryEntry {
  const { certificateNo, certificateName, domainAddress, commonName, statusCode, statusName } = row;
  const [notBefore, notAfter] = [inKorea(row.validStartDate), inKorea(row.validEndDate)];
  const problem = problemOf(statusCode ?? undefined);
  return {
    id: certificateNo,
    name: certificateName,
    revision: [row.updateDate, row.validEndDate, row.certSerialNumber].filter(Boolean).join('/') || '-',
    ...((commonName || domainAddress) && { commonName: commonName || domainAddress || '' }),
    ...((statusName || statusCode) && { state: statusName || statusCode || '' }),
    ...(notBefore && { notBefore }),
    ...(notAfter && { notAfter }),
    ...(problem && { problem }),
  };
}

/** Hexadecimal, of at most 20 bytes (RFC 5280); the guide's example of v1 is masked, which is of no use. */
const serialNumberPattern = /^[0-9a-f:]{1,64}$/i;

/** v1 tells about certificates only (providers.md 2.3). Without dates there is nothing to compare by either. */
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
      ...(certSerialNumber && serialNumberPattern.test(certSerialNumber) && { serialNumber: certSerialNumber }),
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
  return /^-\d{1,9}$/.test(statusCode ?? '')
    ? {
        reason: 'CertificateUnavailable',
        message: `The provider says that the certificate is unusable (status ${statusCode}).`,
      }
    : undefined;
}
