import type { Clock } from '../../clock.ts';
import { invalidAnswer, parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import { type Operation, ProviderError, type ProviderErrorInit, asCode, statusError } from '../errors.ts';
import { asRequestId, type HttpAnswer, type HttpClient, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import type { Call, ProviderClient } from '../provider.ts';
import { type CertificateRow, certificateDetail, certificateList, failure } from './schema.ts';
import { signed } from './sign.ts';

const base = '/v1/certificatemanager';
/** A region holds 200 certificates at most (providers.md 1.6), so that one page has room for all. */
const pageSize = 1_000;
/** What the service takes when it is not told, or does not listen (SCP API guide 1.2, "List certificates"). */
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
  /** The endpoint as it is signed: as it is sent, without a default port and in lower case, however it is written. */
  readonly #origin: string;
  readonly #version: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor({ endpoint, version, credentials, http, clock }: Options) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#origin = URL.parse(endpoint)?.origin ?? endpoint; // what is no URL is refused before anything is sent
    this.#version = version;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /**
   * The certificate made last comes first, when the service sorts as it is asked to. A list that does not have the number
   * of rows that `count` makes expected is asked for once more; as nobody says what `count` is (providers.md 1.4), two such
   * lists that are alike are believed.
   */
  async list(call: Call): Promise<InventoryEntry[]> {
    let list = await this.#pages(call);
    if (!list.fits) {
      const { rows } = list;
      await call.another();
      list = await this.#pages(call);
      const alike = list.exhausted && new Set(rows.keys()).symmetricDifference(list.rows).size === 0;
      if (!list.fits && !alike)
        throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    }
    return Array.from(list.rows.values(), toEntry);
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

  /** Pages until one cannot be followed by more, whatever the service makes of `size`, `page` and `count`. */
  async #pages(call: Call): Promise<Listing> {
    const rows = new Map<string, CertificateRow>();
    const totals = new Set<number>();
    for (let page = 0; page < maxPages; page++) {
      if (page > 0) await call.another();
      const { certificates, count, size } = await this.#page(page, call.signal);
      const before = rows.size;
      for (const row of certificates) rows.set(row.id, row);
      // More than the page has: so it is a total, and not the number on the page.
      if (count && count > certificates.length) totals.add(count);
      const nothingNew = rows.size === before;
      const enough = totals.size > 0 ? rows.size >= Math.max(...totals) : isShort(certificates.length, size);
      if (nothingNew || enough) {
        return {
          rows,
          fits: [...totals].every((total) => total === rows.size),
          exhausted: rows.size > 0 && certificates.length === 0,
        };
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
        ...signed(this.#credentials, { method: 'GET', url: this.#origin + path, now }),
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

interface Listing {
  rows: ReadonlyMap<string, CertificateRow>;
  /** There are as many as each total that was told says. */
  fits: boolean;
  /** There were some, and after them an empty page. */
  exhausted: boolean;
}

/**
 * Whether a page has less than it could hold, so that none follows. One of the default size may be full whatever it says:
 * services of this cloud were seen not to hear `size` (providers.md 1.4).
 */
function isShort(length: number, size: number | null | undefined): boolean {
  return length < (size ?? defaultPageSize) && length !== defaultPageSize;
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
  const [, day, clock, zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?$/.exec(time ?? '') ?? [];
  const zoned = `${day}T${clock}${zone}`;
  return Number.isNaN(Date.parse(zoned)) ? undefined : zoned;
}

/** The status decides, except that only an error of the service itself may say that a certificate is gone. */
function failureOf(answer: HttpAnswer, operation: Operation): ProviderError {
  const { body, retryAfterMs } = answer;
  const { errors, requestId: ofGateway } = failure.safeParse(parseJson(body)).data ?? {};
  const [first] = errors ?? [];
  const requestId = [first?.request_id, ofGateway, answer.requestId].map(asRequestId).find(Boolean);
  const cause = causeOf(answer, operation, errors !== undefined);
  return new ProviderError({ ...cause, code: asCode(first?.code), retryAfterMs, requestId });
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
      'The provider did not let the request through: Certificate Manager may not be enabled for this account or region.';
    return { reason: 'AuthenticationFailed', message };
  }
  const { reason, message } = statusError(status, operation);
  return { reason, message: message + clockAdvice(answer) };
}
