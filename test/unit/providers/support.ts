import { inspect } from 'node:util';
import pino, { type Logger } from 'pino';
import { expect, onTestFinished } from 'vitest';
import { type NaverSimulator, startNaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import { type NhnSimulator, startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { type ScpSimulator, startScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import type { Simulator } from '../../../sandbox/providers/simulator.ts';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { ProviderError, type ProviderReason } from '../../../src/providers/errors.ts';
import { HttpClient, type HttpTimeouts } from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { Call, ProviderClient, ProviderSpec } from '../../../src/providers/provider.ts';
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

interface Connection {
  http?: HttpClient;
  credentials?: Record<string, string>;
  clock?: Clock;
}

/** To NHN Cloud. */
export function connect(endpoint: string, o: Connection = {}): ProviderClient {
  return connectTo({ nhn: { endpoint } }, o);
}

export function connectTo(spec: ProviderSpec, o: Connection = {}): ProviderClient {
  return providerFor(spec).connect({
    spec,
    credentials: o.credentials ?? canaries,
    http: o.http ?? httpClient(),
    clock: o.clock ?? systemClock,
  });
}

export function call(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, another: async () => {} };
}

export function entryOf(name: string): InventoryEntry {
  return { id: name, name, revision: '1' };
}

/** Expects a ProviderError with this reason, which shows none of the canaries wherever one looks, and returns it. */
export async function refusal(promise: Promise<unknown>, reason: ProviderReason): Promise<ProviderError> {
  const error: unknown = await promise.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProviderError)) throw error;
  const everything = `${error.stack} ${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)}`;
  for (const canary of Object.values(canaries)) expect(everything).not.toContain(canary);
  expect(error.message).toMatch(/^[A-Z].*\.$/);
  expect(error.message.length).toBeLessThan(256);
  expect(error).toMatchObject({ reason });
  return error;
}
