import { firstCharacter, invalidAnswer, parseJson } from '../body.ts';
import { type Operation, ProviderError, type ProviderErrorInit, statusError } from '../errors.ts';
import { fitsPath, type HttpAnswer, type HttpClient, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import { ListSize } from '../list-size.ts';
import type { Call, ProviderClient } from '../provider.ts';
import type { Authorization } from './authorization.ts';
import { type CertificateRow, certificateList, envelope } from './schema.ts';

/** Room for some 30,000 certificates; a row is about 250 bytes. */
const maxListBytes = 8 * 1024 * 1024;
/** The largest file that NHN takes (NHN API v1.1 guide, code 52008). */
const maxFileBytes = 512 * 1024;
const pageSize = 100;
const maxPages = 300;

/** NHN API v1.1 guide, "Response Codes"; 52009 is from the guide of v1.3. 52007 and 52008 belong to uploads. */
const codes: Readonly<Record<string, Pick<ProviderErrorInit, 'reason' | 'message'>>> = {
  52000: { reason: 'CertificateNotFound', message: 'The provider has no certificate of this name.' },
  52001: { reason: 'CertificateUnavailable', message: 'No file was uploaded for this certificate.' },
  52002: {
    reason: 'CertificateUnavailable',
    message: 'Several files were uploaded for this certificate; it must be one.',
  },
  52003: {
    reason: 'CertificateUnavailable',
    message: 'The file that was uploaded for this certificate is not a PEM file.',
  },
  52004: { reason: 'MalformedBundle', message: 'The name of the certificate differs from the one in its file.' },
  52005: {
    reason: 'CertificateExpired',
    message: 'The certificate at the provider has expired, and such a file cannot be downloaded.',
  },
  52006: {
    reason: 'MalformedBundle',
    message: 'The certificate authority in the file of this certificate is not valid.',
  },
  52007: { reason: 'CertificateUnavailable', message: 'The provider wants exactly one file for this certificate.' },
  52008: {
    reason: 'CertificateUnavailable',
    message: 'The file of this certificate is larger than the provider allows.',
  },
  52009: { reason: 'CertificateUnavailable', message: 'The file of this certificate does not exist.' },
};

interface Options {
  endpoint: string;
  version: 'v1.1' | 'v1.3';
  appKey: string;
  authorization: Authorization;
  http: HttpClient;
}

/** Speaks the NHN Cloud Certificate Manager API, as its guides describe it and liberally where they are silent. */
export class NhnClient implements ProviderClient {
  readonly #http: HttpClient;
  readonly #endpoint: string;
  readonly #certificates: string;
  readonly #authorization: Authorization;

  constructor({ endpoint, version, appKey, authorization, http }: Options) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#certificates = `/certmanager/${version}/appkeys/${pathSegment(appKey)}/certificates`;
    this.#authorization = authorization;
  }

  async list(call: Call): Promise<InventoryEntry[]> {
    let rows = await this.#pages(call);
    if (rows === undefined) {
      // Pages that do not fit together mean that the list changed meanwhile, which is over soon.
      await call.another();
      rows = await this.#pages(call);
    }
    if (rows === undefined)
      throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    const entries = new Map<string, InventoryEntry>();
    for (const entry of rows.map(toEntry)) {
      const twin = entries.get(entry.id);
      if (twin === undefined || twin.revision < entry.revision) entries.set(entry.id, entry);
    }
    return [...entries.values()];
  }

  async download({ id, problem }: InventoryEntry, call: Call): Promise<Uint8Array[]> {
    if (problem) throw new ProviderError(problem);
    const { answer, json } = await this.#get(`/${pathSegment(id)}/files`, call, {
      operation: 'download',
      accept: '*/*',
      maxBytes: maxFileBytes,
    });
    if (json !== undefined) throw invalidAnswer('The provider answered with JSON instead of the file.', answer);
    if (['{', '<'].includes(firstCharacter(answer.body)) && !answer.body.includes('-----BEGIN ')) {
      throw invalidAnswer('The provider answered with a web page, or a part of JSON, instead of the file.', answer);
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
    const size = new ListSize();
    const rows: CertificateRow[] = [];
    const ids = new Set<string>();
    let expected: number | undefined;
    for (let page = 1; page <= maxPages; page++) {
      if (page > 1) await call.another();
      const { totalCount, totalPage, data } = await this.#page(page, call, size);
      const total = totalCount ?? undefined;
      if (page > 1 && total !== expected) return undefined;
      expected = total;
      const fresh = data.filter((row) => !ids.has(idOf(row)));
      for (const row of fresh) {
        ids.add(idOf(row));
        rows.push(row);
      }
      const complete = total === undefined ? page >= (totalPage ?? 1) || fresh.length === 0 : rows.length >= total;
      if (complete) return rows;
      if (fresh.length === 0) return undefined;
    }
    throw invalidAnswer(`The provider's list has more than ${maxPages} pages.`);
  }

  async #page(pageNum: number, call: Call, size: ListSize): Promise<ReturnType<typeof certificateList.parse>['body']> {
    const query = `?pageSize=${pageSize}&pageNum=${pageNum}&all=true&status=ALL`;
    const { answer, json } = await this.#get(query, call, {
      operation: 'list',
      accept: 'application/json',
      maxBytes: maxListBytes,
    });
    const list = envelope.safeParse(json).success ? certificateList.safeParse(json) : undefined;
    if (!list?.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    size.add(answer, list.data.body.data.length);
    return list.data.body;
  }

  /** An answer that is no failure, and the JSON in it. With an authorization that can be renewed, a 401 is tried again. */
  async #get(suffix: string, call: Call, o: Asked): Promise<{ answer: HttpAnswer; json: unknown }> {
    const { accept, operation, maxBytes } = o;
    for (let retried = false; ; retried = true) {
      const authorization = await this.#authorization.headers(call);
      const answer = await this.#http.request({
        endpoint: this.#endpoint,
        path: this.#certificates + suffix,
        headers: { ...authorization, accept },
        operation,
        maxBytes,
        signal: call.signal,
      });
      const json = firstCharacter(answer.body) === '{' ? parseJson(answer.body) : undefined;
      const failure = failureOf(answer, json, operation);
      if (failure === undefined) return { answer, json };
      if (retried || failure.status !== 401 || !this.#authorization.refuse(authorization)) throw failure.error;
      await call.another();
    }
  }
}

interface Asked {
  operation: Operation;
  accept: string;
  maxBytes: number;
}

function idOf({ certificateId, certificateName }: CertificateRow): string {
  return certificateId ?? certificateName;
}

/** Dates are days, so a second upload on one day may leave the revision as it was. */
function toEntry(row: CertificateRow): InventoryEntry {
  const { certificateName, fileCreationDate, expirationDate } = row;
  const id = idOf(row);
  return {
    id,
    name: certificateName,
    revision: `${fileCreationDate ?? '-'}/${expirationDate ?? '-'}`,
    ...(expirationDate ? { notAfter: expirationDate } : {}),
    ...(fileCreationDate && /^\d{4}-\d{2}-\d{2}$/.test(fileCreationDate) ? { day: fileCreationDate } : {}),
    ...(fitsPath(id)
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
 *
 * @returns the status that is meant, with the error; undefined when the answer is no failure
 */
function failureOf(
  { status, retryAfterMs, requestId }: HttpAnswer,
  json: unknown,
  operation: Operation,
): { status: number; error: ProviderError } | undefined {
  const header = envelope.safeParse(json).data?.header;
  if (header === undefined || header.isSuccessful) {
    if (status === 200) return undefined;
    return { status, error: new ProviderError({ ...statusError(status, operation), retryAfterMs, requestId }) };
  }
  const code = /^-?\d{1,10}$/.exec(header.resultCode ?? '')?.[0];
  const meant = code?.length === 7 ? Number(code.slice(0, 3)) : status;
  const known = operation === 'download' && code !== undefined ? codes[code] : undefined;
  const refused = { reason: 'InvalidResponse' as const, message: 'The provider refused the request.' };
  const cause = known ?? (meant >= 400 ? statusError(meant, operation) : refused);
  return { status: meant, error: new ProviderError({ ...cause, code, retryAfterMs, requestId }) };
}
