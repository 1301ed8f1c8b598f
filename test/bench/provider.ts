/**
 * NHN Cloud in a process of its own, so that what it costs is not mixed up with what the harness costs. It is driven over the
 * channel to the process that started it, and ends with that process, however that ends. See cloud.ts for the other side.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { NhnSimulator, type NhnAccount } from '../../sandbox/providers/nhn/simulator.ts';
import type { Counters, Handled } from '../../sandbox/providers/simulator.ts';
import { Bundles } from './bundles.ts';

/** How to reach what was opened. */
export interface Endpoint extends NhnAccount {
  url: string;
}

export interface OpenRequest {
  /** What it holds. */
  names: string[];
  /** Of every answer but 429, in milliseconds. */
  latencyMs: number;
  /** Requests per second above which it answers 429; absent: no limit. */
  perSecond?: number;
}

export interface Renewal {
  /** When the new certificates were in place; milliseconds since the epoch. */
  at: number;
  /** By name: SHA-256 of the new leaf. */
  fingerprints: Record<string, string>;
}

/** What the process does when asked. */
export interface ProviderCalls {
  /** Opens an empty account with other credentials, and closes the former. */
  open(request: OpenRequest): Promise<Endpoint>;
  renew(names: string[]): Promise<Renewal>;
  /** By name: when a renewed certificate was first listed or downloaded; milliseconds since the epoch. */
  noticed(): Promise<Record<string, number>>;
  counters(): Promise<Counters>;
  resetCounters(): Promise<void>;
}

/** parent -> provider */
export interface Call {
  id: number;
  name: keyof ProviderCalls;
  argument: unknown;
}

/** provider -> parent */
export interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** Knows when a renewal could be seen for the first time. */
class ObservedNhn extends NhnSimulator {
  readonly noticed = new Map<string, number>();
  readonly unnoticed = new Set<string>();

  protected override handle(request: IncomingMessage, body: Buffer): Handled {
    const handled = super.handle(request, body);
    const { operation, name = '' } = handled;
    if (operation === 'list') for (const renewed of this.unnoticed) this.#note(renewed);
    if (operation === 'download' && this.unnoticed.has(name)) this.#note(name);
    return handled;
  }

  #note(name: string): void {
    this.unnoticed.delete(name);
    this.noticed.set(name, Date.now());
  }
}

class Process implements ProviderCalls {
  readonly #bundles: Bundles;
  #nhn: ObservedNhn | undefined;

  constructor(bundles: Bundles) {
    this.#bundles = bundles;
  }

  async open({ names, latencyMs, perSecond }: OpenRequest): Promise<Endpoint> {
    await this.#nhn?.[Symbol.asyncDispose]();
    const secret = (): string => randomBytes(12).toString('hex');
    const account = { appKey: secret(), accessKeyId: secret(), secretAccessKey: secret() };
    const nhn = (this.#nhn = new ObservedNhn(account));
    nhn.latencyMs = latencyMs;
    nhn.limit(perSecond);
    for (const [index, { pem }] of (await this.#bundles.get(names)).entries()) nhn.upload(names[index] ?? '', pem);
    await nhn.start({});
    return { ...account, url: nhn.url };
  }

  async renew(names: string[]): Promise<Renewal> {
    const nhn = this.#opened();
    const fingerprints: Record<string, string> = {};
    for (const name of names) fingerprints[name] = (await this.#bundles.renew(name)).fingerprint;
    for (const [index, { pem }] of (await this.#bundles.get(names)).entries()) {
      nhn.upload(names[index] ?? '', pem);
      nhn.unnoticed.add(names[index] ?? '');
    }
    return { at: Date.now(), fingerprints };
  }

  async noticed(): Promise<Record<string, number>> {
    return Object.fromEntries(this.#opened().noticed);
  }

  async counters(): Promise<Counters> {
    return this.#opened().counters;
  }

  async resetCounters(): Promise<void> {
    this.#opened().resetCounters();
  }

  #opened(): ObservedNhn {
    if (this.#nhn === undefined) throw new Error('nothing was opened');
    return this.#nhn;
  }
}

async function answer(provider: ProviderCalls, { id, name, argument }: Call): Promise<Reply> {
  try {
    return { id, value: await (provider[name] as (argument: unknown) => Promise<unknown>).call(provider, argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal reaches it, too; whoever started it decides when it ends.
process.on('SIGINT', () => {});
const provider = Bundles.create().then((bundles) => new Process(bundles));
process.on('message', async (call: Call) => process.send?.(await answer(await provider, call)));
