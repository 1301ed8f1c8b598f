import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { Connection, Pools, Session } from './connection.ts';
import { Deadline } from './deadline.ts';
import { invalidResponse, refusal, timeout, transportFault } from './errors.ts';
import type { KubeError } from './errors.ts';
import { lines } from './lines.ts';

/** How long a call may take, its wait for a free connection included; and a watch until its answer begins. */
const callMs = 30_000;
/** An object in etcd has at most 1.5 MiB; escaped in JSON somewhat more. */
const maxLineBytes = 8 * 1024 * 1024;
/** As much of a refusal as is read. */
const maxRefusalChars = 64 * 1024;

export interface Request {
  /** For messages: `get secrets default/web`. */
  operation: string;
  method: Dispatcher.HttpMethod;
  /** Below the server's URL, with the query. */
  path: string;
  accept?: string;
  contentType?: string;
  body?: unknown;
  /** Does not wait behind calls that are not. */
  urgent?: boolean;
}

/** What a client speaks over. Failures are as with {@link Transport}. */
export interface Wire {
  /** The JSON object that the server answers with. */
  call(request: Request, signal: AbortSignal): Promise<object>;
  /** The JSON objects of an answer that has one per line and goes on until server or caller ends it. */
  stream(request: Request, signal: AbortSignal): AsyncIterable<object>;
}

/**
 * Sends requests to the API server, bounded in time and size. Failures are `KubeError`s, except that an aborted request
 * throws the reason of its signal. A request whose credentials are refused is repeated once with fresh ones.
 */
export class Transport implements Wire {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #userAgent: string;
  readonly #basePath: string;

  constructor(
    connection: Connection,
    { clock, logger, userAgent = 'provider-certificates' }: { clock: Clock; logger: Logger; userAgent?: string },
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#logger = logger;
    this.#userAgent = userAgent;
    this.#basePath = connection.server.pathname.replace(/\/$/, '');
  }

  async call(request: Request, signal: AbortSignal): Promise<object> {
    const { operation } = request;
    const began = this.#clock.elapsed();
    using deadline = this.#deadline(operation, signal);
    try {
      const response = await this.#send(request, request.urgent ? 'urgent' : 'calls', deadline);
      const status = response.statusCode;
      if (status < 200 || status > 299) throw await this.#refusal(operation, response);
      const answer = parseJson(operation, await response.body.text());
      this.#logger.trace({ operation, status, ms: this.#clock.elapsed() - began }, 'called the API server');
      return answer;
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : transportFault(operation, error);
    }
  }

  async *stream(request: Request, signal: AbortSignal): AsyncGenerator<object> {
    const { operation } = request;
    using deadline = this.#deadline(operation, signal);
    try {
      const response = await this.#send(request, 'watches', deadline);
      if (response.statusCode !== 200) throw await this.#refusal(operation, response);
      deadline.lift();
      const tooLong = (): KubeError => invalidResponse(operation, 'an event is too large');
      for await (const line of lines(response.body, maxLineBytes, tooLong)) yield parseJson(operation, line);
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : transportFault(operation, error);
    }
  }

  async #send(request: Request, pool: keyof Pools, deadline: Deadline): Promise<Dispatcher.ResponseData> {
    const session = await deadline.race(this.#connection.obtain());
    const response = await this.#dispatch(request, session, pool, deadline);
    if (response.statusCode !== 401) return response;
    // The server did nothing yet, so that writes may be repeated, too.
    await response.body.dump();
    this.#connection.refuse(session);
    return this.#dispatch(request, await deadline.race(this.#connection.obtain()), pool, deadline);
  }

  #dispatch(
    { method, path, accept = 'application/json', contentType, body }: Request,
    { headers, pools }: Session,
    pool: keyof Pools,
    deadline: Deadline,
  ): Promise<Dispatcher.ResponseData> {
    const response = pools[pool].request({
      origin: this.#connection.server.origin,
      path: this.#basePath + path,
      method,
      headers: {
        ...headers,
        accept,
        'user-agent': this.#userAgent,
        ...(contentType && { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: deadline.signal,
    });
    // While a connection is being made undici does not look at the signal. Later it does, and sends nothing or breaks off.
    return deadline.race(response);
  }

  async #refusal(operation: string, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<KubeError> {
    let text = '';
    for await (const chunk of body.setEncoding('utf8')) {
      text += chunk;
      if (text.length > maxRefusalChars) break;
    }
    return refusal(operation, statusCode, tryJson(text), headers['retry-after'], this.#clock.now());
  }

  #deadline(operation: string, parent: AbortSignal): Deadline {
    const error = (): KubeError => timeout(operation, `no complete answer within ${callMs / 1_000} s`);
    return new Deadline({ clock: this.#clock, parent, ms: callMs, error });
  }
}

function parseJson(operation: string, text: string): object {
  const value = tryJson(text);
  if (typeof value !== 'object' || value === null) throw invalidResponse(operation, 'the answer is not a JSON object');
  return value;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
