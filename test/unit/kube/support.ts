import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { Clock } from '../../../src/clock.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { loadConnection } from '../../../src/kube/config.ts';
import type { Connection } from '../../../src/kube/connection.ts';

/** A request as the server got it. */
export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
  /** Which TCP connection it came over. */
  port: number | undefined;
}

type Answer = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;

/** An API server on loopback that answers as the test says: a real socket, so that it can misbehave like one. */
export interface FakeServer extends AsyncDisposable {
  url: string;
  requests: Seen[];
  /** Requests other than watches, and watches. */
  calls(): Seen[];
  watches(): Seen[];
  answer: Answer;
}

export async function startServer(answer: Answer, tls?: ServerOptions): Promise<FakeServer> {
  const requests: Seen[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const url = new URL(request.url ?? '', 'http://localhost');
    const { method = '', headers, socket } = request;
    const seen = { method, path: url.pathname, query: url.searchParams, headers, body, port: socket.remotePort };
    requests.push(seen);
    fake.answer(seen, response, request);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const fake: FakeServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    calls: () => requests.filter(({ query }) => !query.has('watch')),
    watches: () => requests.filter(({ query }) => query.has('watch')),
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}

/** A directory that is gone when the test is over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kube-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Writes a kubeconfig with one cluster and one user; returns its path. JSON is YAML. */
export function writeKubeconfig(cluster: object, user: object = {}, directory = temporaryDirectory()): string {
  const path = join(directory, 'kubeconfig');
  const config = {
    clusters: [{ name: 'test', cluster: { 'insecure-skip-tls-verify': true, ...cluster } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A real logger that keeps what it wrote. */
export function recordingLogger(): { logger: Logger; lines: { level: number; msg: string; [key: string]: unknown }[] } {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { logger, lines };
}

export const silent: Logger = pino({ level: 'silent' });

export function connect(
  kubeconfig: string,
  { clock = systemClock, logger = silent }: { clock?: Clock; logger?: Logger } = {},
): { client: KubeClient; connection: Connection } {
  const connection = loadConnection({ kubeconfig, clock, logger });
  return { client: new KubeClient(new Transport(connection, { clock, logger }), { clock }), connection };
}

/** A client of a plain HTTP server. */
export function clientOf(server: FakeServer, options: { clock?: Clock; logger?: Logger } = {}): KubeClient {
  return connect(writeKubeconfig({ server: server.url }), options).client;
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function statusBody(code: number, reason: string, message: string, details?: object): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}

export const forever = new AbortController().signal;

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
