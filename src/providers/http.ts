import { lookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import * as nodeTls from 'node:tls'; // an import by name would keep an older Node from saying that it is too old
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Clock } from '../clock.ts';
import type { Endpoints } from './endpoints.ts';
import { type Operation, ProviderError } from './errors.ts';
import { isLinkLocal } from './link-local.ts';
import type { ProxySettings } from './proxy.ts';
import { unlessAborted } from '../unless-aborted.ts';

export interface HttpAnswer {
  status: number;
  body: Buffer;
  /** `Retry-After`, in milliseconds from now, bounded. */
  retryAfterMs: number | undefined;
  /** The provider's id of this request, where it gives one. */
  requestId: string | undefined;
  /** How far the clock of this machine is ahead of the provider's, in milliseconds; undefined when that is not said. */
  clockSkewMs: number | undefined;
}

export interface HttpRequest {
  /** An origin. */
  endpoint: string;
  /** Path and query. */
  path: string;
  /** Default: GET. */
  method?: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  /**
   * Sent as it is; the headers say what it is. A buffer may hold a private key: it is sent without a copy, and zeroed when
   * the request is over, however it ends.
   */
  body?: string | Buffer | undefined;
  /** The longest body that is taken. */
  maxBytes: number;
  operation: Operation;
  signal: AbortSignal;
}

export interface HttpTimeouts {
  /** Until the connection, TLS included, is there. */
  connectMs: number;
  /** From the request to the headers of the answer. */
  headersMs: number;
  /** For everything. */
  totalMs: number;
}

interface HttpOptions {
  clock: Clock;
  endpoints: Endpoints;
  /** PEM of a certificate authority that is trusted besides the usual ones. */
  ca?: string | undefined;
  /** Absent: directly. */
  proxy?: ProxySettings | undefined;
  timeouts?: HttpTimeouts;
  onCall?: ((call: HttpCall) => void) | undefined;
}

/** How a request went; `code` is the HTTP status, or the reason when there was no answer. */
export interface HttpCall {
  operation: Operation;
  code: string;
  durationMs: number;
  clockSkewMs?: number | undefined;
}

const usualTimeouts: HttpTimeouts = { connectMs: 10_000, headersMs: 20_000, totalMs: 60_000 };

/** A provider can send us away for so long. */
const shortestRetryAfterMs = 1_000;
const longestRetryAfterMs = 3_600_000;

/**
 * HTTP to one provider account, over its own connections: exactly the URL that was built, only to hosts that are
 * allowed, no redirects, and no more of the answer than asked for.
 */
export class HttpClient {
  readonly #clock: Clock;
  readonly #endpoints: Endpoints;
  readonly #timeouts: HttpTimeouts;
  readonly #onCall: ((call: HttpCall) => void) | undefined;
  readonly #agent: Dispatcher;

  constructor({ clock, endpoints, ca, proxy, timeouts = usualTimeouts, onCall }: HttpOptions) {
    this.#onCall = onCall;
    this.#clock = clock;
    this.#endpoints = endpoints;
    this.#timeouts = timeouts;
    const tls = ca === undefined ? {} : { ca: [...nodeTls.getCACertificates('default'), ca] };
    const options = {
      allowH2: false,
      headersTimeout: timeouts.headersMs,
      bodyTimeout: timeouts.totalMs,
      connect: { timeout: timeouts.connectMs, lookup: lookupAllowed, ...tls },
    };
    this.#agent = proxy
      ? new EnvHttpProxyAgent({
          ...options,
          httpProxy: '', // or undici would look into the environment by itself
          httpsProxy: proxy.url,
          noProxy: proxy.except,
          connectTimeout: timeouts.connectMs,
          requestTls: tls,
          proxyTls: tls,
        } as EnvHttpProxyAgent.Options)
      : new Agent(options);
  }

  /**
   * Asks for `endpoint` and `path`, byte for byte as they are.
   *
   * @throws ProviderError when that is refused, or when there is no complete answer, whatever its status
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    try {
      this.#check(request.endpoint, request.path);
      return await this.#observed(request);
    } finally {
      if (typeof request.body === 'object') request.body.fill(0);
    }
  }

  async #observed(request: HttpRequest): Promise<HttpAnswer> {
    const { operation } = request;
    const began = this.#clock.elapsed();
    const tell = (code: string, clockSkewMs?: number): void =>
      this.#onCall?.({ operation, code, durationMs: this.#clock.elapsed() - began, clockSkewMs });
    try {
      const answer = await this.#send(request);
      tell(String(answer.status), answer.clockSkewMs);
      return answer;
    } catch (error) {
      tell(error instanceof ProviderError ? error.reason : 'aborted');
      throw error;
    }
  }

  async #send({ endpoint, path, method = 'GET', headers, body, maxBytes, signal }: HttpRequest): Promise<HttpAnswer> {
    const deadline = new AbortController();
    const cancel = this.#clock.after(this.#timeouts.totalMs, () => deadline.abort());
    const either = AbortSignal.any([signal, deadline.signal]);
    try {
      const sent = this.#agent.request({
        origin: endpoint,
        path,
        method,
        headers: { 'user-agent': 'provider-certificates', ...headers },
        body: body ?? null,
        signal: either,
      });
      // While a connection is being made undici does not look at the signal. Later it does, and sends nothing or breaks off.
      const response = await unlessAborted(sent, either);
      const now = this.#clock.now();
      const header = (name: string): string | undefined => [response.headers[name]].flat()[0];
      const date = Date.parse(header('date') ?? '') || undefined;
      return {
        status: response.statusCode,
        body: await read(response, maxBytes),
        retryAfterMs: retryAfter(header('retry-after'), date ?? now),
        requestId: requestIdHeaders.map(header).map(asRequestId).find(Boolean),
        clockSkewMs: date && now - date,
      };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw deadline.signal.aborted
        ? unavailable('The provider did not answer completely in time.')
        : networkError(error);
    } finally {
      cancel();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #check(endpoint: string, path: string): void {
    const refusal = this.#endpoints.check(endpoint);
    if (refusal !== undefined) throw new ProviderError({ reason: 'EndpointNotAllowed', message: refusal });
    // Parsing resolves dots, drops control characters and encodes: a path that it leaves alone is sent as it is.
    const url = URL.parse(endpoint + path);
    if (url === null || url.pathname + url.search !== path)
      throw invalid('A value does not fit into the URL of a request.');
  }
}

/**
 * One segment of a path, percent-encoded.
 *
 * @throws ProviderError for what no path can carry faithfully
 */
export function pathSegment(value: string): string {
  if (!fitsPath(value)) throw invalid('A value does not fit into the URL of a request.');
  return encodeURIComponent(value);
}

/**
 * Parameters as the query of a URL, `?` included; nothing without any. What is undefined is left out.
 *
 * @throws ProviderError (InvalidRequest) for what no query can carry faithfully
 */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const pairs = given.map(([name, value]) => {
    if (!fitsQuery(value))
      throw new ProviderError({ reason: 'InvalidRequest', message: 'A value does not fit into the URL of a request.' });
    // An apostrophe is the one character left that parsing would encode.
    return `${name}=${encodeURIComponent(value).replaceAll("'", '%27')}`;
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** Whether a value can be one of a query: not empty, no control characters, valid Unicode. */
function fitsQuery(value: string): boolean {
  return value.isWellFormed() && !/^$|\p{Cc}/u.test(value);
}

/** Whether a value can be a segment of a path: not empty, not a dot segment, no control characters, valid Unicode. */
export function fitsPath(value: string): boolean {
  return value.isWellFormed() && !/^\.{0,2}$|\p{Cc}/u.test(value);
}

/**
 * `Retry-After`, in seconds or as an HTTP date, as milliseconds from `now`: at least a second, at most an hour.
 * Undefined when it is absent or makes no sense.
 */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : value.endsWith(' GMT') ? Date.parse(value) - now : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, shortestRetryAfterMs), longestRetryAfterMs);
}

const lookupAllowed: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, []);
    if (addresses.some(({ address }) => isLinkLocal(address))) return callback(new LinkLocalError(), []);
    const [first] = addresses;
    return options.all || first === undefined ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};

class LinkLocalError extends Error {
  readonly code = 'LINK_LOCAL';
}

/** Of NHN's gateway and others, and of NAVER's. */
const requestIdHeaders = ['x-request-id', 'x-ncp-trace-id'];

/** What may be an id of a request, and is fit for messages. */
export function asRequestId(value: unknown): string | undefined {
  return typeof value === 'string' ? /^[\w.:-]{1,128}$/.exec(value)?.[0] : undefined;
}

/** How long the answer says that it is, so that the buffer which is kept is no larger than that. */
function announcedLength({ 'content-length': length }: Dispatcher.ResponseData['headers']): number | undefined {
  return typeof length === 'string' && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** The whole body, in one buffer of its own. What was received on the way is zeroed: a private key may be in it. */
async function read({ body, headers }: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  body.on('error', () => {}); // destroying it unread emits one, which would end the process
  let received = Buffer.alloc(Math.min(maxBytes, announcedLength(headers) ?? 16_384));
  let length = 0;
  try {
    if (![undefined, 'identity'].includes([headers['content-encoding']].flat()[0]))
      throw invalid('The answer is compressed, which was not asked for.');
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const end = length + chunk.length;
      if (end > maxBytes) throw invalid(`The answer is larger than ${maxBytes / 1024} KiB.`);
      if (end > received.length) {
        const larger = Buffer.alloc(Math.min(maxBytes, end * 2));
        received.copy(larger);
        received.fill(0);
        received = larger;
      }
      chunk.copy(received, length);
      chunk.fill(0);
      length = end;
    }
    return received.subarray(0, length);
  } catch (error) {
    received.fill(0);
    throw error;
  } finally {
    body.destroy();
  }
}

function invalid(message: string): ProviderError {
  return new ProviderError({ reason: 'InvalidResponse', message });
}

function unavailable(message: string): ProviderError {
  return new ProviderError({ reason: 'ProviderUnavailable', message });
}

/** Only name and code of an error are used: its message, cause and fields may hold what was sent or received. */
function networkError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof Error && error.name === 'HTTPParserError') return invalid('The answer is not valid HTTP.');
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  switch (code) {
    case 'LINK_LOCAL':
      return new ProviderError({
        reason: 'EndpointNotAllowed',
        message: "The endpoint's host resolves to a link-local address, which is never contacted.",
      });
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unavailable(`The name of the provider's host was not resolved (${code}).`);
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return unavailable('The connection to the provider timed out.');
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return unavailable('The provider did not answer in time.');
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return unavailable('The connection to the provider broke off before the answer was complete.');
    case 'UND_ERR_ABORTED': // by nobody here: this is how a tunnel fails
      return unavailable('The proxy did not let the connection to the provider through.');
    case 'UND_ERR_HEADERS_OVERFLOW':
      return invalid('The answer is not valid HTTP.');
    default:
      return unavailable(
        `The ${/CERT|SSL|TLS|SIGNATURE|ISSUER/.test(code) ? 'TLS ' : ''}connection to the provider failed (${code}).`,
      );
  }
}
