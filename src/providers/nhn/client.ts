import type { Credentials } from '../credentials.ts';
import { type Operation, ProviderError, type ProviderReason, statusError } from '../errors.ts';
import { fitsPath, type HttpAnswer, type HttpClient, type HttpRequest, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import type { Call, ProviderClient } from '../provider.ts';
import { type CertificateRow, certificateList, envelope } from './schema.ts';

/** Room for some 30,000 certificates; a row is about 250 bytes. */
const maxListBytes = 8 * 1024 * 1024;
/** The largest file that NHN takes (NHN API v1.1 guide, code 52008). */
const maxFileBytes = 512 * 1024;
const pageSize = 100;
const maxPages = 300;
const byteOrderMark = Buffer.from('\ufeff');

/** NHN API v1.1 guide, "Response Codes"; 52009 is from the guide of v1.3. 52007 and 52008 belong to uploads. */
const codes: Readonly<Record<string, [ProviderReason, string]>> = {
  52000: ['CertificateNotFound', 'The provider has no certificate of this name.'],
  52001: ['CertificateUnavailable', 'No file was uploaded for this certificate.'],
  52002: ['CertificateUnavailable', 'Several files were uploaded for this certificate; it must be one.'],
  52003: ['CertificateUnavailable', 'The file that was uploaded for this certificate is not a PEM file.'],
  52004: ['MalformedBundle', 'The name of the certificate differs from the one in its file.'],
  52005: ['CertificateExpired', 'The certificate at the provider has expired, and such a file cannot be downloaded.'],
  52006: ['MalformedBundle', 'The certificate authority in the file of this certificate is not valid.'],
  52007: ['CertificateUnavailable', 'The provider wants exactly one file for this certificate.'],
  52008: ['CertificateUnavailable', 'The file of this certificate is larger than the provider allows.'],
  52009: ['CertificateUnavailable', 'The file of this certificate does not exist.'],
};

/** Speaks v1.1 of the NHN Cloud Certificate Manager API, as its guide describes it and liberally where that is silent. */
export class NhnClient implements ProviderClient {
  readonly #http: HttpClient;
  readonly #endpoint: string;
  readonly #certificates: string;
  readonly #headers: Record<string, string>;

  /** @param o.credentials as `readCredentials` gave them */
  constructor({ endpoint, credentials, http }: { endpoint: string; credentials: Credentials; http: HttpClient }) {
    const { appKey = '', accessKeyId = '', secretAccessKey = '' } = credentials;
    this.#http = http;
    this.#endpoint = endpoint;
    this.#certificates = `/certmanager/v1.1/appkeys/${pathSegment(appKey)}/certificates`;
    this.#headers = { 'x-tc-authentication-id': accessKeyId, 'x-tc-authentication-secret': secretAccessKey };
  }

  async list(call: Call): Promise<InventoryEntry[]> {
    let rows = await this.#pages(call);
    if (rows === undefined) {
      // Pages that do not fit together mean that the list changed meanwhile, which is over soon.
      await call.another();
      rows = await this.#pages(call);
    }
    if (rows === undefined) throw invalid('The provider listed another number of certificates than it said there are.');
    const entries = new Map<string, InventoryEntry>();
    for (const entry of rows.map(toEntry)) {
      const twin = entries.get(entry.id);
      if (twin === undefined || twin.revision < entry.revision) entries.set(entry.id, entry);
    }
    return [...entries.values()];
  }

  async download({ id, problem }: InventoryEntry, { signal }: Call): Promise<Uint8Array[]> {
    if (problem) throw new ProviderError(problem);
    const answer = await this.#get(`/${pathSegment(id)}/files`, {
      operation: 'download',
      accept: '*/*',
      maxBytes: maxFileBytes,
      signal,
    });
    const json = firstCharacter(answer.body) === '{' ? parseJson(answer.body) : undefined;
    refuseFailure(answer, json, 'download');
    if (json !== undefined) throw invalid('The provider answered with JSON instead of the file.', answer);
    if (firstCharacter(answer.body) === '<' && !answer.body.includes('-----BEGIN ')) {
      throw invalid('The provider answered with a web page instead of the file.', answer);
    }
    return [answer.body];
  }

  /**
   * Everything is asked for at once, `status` included because the default leaves out what has expired. Only if that
   * gives fewer than there are, the pages that follow are asked for.
   *
   * @returns undefined when the pages do not fit together
   */
  async #pages(call: Call): Promise<CertificateRow[] | undefined> {
    const rows: CertificateRow[] = [];
    const names = new Set<string>();
    let expected: number | undefined;
    for (let page = 1; page <= maxPages; page++) {
      if (page > 1) await call.another();
      const { totalCount, totalPage, data } = await this.#page(page, call.signal);
      const total = totalCount ?? undefined;
      if (page > 1 && total !== expected) return undefined;
      expected = total;
      const fresh = data.filter((row) => !names.has(row.certificateName));
      for (const row of fresh) {
        names.add(row.certificateName);
        rows.push(row);
      }
      const complete = total === undefined ? page >= (totalPage ?? 1) || fresh.length === 0 : rows.length >= total;
      if (complete) return rows;
      if (fresh.length === 0) return undefined;
    }
    throw invalid(`The provider's list has more than ${maxPages} pages.`);
  }

  async #page(pageNum: number, signal: AbortSignal): Promise<ReturnType<typeof certificateList.parse>['body']> {
    const query = `?pageSize=${pageSize}&pageNum=${pageNum}&all=true&status=ALL`;
    const answer = await this.#get(query, {
      operation: 'list',
      accept: 'application/json',
      maxBytes: maxListBytes,
      signal,
    });
    const json = parseJson(answer.body);
    refuseFailure(answer, json, 'list');
    const list = envelope.safeParse(json).success ? certificateList.safeParse(json) : undefined;
    if (!list?.success) throw invalid('The list that the provider sent cannot be understood.', answer);
    return list.data.body;
  }

  #get(
    suffix: string,
    { accept, ...o }: { accept: string } & Pick<HttpRequest, 'operation' | 'maxBytes' | 'signal'>,
  ): Promise<HttpAnswer> {
    return this.#http.get({
      endpoint: this.#endpoint,
      path: this.#certificates + suffix,
      headers: { ...this.#headers, accept },
      ...o,
    });
  }
}

/** Dates are days, so a second upload on one day may leave the revision as it was. */
function toEntry({ certificateName, fileCreationDate, expirationDate }: CertificateRow): InventoryEntry {
  return {
    id: certificateName,
    name: certificateName,
    revision: `${fileCreationDate ?? '-'}/${expirationDate ?? '-'}`,
    ...(expirationDate ? { notAfter: expirationDate } : {}),
    ...(fileCreationDate && /^\d{4}-\d{2}-\d{2}$/.test(fileCreationDate) ? { day: fileCreationDate } : {}),
    ...(fitsPath(certificateName)
      ? {}
      : {
          problem: {
            reason: 'CertificateUnavailable',
            message: 'The name of this certificate does not fit into the URL of a request.',
          },
        }),
  };
}

/**
 * The header in the body decides, the HTTP status only without one: which status goes with which code is not
 * documented. A gateway's code has seven digits, and the first three are the status that it means.
 */
function refuseFailure(answer: HttpAnswer, json: unknown, operation: Operation): void {
  const { status, retryAfterMs, requestId } = answer;
  const header = envelope.safeParse(json).data?.header;
  if (header === undefined || header.isSuccessful) {
    if (status !== 200) throw new ProviderError({ ...statusError(status, operation), retryAfterMs, requestId });
    return;
  }
  const code = /^-?\d{1,10}$/.exec(header.resultCode ?? '')?.[0];
  const [reason, message] = (operation === 'download' && code !== undefined && codes[code]) || [];
  if (reason !== undefined && message !== undefined)
    throw new ProviderError({ reason, message, code, retryAfterMs, requestId });
  const meant = code?.length === 7 ? Number(code.slice(0, 3)) : status;
  const refusal =
    meant >= 400
      ? statusError(meant, operation)
      : { reason: 'InvalidResponse' as const, message: 'The provider refused the request.' };
  throw new ProviderError({ ...refusal, code, retryAfterMs, requestId });
}

function invalid(message: string, answer?: HttpAnswer): ProviderError {
  return new ProviderError({ reason: 'InvalidResponse', message, requestId: answer?.requestId });
}

/** Undefined for what is not JSON in UTF-8. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The first character after a byte order mark and white space, when it is ASCII. Makes no string of what may be a key. */
function firstCharacter(body: Buffer): string {
  let at = body.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  while ([0x20, 0x09, 0x0d, 0x0a].includes(body[at] ?? 0)) at++;
  return String.fromCharCode(body[at] ?? 0);
}
