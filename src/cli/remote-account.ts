import { setTimeout } from 'node:timers/promises';
import { systemClock as clock } from '../clock.ts';
import { printable } from '../printable.ts';
import { ProviderError } from '../providers/errors.ts';
import type { HttpClient } from '../providers/http.ts';
import { Inventory, type InventoryEntry, type RemoteRef } from '../providers/inventory.ts';
import type { ListFilter, ProviderManager } from '../providers/manager.ts';
import type { Call, ProviderClient } from '../providers/provider.ts';
import { Throttle } from '../providers/throttle.ts';
import { Failure } from './failure.ts';
import type { Shell } from './shell.ts';
import type { Source } from './source.ts';

/** So often something is tried when the provider asks to wait, and no longer than so many milliseconds. */
const patience = { times: 4, ms: 60_000 };

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
  readonly #manager: ProviderManager | undefined;
  readonly #throttle: Throttle;
  readonly #signal = new AbortController().signal;

  private constructor(source: Source, http: HttpClient) {
    const { provider, settings, credentials } = source;
    this.source = source;
    this.#http = http;
    const connection = { spec: settings, credentials, http, clock };
    this.#client = provider.connect(connection);
    this.#manager = provider.manage?.(connection);
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
      const endpoints = new Endpoints([...allow, ...vouchedFor], (flag) => `use ${flag}`);
      const refusals = source.provider.endpoints(source.settings).map((endpoint) => endpoints.check(endpoint));
      const refusal = refusals.find((refused) => refused !== undefined);
      if (refusal !== undefined) throw new Failure(`${source.title}: ${refusal}`);
      return new RemoteAccount(source, new HttpClient({ clock, endpoints, ca: source.ca, proxy: proxyFrom(env) }));
    } catch (error) {
      throw error instanceof Failure ? error : new Failure((error as Error).message);
    }
  }

  /** Everything that the account holds, or what fits. Throws Failure. */
  async list(filter?: ListFilter): Promise<{ entries: InventoryEntry[]; inventory: Inventory }> {
    try {
      const manager = filter && this.#managing();
      const entries = await this.#call((call) => manager?.list(call, filter) ?? this.#client.list(call));
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

  /** The one certificate that is to be changed. Throws Failure. */
  async find(ref: RemoteRef): Promise<InventoryEntry> {
    const { inventory } = await this.list(ref);
    return RemoteAccount.selected(inventory, ref);
  }

  /** For a question to somebody. */
  titleOf({ name, id, notAfter }: InventoryEntry): string {
    const details = [id !== name && `id ${id}`, notAfter && `valid until ${notAfter}`].filter(Boolean).join(', ');
    return printable(`${name} (${details}) of ${this.source.title}`, 512);
  }

  /** An operation that not all clouds have. Throws Failure. */
  operation<N extends 'validate' | 'replace' | 'selfSign'>(name: N): NonNullable<ProviderManager[N]> {
    const manager = this.#managing();
    const operation = manager[name];
    if (operation === undefined) throw this.#unsupported();
    return operation.bind(manager) as NonNullable<ProviderManager[N]>;
  }

  /** Asks something that changes nothing. Throws Failure. */
  async ask<T>(make: (manager: ProviderManager, call: Call) => Promise<T>): Promise<T> {
    const manager = this.#managing();
    try {
      return await this.#call((call) => make(manager, call));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** Changes something, and does not try again by itself: it may have been done. Throws Failure. */
  async change<T>(make: (manager: ProviderManager, call: Call) => Promise<T>): Promise<T> {
    const manager = this.#managing();
    try {
      return await this.#call((call) => make(manager, call), 1);
    } catch (error) {
      if (!(error instanceof ProviderError) || error.concernsCertificate) throw this.#explained(error);
      const { title } = this.source;
      throw new Failure(`${title}: ${error.message} Whether anything was changed, remote list tells.`);
    }
  }

  #managing(): ProviderManager {
    if (this.#manager === undefined) throw this.#unsupported();
    return this.#manager;
  }

  #unsupported(): Failure {
    return new Failure(`${this.source.title}: the API of this cloud has no operation for that.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.close();
  }

  /** Makes a call when it is its turn, and again when the provider asks to come back soon. */
  async #call<T>(make: (call: Call) => Promise<T>, times = patience.times): Promise<T> {
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
        if (attempt >= times || ms > patience.ms) throw error;
        await setTimeout(ms);
      }
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof ProviderError)) return error;
    return new Failure(`${this.source.title}: ${error.message}`, error.concernsCertificate ? 1 : 2);
  }
}
