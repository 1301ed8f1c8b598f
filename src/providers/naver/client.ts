import { invalidAnswer } from '../body.ts';
import { ProviderError } from '../errors.ts';
import { pathSegment, queryOf } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import { ListSize } from '../list-size.ts';
import type { Call, ProviderClient } from '../provider.ts';
import type { NaverApi } from './api.ts';
import { type CertificateList, type CertificateRow, certificateChain, certificateList } from './schema.ts';

const pageSize = 100;
const maxPages = 300;
const maxListBytes = 8 * 1024 * 1024;
const maxChainBytes = 1024 * 1024;
/** What a list can be asked for by; v2 knows the name alone (NAVER Cloud API guide, getCertificateList, ListCertificates). */
export interface NaverFilter {
  certificateName?: string | undefined;
  certificateNo?: string | undefined;
  instanceNo?: string | undefined;
}

/**
 * Reads what the Certificate Manager of NAVER Cloud Platform has. v1 only tells about certificates, v2 gives the chain; the
 * private key comes from neither.
 */
export class NaverClient implements ProviderClient {
  readonly #api: NaverApi;

  constructor(api: NaverApi) {
    this.#api = api;
  }

  /** The certificate made last comes first: numbers only grow. */
  async list(call: Call, filter: NaverFilter = {}): Promise<InventoryEntry[]> {
    let rows = await this.#rows(call, filter);
    if (rows === undefined) {
      // Pages that do not fit together mean that the list changed meanwhile, which is over soon.
      await call.another();
      rows = await this.#rows(call, filter);
    }
    if (rows === undefined)
      throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    const byNumber = new Map(rows.map((row) => [row.certificateNo, row]));
    return [...byNumber.values()]
      .sort((a, b) => Number(b.certificateNo) - Number(a.certificateNo))
      .map((row) => entryOf(row, this.#api.version));
  }

  async download({ id, problem, withheld }: InventoryEntry, { signal }: Call): Promise<Uint8Array[]> {
    if (problem) throw new ProviderError(problem);
    if (withheld) throw new ProviderError({ reason: 'CertificateUnavailable', message: withheld.message });
    const path = `/api/v2/certificate/exportCertificate/${pathSegment(id)}/chain`;
    const asked = { path, operation: 'download', maxBytes: maxChainBytes, signal } as const;
    const { answer, json } = await this.#api.request(asked);
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
  async #rows(call: Call, filter: NaverFilter): Promise<CertificateRow[] | undefined> {
    const size = new ListSize();
    if (this.#api.version === 'v1') {
      const { rows, total = 0 } = await this.#page(`/api/v1/certificates${queryOf({ ...filter })}`, call.signal, size);
      return rows.length < total ? undefined : rows;
    }
    const rows: CertificateRow[] = [];
    const numbers = new Set<string>();
    let expected: number | undefined;
    for (let page = 1; page <= maxPages; page++) {
      if (page > 1) await call.another();
      const { certificateName } = filter;
      const query = queryOf({ page: String(page), pageSize: String(pageSize), certificateName });
      const { rows: listed, total } = await this.#page(`/api/v2/certificate/certificates${query}`, call.signal, size);
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

  async #page(path: string, signal: AbortSignal, size: ListSize): Promise<CertificateList> {
    const { answer, json } = await this.#api.request({ path, operation: 'list', maxBytes: maxListBytes, signal });
    const list = certificateList.safeParse(json);
    if (!list.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    size.add(answer, list.data.rows.length);
    return list.data;
  }
}

/** A row as the list of a version tells of it. */
export function entryOf(row: CertificateRow, version: 'v1' | 'v2'): InventoryEntry {
  return version === 'v1' ? withoutBytes(toEntry(row), row) : toEntry(row);
}

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
