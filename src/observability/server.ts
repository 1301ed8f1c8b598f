import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';

/** Says what is wrong, in a few words; undefined when all is well. */
type Check = () => string | undefined;

interface Options {
  host?: string | undefined;
  /** 0: any free port. */
  port: number;
  /** Served as /healthz: the process is of no use any more and should be restarted. */
  live: Check;
  /** Served as /readyz: the process does its work. */
  ready: Check;
  metrics: () => Promise<{ contentType: string; text: string }>;
  logger: Logger;
}

/** A running server for probes and metrics. */
export interface StatusServer {
  port: number;
  /** Ends it at once; an answer in flight is cut off. */
  close(): Promise<void>;
}

/**
 * Serves /healthz, /readyz and /metrics over plain HTTP.
 * @throws Error, one line, when the address cannot be listened on
 */
export async function serveStatus({ host, port, live, ready, metrics, logger }: Options): Promise<StatusServer> {
  const routes: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    '/healthz': (response) => probe(response, live()),
    '/readyz': (response) => probe(response, ready()),
    '/metrics': async (response) => {
      const { contentType, text } = await metrics();
      send(response, 200, text, contentType);
    },
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = routes[(request.url ?? '').split('?', 1)[0]!];
    if (route === undefined) return send(response, 404, 'not found\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'method not allowed\n');
    try {
      await route(response);
    } catch (error) {
      logger.error({ err: error, path: request.url }, 'status request failed');
      send(response, 500, 'internal error\n');
    }
  };

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    request.resume();
    void answer(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`cannot listen on ${host ?? ''}:${port}: ${error.code ?? error.message}`)),
    );
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function probe(response: ServerResponse, problem: string | undefined): void {
  if (problem === undefined) send(response, 200, 'ok\n');
  else send(response, 503, `${problem}\n`);
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}
