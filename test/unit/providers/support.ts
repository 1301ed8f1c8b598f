import { inspect } from 'node:util';
import pino, { type Logger } from 'pino';
import { expect, onTestFinished } from 'vitest';
import type { Issued } from '../../../sandbox/pki/index.ts';
import { type NaverSimulator, startNaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import { type NhnSimulator, startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { type ScpSimulator, startScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import type { Simulator } from '../../../sandbox/providers/simulator.ts';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { ProviderError, type ProviderReason } from '../../../src/providers/errors.ts';
import {
  type HttpAnswer,
  type HttpCall,
  HttpClient,
  type HttpRequest,
  type HttpTimeouts,
} from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { Pair, ProviderManager } from '../../../src/providers/manager.ts';
import type { Call, Connection, ProviderClient, ProviderSpec } from '../../../src/providers/provider.ts';
import { providerFor } from '../../../src/providers/registry.ts';

/** None of these may show in any error, log line or status. */
export const canaries = {
  appKey: 'CanaryAppKey0001',
  accessKeyId: 'CanaryAccessKeyId0001',
  secretAccessKey: 'canary+secret/0001',
  accessKey: 'CanaryAccessKey0001',
  secretKey: 'canary+secret/key/0001',
};

export const quiet: Logger = pino({ level: 'silent' });

export function httpClient(o: { allow?: string[]; ca?: string; timeouts?: Partial<HttpTimeouts> } = {}): HttpClient {
  const timeouts = { connectMs: 5_000, headersMs: 10_000, totalMs: 20_000, ...o.timeouts };
  const http = new HttpClient({
    clock: systemClock,
    endpoints: new Endpoints(o.allow ?? ['127.0.0.1', 'localhost']),
    ca: o.ca,
    timeouts,
  });
  onTestFinished(() => http.close());
  return http;
}

/** One that keeps what it tells of its requests. */
export function observedHttp(): { http: HttpClient; calls: HttpCall[] } {
  const calls: HttpCall[] = [];
  const http = new HttpClient({
    clock: systemClock,
    endpoints: new Endpoints(['127.0.0.1']),
    onCall: (one) => calls.push(one),
  });
  onTestFinished(() => http.close());
  return { http, calls };
}

/** What went out, before it was zeroed. */
interface Sent extends Pick<HttpRequest, 'path' | 'headers'> {
  method: string | undefined;
  body: string | undefined;
}

/** One that keeps what it sends and receives. */
export function recordingHttp(): { http: HttpClient; sent: Sent[]; answers: string[] } {
  const [sent, answers]: [Sent[], string[]] = [[], []];
  class RecordingClient extends HttpClient {
    override async request(request: HttpRequest): Promise<HttpAnswer> {
      const { method, path, headers, body } = request;
      sent.push({ method, path, headers, body: body?.toString() });
      const answer = await super.request(request);
      answers.push(answer.body.toString());
      return answer;
    }
  }
  const http = new RecordingClient({ clock: systemClock, endpoints: new Endpoints(['127.0.0.1']) });
  onTestFinished(() => http.close());
  return { http, sent, answers };
}

/** NHN Cloud. */
export async function simulator(): Promise<NhnSimulator> {
  return closedLater(await startNhnSimulator(canaries));
}

export async function scpSimulator(): Promise<ScpSimulator> {
  return closedLater(await startScpSimulator(canaries));
}

export async function naverSimulator(): Promise<NaverSimulator> {
  return closedLater(await startNaverSimulator(canaries));
}

function closedLater<S extends Simulator>(started: S): S {
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

interface How {
  http?: HttpClient;
  credentials?: Record<string, string>;
  clock?: Clock;
}

/** To NHN Cloud. */
export function connect(endpoint: string, o: How = {}): ProviderClient {
  return connectTo({ nhn: { endpoint } }, o);
}

export function connectTo(spec: ProviderSpec, o: How = {}): ProviderClient {
  return providerFor(spec).connect(connection(spec, o));
}

/** The other direction, to a cloud that has it. */
export function managerOf(spec: ProviderSpec, o: How = {}): ProviderManager {
  const manager = providerFor(spec).manage?.(connection(spec, o));
  return manager ?? expect.fail('this cloud cannot be managed');
}

function connection(
  spec: ProviderSpec,
  { credentials = canaries, http = httpClient(), clock = systemClock }: How,
): Connection {
  return { spec, credentials, http, clock };
}

/** What is uploaded of a certificate. */
export function pairOf({ certificate, chain, privateKey }: Issued): Pair {
  return {
    certificate: Buffer.from(certificate),
    chain: Buffer.from(chain),
    privateKey: Buffer.from(privateKey),
  };
}

export function call(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, another: async () => {} };
}

export function entryOf(name: string): InventoryEntry {
  return { id: name, name, revision: '1' };
}

/**
 * Expects a ProviderError with this reason, which shows none of the canaries wherever one looks, and returns it.
 *
 * @param pem a private key, of which no line may show either, nor its Base64
 */
export async function refusal(promise: Promise<unknown>, reason: ProviderReason, pem?: string): Promise<ProviderError> {
  const error: unknown = await promise.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProviderError)) throw error;
  const everything = `${error.stack} ${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)}`;
  for (const canary of Object.values(canaries)) expect(everything).not.toContain(canary);
  for (const line of pem?.split('\n').slice(1, -2) ?? []) expect(everything).not.toContain(line);
  if (pem !== undefined) expect(everything).not.toContain(Buffer.from(pem).toString('base64').slice(60, 120));
  expect(error.message).toMatch(/^[A-Z].*\.$/);
  expect(error.message.length).toBeLessThan(256);
  expect(error).toMatchObject({ reason });
  return error;
}
