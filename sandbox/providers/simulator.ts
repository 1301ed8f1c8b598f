import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Allowance } from './allowance.ts';
import type { Answer } from './answer.ts';
import { type Fault, Faults, send } from './fault.ts';

/** What a simulator was asked for. */
export interface Counters {
  connections: number;
  requests: number;
  /** Requests for a page of the list. */
  lists: number;
  downloads: number;
  /** Tokens that were handed out. */
  tokens: number;
  /** Requests to check, make (or replace) and delete certificates, whatever came of them. */
  checks: number;
  creates: number;
  deletes: number;
  /** By the name of the certificate. */
  downloadsOf: Record<string, number>;
  /** Requests that were not let in: wrong route, encoding or credentials. */
  refused: number;
  /** Requests that were answered with 429, because there were too many in a second. */
  limited: number;
  inFlight: number;
  maxInFlight: number;
}

/** What a provider makes of one request. */
export interface Handled {
  operation: 'list' | 'download' | 'token' | 'check' | 'create' | 'delete' | 'refused';
  /** The certificate that it is about. */
  name?: string;
  /** A function where it changes something, which is not done when a fault says the status or code instead. */
  answer: Answer | (() => Answer);
}

export interface ServeOptions {
  /** The name that clients use, who may come from other machines. Default: 127.0.0.1, and they may not. */
  name?: string | undefined;
  /** Default: a free one. */
  port?: number | undefined;
  /** https with this certificate and key (PEM) instead of http. */
  tls?: { cert: string; key: string } | undefined;
}

/** A provider, simulated by a real server. It counts what it is asked, and can be told to be slow or broken. */
export abstract class Simulator implements AsyncDisposable {
  /** The origin that clients use. */
  url = '';
  /** Every answer is late by so many milliseconds. */
  latencyMs = 0;
  /** How far the clock of the provider is ahead of ours, in milliseconds. */
  clockOffsetMs = 0;
  counters: Counters = noCounts();
  readonly #faults = new Faults();
  #allowance: Allowance | undefined;
  #server: Server | undefined;

  protected abstract handle(request: IncomingMessage, body: Buffer): Handled;
  /** An error as this provider writes it. */
  protected abstract error(o: { status: number | undefined; code: number | string | undefined }): Answer;

  /** The time as the provider has it; milliseconds since the epoch. */
  protected now(): number {
    return Date.now() + this.clockOffsetMs;
  }

  /** @returns what ends it */
  fault(fault: Fault): () => void {
    return this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Answers requests above so many per second with 429, at once; undefined: all are let in. */
  limit(perSecond: number | undefined): void {
    this.#allowance = perSecond === undefined ? undefined : new Allowance(perSecond, performance.now());
  }

  /** Ends all connections, and with them the answers that never would end. */
  dropConnections(): void {
    this.#server?.closeAllConnections();
  }

  resetCounters(): void {
    this.counters = noCounts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
  }

  async start({ name, port = 0, tls }: ServeOptions): Promise<void> {
    const listener = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    const server = tls ? createSecureServer(tls, listener) : createServer(listener);
    server.on('connection', () => this.counters.connections++);
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, name === undefined ? '127.0.0.1' : undefined, resolve),
    );
    this.#server = server;
    this.url = `${tls ? 'https' : 'http'}://${name ?? '127.0.0.1'}:${(server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { counters } = this;
    counters.requests++;
    counters.inFlight++;
    counters.maxInFlight = Math.max(counters.maxInFlight, counters.inFlight);
    response.once('close', () => counters.inFlight--);
    const body = Buffer.concat(await request.toArray().catch(() => []));
    response.setHeader('date', new Date(this.now()).toUTCString());
    if (this.#allowance?.admits(performance.now()) === false) {
      counters.limited++;
      return send(response, this.error({ status: 429, code: undefined }));
    }
    const { operation, name, answer } = this.handle(request, body);
    if (operation === 'list') counters.lists++;
    if (operation === 'token') counters.tokens++;
    if (operation === 'check') counters.checks++;
    if (operation === 'create') counters.creates++;
    if (operation === 'delete') counters.deletes++;
    if (operation === 'refused') counters.refused++;
    if (operation === 'download') {
      counters.downloads++;
      if (name !== undefined) counters.downloadsOf[name] = (counters.downloadsOf[name] ?? 0) + 1;
    }
    const fault = operation === 'refused' ? undefined : this.#faults.take(operation, name);
    const done = (): Answer => (typeof answer === 'function' ? answer() : answer);
    const spoilt =
      fault?.status === undefined && fault?.code === undefined
        ? done()
        : this.error({ status: fault.status, code: fault.code });
    await send(response, spoilt, { ...fault, latencyMs: fault?.latencyMs ?? this.latencyMs });
  }
}

function noCounts(): Counters {
  return {
    connections: 0,
    requests: 0,
    lists: 0,
    downloads: 0,
    tokens: 0,
    checks: 0,
    creates: 0,
    deletes: 0,
    downloadsOf: {},
    refused: 0,
    limited: 0,
    inFlight: 0,
    maxInFlight: 0,
  };
}
