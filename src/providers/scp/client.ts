import type { Clock } from '../../clock.ts';
import { invalidAnswer, parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import { type Operation, ProviderError, type ProviderErrorInit, asCode, statusError } from '../errors.ts';
import { asRequestId, type HttpAnswer, type HttpClient, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import type { Call, ProviderClient } from '../provider.ts';
import { type CertificateRow, certificateDetail, certificateList, serviceErrors } from './schema.ts';
import { signed } from './sign.ts';

const base = '/v1/certificatemanager';
/** A region holds 200 certificates at most (providers.md 1.6), so that one page has room for all. */
const pageSize = 1_000;
/** What the service takes when it is not told, or does not listen. A shorter page is the last one. */
const defaultPageSize = 20;
const maxPages = 100;
const maxListBytes = 8 * 1024 * 1024;
/** Three fields of PEM in Base64, with room for what is around them. */
const maxDetailBytes = 1024 * 1024;

/** States of a certificate that is not, or will not be, of use: the words of the console (providers.md 1.5). */
const unusableStates = /^(creating|expired|terminating|deleted|error|fail)/i;

interface Options {
  endpoint: string;
  /** As the header wants it: `1.2`. */
  version: string;
  credentials: Credentials;
  http: HttpClient;
  clock: Clock;
}

/** Speaks the Certificate Manager API of Samsung Cloud Platform, as its guide describes it and liberally where that is silent. */
export class ScpClient implements ProviderClient {
  readonly #http: HttpClient;
  readonly #endpoint: string;
  readonly #version: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor({ endpoint, version, credentials, http, clock }: Options) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#version = version;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** The certificate made last comes first, when the service sorts as it is asked to. */
  async list(call: Call): Promise<InventoryEntry[]> {
    let list = await this.#pages(call);
    if (list.changed) {
      await call.another();
      list = await this.#pages(call);
    }
    return list.rows.map(toEntry);
  }

  async download({ id }: InventoryEntry, { signal }: Call): Promise<Uint8Array[]> {
    const answer = await this.#get(`/${pathSegment(id)}`, 'download', maxDetailBytes, signal);
    const detail = certificateDetail.safeParse(parseJson(answer.body));
    answer.body.fill(0);
    if (!detail.success) throw invalidAnswer('The certificate that the provider sent cannot be understood.', answer);
    const { id: given, cert_body: body, cert_chain: chain, private_key: key } = detail.data.certificate;
    if (given && given !== id) throw invalidAnswer('The provider sent another certificate than asked for.', answer);
    return [body, chain, key].map((field) => Buffer.from(field ?? ''));
  }

  /**
   * Pages until one is short or shows nothing new, whatever the service makes of `size`, `page` and `count`.
   *
   * @returns `changed` when the total that it tells did not stay the same meanwhile, so that something may be missing
   */
  async #pages(call: Call): Promise<{ rows: CertificateRow[]; changed: boolean }> {
    const rows = new Map<string, CertificateRow>();
    let total: number | undefined;
    let changed = false;
    for (let page = 0; page < maxPages; page++) {
      if (page > 0) await call.another();
      const { certificates, count } = await this.#page(page, call.signal);
      const fresh = certificates.filter(({ id }) => !rows.has(id));
      for (const row of fresh) rows.set(row.id, row);
      // More than the page has: so this is the total, and not the number on the page.
      if (page === 0 && count && count > certificates.length) total = count;
      if (total !== undefined && count !== total) changed = true;
      const short = certificates.length < defaultPageSize && rows.size >= (total ?? 0);
      if (fresh.length === 0 || short) {
        return { rows: [...rows.values()], changed: changed || rows.size < (total ?? 0) };
      }
    }
    throw invalidAnswer(`The provider's list has more than ${maxPages} pages.`);
  }

  async #page(page: number, signal: AbortSignal): Promise<ReturnType<typeof certificateList.parse>> {
    const query = `?size=${pageSize}&page=${page}&sort=created_at%3Adesc`;
    const answer = await this.#get(query, 'list', maxListBytes, signal);
    const list = certificateList.safeParse(parseJson(answer.body));
    if (!list.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    return list.data;
  }

  async #get(suffix: string, operation: Operation, maxBytes: number, signal: AbortSignal): Promise<HttpAnswer> {
    const path = base + suffix;
    const now = this.#clock.now();
    const answer = await this.#http.request({
      endpoint: this.#endpoint,
      path,
      headers: {
        // As it is sent: without a default port, whatever the endpoint says.
        ...signed(this.#credentials, { method: 'GET', url: new URL(this.#endpoint + path).href, now }),
        'scp-api-version': `certificatemanager ${this.#version}`,
        'accept-language': 'en-US',
        accept: 'application/json',
      },
      operation,
      maxBytes,
      signal,
    });
    if (answer.status === 200) return answer;
    throw failureOf(answer, operation);
  }
}

/** Dates have no zone and are in UTC, as the official SDK reads them (providers.md 1.5). */
function toEntry({
  id,
  name,
  cn,
  state,
  not_before_dt: notBefore,
  not_after_dt: notAfter,
}: CertificateRow): InventoryEntry {
  const [from, until] = [inUtc(notBefore), inUtc(notAfter)];
  return {
    id,
    name,
    revision: `${from ?? '-'}/${until ?? '-'}`,
    ...(cn && { commonName: cn }),
    ...(state && { state }),
    ...(from && { notBefore: from }),
    ...(until && { notAfter: until }),
    ...(state && unusableStates.test(state) && { usable: false }),
  };
}

function inUtc(time: string | null | undefined): string | undefined {
  if (!time) return undefined;
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/.test(time) ? `${time}Z` : time;
}

/** The status decides, except that only an error of the service itself may say that a certificate is gone. */
function failureOf(answer: HttpAnswer, operation: Operation): ProviderError {
  const { body, retryAfterMs } = answer;
  const [first] = serviceErrors.safeParse(parseJson(body)).data?.errors ?? [];
  const code = asCode(first?.code);
  const requestId = asRequestId(first?.request_id) ?? answer.requestId;
  return new ProviderError({ ...causeOf(answer, operation, first !== undefined), code, retryAfterMs, requestId });
}

function causeOf(
  answer: HttpAnswer,
  operation: Operation,
  fromService: boolean,
): Pick<ProviderErrorInit, 'reason' | 'message'> {
  const { status, body } = answer;
  if (status === 404 && fromService && operation === 'download')
    return { reason: 'CertificateNotFound', message: 'The provider has no certificate of this id.' };
  if (status === 404 && !fromService) {
    const message = 'The provider answered with status 404: the request was not signed, or there is no such route.';
    return { reason: 'InvalidResponse', message };
  }
  if (status !== 401) return statusError(status, operation);
  // Each of these words was seen in answers (providers.md 1.6); without one, the plain meaning of 401 stands.
  const said = body.subarray(0, 4096).toString('latin1');
  if (/HmacValidFail/i.test(said)) {
    const message = `The provider does not accept the signature: accessKey or secretKey is wrong, or the clock is.${clockAdvice(answer)}`;
    return { reason: 'AuthenticationFailed', message };
  }
  if (/catalog|gateway/i.test(said)) {
    const message =
      'The provider let the request not through: Certificate Manager is not enabled for this account or region.';
    return { reason: 'AuthenticationFailed', message };
  }
  const { reason, message } = statusError(status, operation);
  return { reason, message: message + clockAdvice(answer) };
}
