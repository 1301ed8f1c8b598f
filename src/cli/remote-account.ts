import { setTimeout } from 'node:timers/promises';
import { systemClock as clock } from '../clock.ts';
import { ProviderError } from '../providers/errors.ts';
import type { HttpClient } from '../providers/http.ts';
import { Inventory, type InventoryEntry, type RemoteRef } from '../providers/inventory.ts';
import type { Call, ProviderClient } from '../providers/provider.ts';
import { Throttle } from '../providers/throttle.ts';
import { Failure } from './failure.ts';
import type { Shell } from './shell.ts';
import type { Source } from './source.ts';

/** A wait that the provider asks for is granted so often, if it is not longer than this; in milliseconds. */
const patience = { times: 3, ms: 60_000 };

interface Options {
  /** Values of `--allow-endpoint`. */
  allow: readonly string[];
  env: Shell['env'];
}

/**
 * The account behind a provider object, for one command: the clients of the operator within the limits of the spec, but
 * without its polling and memory.
 */
export class RemoteAccount implements AsyncDisposable {
  readonly source: Source;
  readonly #http: HttpClient;
  readonly #client: ProviderClient;
  readonly #throttle: Throttle;
  readonly #signal = new AbortController().signal;

  private constructor(source: Source, http: HttpClient) {
    const { provider, settings, credentials } = source;
    this.source = source;
    this.#http = http;
    this.#client = provider.connect({ spec: settings, credentials, http, clock });
    this.#throttle = new Throttle(clock, settings);
  }

  /** @throws Failure when its endpoint may not be contacted; nothing is sent yet */
  static async open(source: Source, { allow, env }: Options): Promise<RemoteAccount> {
    const [{ Endpoints }, { HttpClient }, { proxyFrom }] = await Promise.all([
      import('../providers/endpoints.ts'),
      import('../providers/http.ts'),
      import('../providers/proxy.ts'),
    ]);
    try {
      const vouchedFor = source.vouchedFor.map((origin) => URL.parse(origin)?.host ?? '').filter(Boolean);
      const endpoints = new Endpoints([...allow, ...vouchedFor]);
      const refusals = source.provider.endpoints(source.settings).map((endpoint) => endpoints.check(endpoint));
      const refusal = refusals.find((refused) => refused !== undefined);
      if (refusal !== undefined)
        throw new Failure(`${source.title}: ${refusal.replace('start the operator with', 'use')}`);
      return new RemoteAccount(source, new HttpClient({ clock, endpoints, ca: source.ca, proxy: proxyFrom(env) }));
    } catch (error) {
      throw error instanceof Failure ? error : new Failure((error as Error).message);
    }
  }

  /** Everything that the account holds. Throws Failure. */
  async list(): Promise<{ entries: InventoryEntry[]; inventory: Inventory }> {
    try {
      const entries = await this.#call((call) => this.#client.list(call));
      const selectors = this.source.provider.selectors(this.source.settings);
      return { entries, inventory: new Inventory(entries, { listedAt: clock.now(), selectors }) };
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /**
   * The files or fields that hold a certificate; the caller zeroes them.
   * @throws ProviderError about this certificate; Failure when it is not this certificate alone
   */
  async download(entry: InventoryEntry): Promise<Uint8Array[]> {
    if (entry.problem) throw new ProviderError(entry.problem);
    try {
      return await this.#call((call) => this.#client.download(entry, call));
    } catch (error) {
      throw error instanceof ProviderError && error.concernsCertificate ? error : this.#explained(error);
    }
  }

  /** The one certificate that is meant. Throws Failure when there is none, or several. */
  static selected(inventory: Inventory, ref: RemoteRef): InventoryEntry {
    const selection = inventory.find(ref);
    if ('entry' in selection) return selection.entry;
    throw new Failure(selection.message, selection.reason === 'InvalidSpec' ? 2 : 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.close();
  }

  /** Makes a call when it is its turn, and again when the provider asks to come back soon. */
  async #call<T>(make: (call: Call) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const leave = await this.#throttle.enter('urgent', this.#signal);
      try {
        const result = await make({
          signal: this.#signal,
          another: () => this.#throttle.another(this.#signal),
        });
        leave('success');
        return result;
      } catch (error) {
        const limited = error instanceof ProviderError && error.reason === 'RateLimited';
        leave(limited ? 'congestion' : 'neutral');
        const ms = limited ? (error.retryAfterMs ?? 1_000 * 2 ** attempt) : Infinity;
        if (attempt > patience.times || ms > patience.ms) throw error;
        await setTimeout(ms);
      }
    }
  }

  #explained(error: unknown): unknown {
    return error instanceof ProviderError ? new Failure(`${this.source.title}: ${error.message}`) : error;
  }
}
