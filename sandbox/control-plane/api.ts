import { setTimeout } from 'node:timers/promises';

import { Agent, type Dispatcher } from 'undici';

/** How to reach an API server: a bearer token or a client certificate, everything in PEM. */
export interface Access {
  url: string;
  ca: string;
  token?: string;
  cert?: string;
  key?: string;
}

export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}

/** A request that the API server did not answer with 2xx. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How often a server that asks for a moment is asked again: it does so while it takes in a new kind. */
const patience = 30;

/** The few raw requests that setting up and watching a cluster take, independent of the client of the operator. */
export class Api {
  readonly access: Access;
  readonly #agent: Agent;

  constructor(access: Access) {
    this.access = access;
    const { ca, cert, key } = access;
    this.#agent = new Agent({ allowH2: false, connect: { ca, ...(cert && key && { cert, key }) } });
  }

  /** @param path with its query, like `/api/v1/namespaces?limit=1` */
  async get<T>(path: string): Promise<T> {
    return (await (await this.#send('GET', path)).json()) as T;
  }

  async text(path: string): Promise<string> {
    return await (await this.#send('GET', path)).text();
  }

  async post<T>(path: string, body: object): Promise<T> {
    return (await (await this.#send('POST', path, { body, type: 'application/json' })).json()) as T;
  }

  /**
   * Creates the object or makes it what is given (server-side apply, by force).
   * @param path of the collection, like `/api/v1/namespaces`
   */
  async apply<T>(path: string, body: ApiObject, fieldManager = 'control-plane'): Promise<T> {
    const url = `${path}/${encodeURIComponent(body.metadata.name)}?fieldManager=${fieldManager}&force=true`;
    return (await (await this.#send('PATCH', url, { body, type: 'application/apply-patch+yaml' })).json()) as T;
  }

  async mergePatch<T>(path: string, body: object): Promise<T> {
    return (await (await this.#send('PATCH', path, { body, type: 'application/merge-patch+json' })).json()) as T;
  }

  /** The lines of an answer that goes on: a watch. Ends when the server ends it; throws when the signal is aborted. */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const body = await this.#send('GET', path, { signal });
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    o: { body?: object; type?: string; signal?: AbortSignal } = {},
  ): Promise<Dispatcher.ResponseData['body']> {
    for (let attempt = 1; ; attempt++) {
      const { statusCode, body } = await this.#request(method, path, o);
      if (statusCode < 300) return body;
      const text = await body.text();
      if (statusCode !== 429 || attempt === patience)
        throw new ApiError(statusCode, `${method} ${path} was answered with ${statusCode}: ${text.slice(0, 1_000)}`);
      await setTimeout(1_000);
    }
  }

  #request(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    o: { body?: object; type?: string; signal?: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    return this.#agent.request({
      origin: this.access.url,
      path,
      method,
      headers: {
        ...(this.access.token && { authorization: `Bearer ${this.access.token}` }),
        ...(o.type && { 'content-type': o.type }),
      },
      // Only a watch is given a signal, and it may be silent for as long as it likes.
      ...(o.signal && { signal: o.signal, bodyTimeout: 0 }),
      ...(o.body && { body: JSON.stringify(o.body) }),
    });
  }
}
