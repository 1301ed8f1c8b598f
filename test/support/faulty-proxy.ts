import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as send, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { load } from 'js-yaml';

import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { type Call, callOf, isWrite } from './kube-call.ts';
import { loopbackTls } from './loopback.ts';
import { OpenWatch } from './open-watch.ts';

/** Which calls are meant; whatever is left out matches all. */
export type Match = Partial<Call>;

/** What goes wrong with a call. */
export type Fault =
  /** The server is not asked; this is the answer, with the Kubernetes Status that belongs to it. */
  | { status: number; retryAfter?: number }
  /** It reaches the server late. */
  | { delayMs: number }
  /** The connection ends before the call reaches the server, or after the server has answered. */
  | { drop: 'call' | 'answer' }
  /** It does not reach the server, and nothing comes back. */
  | { silent: true };

/** A call that was stopped on its way to the server. */
export interface Held {
  /** Resolves when it is there, complete. */
  readonly arrived: Promise<Call>;
  /** Lets it go on, also when its sender is gone by now. */
  release(): void;
  /** What the server answered. */
  readonly answered: Promise<number>;
}

/** A call as it came. */
export interface Seen {
  call: Call;
  /** With its query. */
  url: string;
  accept: string | undefined;
}

interface Rule {
  match: Match;
  fault: Fault | { until: Promise<void>; arrived: (call: Call) => void; answered: (status: number) => void };
  left: number;
}

const reasons: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A Kubernetes Status that says no. */
export function refusalOf(code: number): object {
  const message = `the faulty proxy says ${code}`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: reasons[code], code };
}

/**
 * Stands between an operator and its API server, under a certificate of its own, and spoils what it is told to spoil.
 * Without faults everything goes through as it is.
 */
export class FaultyProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #authority: string;
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #watches = new Set<OpenWatch>();
  /** By call and status. */
  readonly #counts = new Map<string, { call: Call; status: number | undefined; count: number }>();
  #rules: Rule[] = [];
  readonly #records: Seen[][] = [];

  private constructor(o: { server: Server; authority: string; upstream: URL; ca: string }) {
    this.#server = o.server;
    this.#authority = o.authority;
    this.#upstream = o.upstream;
    this.#agent = new Agent({ keepAlive: true, ca: o.ca });
    this.url = `https://127.0.0.1:${(o.server.address() as AddressInfo).port}`;
    o.server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** @param kubeconfig of the API server to stand before */
  static async start(kubeconfig: string): Promise<FaultyProxy> {
    const { url, ca } = accessOf(await readFile(kubeconfig, 'utf8'));
    const { ca: authority, ...tls } = await loopbackTls();
    // Idle connections live longer here than at the client, as with the real server: only faults break calls.
    const server = createServer({ ...tls, keepAliveTimeout: 90_000, requestTimeout: 0 });
    server.on('tlsClientError', () => {}); // a client that ended in the middle of a handshake
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultyProxy({ server, authority, upstream: new URL(url), ca });
  }

  /** The same kubeconfig, user and all, but by way of the proxy. @returns its path, beside the other one */
  async kubeconfig(of: string): Promise<string> {
    const config = load(await readFile(of, 'utf8')) as { clusters: [{ cluster: object }] };
    const ca = Buffer.from(this.#authority).toString('base64');
    config.clusters[0].cluster = { server: this.url, 'certificate-authority-data': ca };
    const path = `${of}.${randomBytes(4).toString('hex')}`;
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }

  /** @returns what ends the fault */
  fault(match: Match, fault: Fault, times = Infinity): () => void {
    return this.#add({ match, fault, left: times });
  }

  /** Stops the next such call on its way to the server. */
  hold(match: Match): Held {
    const [arrived, released, answered] = [
      Promise.withResolvers<Call>(),
      Promise.withResolvers<void>(),
      Promise.withResolvers<number>(),
    ];
    const fault = { until: released.promise, arrived: arrived.resolve, answered: answered.resolve };
    this.#add({ match, fault, left: 1 });
    return { arrived: arrived.promise, release: released.resolve, answered: answered.promise };
  }

  /** Ends all faults; what was held goes on when it is released. */
  clear(): void {
    this.#rules = [];
  }

  /** All calls that come from now on, in the order in which they do. */
  record(): readonly Seen[] {
    const seen: Seen[] = [];
    this.#records.push(seen);
    return seen;
  }

  /** The watches that are open now. */
  watches(match: Match = {}): OpenWatch[] {
    return [...this.#watches].filter(({ call }) => matches(match, call));
  }

  /** How many calls have ended so far, in whatever way, or with this status. */
  count(match: Match, status?: number): number {
    const counts = [...this.#counts.values()].filter(({ call }) => matches(match, call));
    const meant = status === undefined ? counts : counts.filter((one) => one.status === status);
    return meant.reduce((sum, { count }) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clear();
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #add(rule: Rule): () => void {
    this.#rules.push(rule);
    return () => void (this.#rules = this.#rules.filter((one) => one !== rule));
  }

  #take(call: Call): Rule['fault'] | undefined {
    const rule = this.#rules.find(({ match, left }) => left > 0 && matches(match, call));
    if (rule) rule.left--;
    return rule?.fault;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await request.toArray().then(Buffer.concat, () => undefined);
    if (body === undefined) return; // the client is gone
    const call = callOf(request, body);
    for (const seen of this.#records) seen.push({ call, url: request.url ?? '', accept: request.headers.accept });
    const fault = this.#take(call);
    if (fault === undefined) return this.#forward(request, response, { call, body });
    if ('status' in fault) {
      this.#note(call, fault.status);
      const { status, retryAfter } = fault;
      const headers = { 'content-type': 'application/json', ...(retryAfter && { 'retry-after': String(retryAfter) }) };
      response.writeHead(status, headers).end(JSON.stringify(refusalOf(status)));
    } else if ('silent' in fault) {
      this.#note(call, undefined);
    } else if ('drop' in fault && fault.drop === 'call') {
      this.#note(call, undefined);
      response.destroy();
    } else if ('drop' in fault) {
      this.#forward(request, response, { call, body, onAnswer: () => response.destroy() });
    } else if ('delayMs' in fault) {
      await sleep(fault.delayMs);
      this.#forward(request, response, { call, body });
    } else {
      fault.arrived(call);
      await fault.until;
      this.#forward(request, response, { call, body, onAnswer: fault.answered });
    }
  }

  /** @param onAnswer called when the server has answered, before the client hears of it */
  #forward(
    { method, url, headers }: IncomingMessage,
    response: ServerResponse,
    { call, body, onAnswer }: { call: Call; body: Buffer; onAnswer?: (status: number) => void },
  ): void {
    const { hostname, port } = this.#upstream;
    const options = { hostname, port, method, path: url, headers: { ...headers, host: `${hostname}:${port}` } };
    const upstream = send({ ...options, agent: this.#agent });
    upstream.on('error', () => {
      this.#note(call, undefined);
      response.destroy();
    });
    upstream.on('response', (answer) => {
      const status = answer.statusCode ?? 0;
      this.#note(call, status);
      onAnswer?.(status);
      answer.on('error', () => response.destroy());
      if (response.destroyed) return void answer.resume();
      response.writeHead(status, withoutHops(answer.headers));
      if (call.verb === 'watch' && status === 200) this.#watch(call, answer, response);
      else answer.pipe(response);
    });
    // What a write was sent with has left the client for good; a server hears nothing of the client's end.
    if (!isWrite(call)) response.once('close', () => upstream.destroy());
    upstream.end(body);
  }

  #watch(call: Call, answer: IncomingMessage, response: ServerResponse): void {
    const watch = new OpenWatch(call, answer, response);
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }

  /** @param status undefined: there was no answer */
  #note(call: Call, status: number | undefined): void {
    const key = JSON.stringify([call, status]);
    const noted = this.#counts.get(key) ?? { call, status, count: 0 };
    noted.count++;
    this.#counts.set(key, noted);
  }
}

function matches(match: Match, call: Call): boolean {
  return (Object.keys(match) as (keyof Call)[]).every((key) => match[key] === undefined || match[key] === call[key]);
}

/** Of one connection, not of the whole way. */
const hops = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function withoutHops(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hops.has(name)));
}
