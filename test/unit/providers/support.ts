import { inspect } from 'node:util';
import pino, { type Logger } from 'pino';
import { expect, onTestFinished } from 'vitest';
import { type NaverSimulator, startNaverSimulator } from '../../../sandbox/providers/naver/simulator.ts';
import { type NhnSimulator, startNhnSimulator } from '../../../sandbox/providers/nhn/simulator.ts';
import { systemClock } from '../../../src/clock.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { ProviderError, type ProviderReason } from '../../../src/providers/errors.ts';
import { HttpClient, type HttpTimeouts } from '../../../src/providers/http.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';
import type { Call, Provider, ProviderClient, ProviderSpec } from '../../../src/providers/provider.ts';

/** None of these may show in any error, log line or status. */
export const canaries = {
  appKey: 'CanaryAppKey0001',
  accessKeyId: 'CanaryAccessKeyId0001',
  secretAccessKey: 'canary+secret/0001',
};
export const naverCanaries = { accessKey: 'CanaryNaverAccessKey0001', secretKey: 'canary+naver/secret0001' };

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

export async function simulator(): Promise<NhnSimulator> {
  const started = await startNhnSimulator(canaries);
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

export async function naverSimulator(): Promise<NaverSimulator> {
  const started = await startNaverSimulator(naverCanaries);
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

export function connectTo(
  provider: Provider,
  spec: ProviderSpec,
  o: { http?: HttpClient; credentials: Record<string, string> },
): ProviderClient {
  return provider.connect({ spec, credentials: o.credentials, http: o.http ?? httpClient(), clock: systemClock });
}

export function connect(
  endpoint: string,
  o: { http?: HttpClient; credentials?: Record<string, string> } = {},
): ProviderClient {
  return connectTo(nhn, { nhn: { endpoint } }, { credentials: canaries, ...o });
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
  for (const canary of [...Object.values(canaries), ...Object.values(naverCanaries)])
    expect(everything).not.toContain(canary);
  expect(error.message).toMatch(/^[A-Z].*\.$/);
  expect(error.message.length).toBeLessThan(256);
  expect(error).toMatchObject({ reason });
  return error;
}
