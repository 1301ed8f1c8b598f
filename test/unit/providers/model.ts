import { type Clock, sleep } from '../../../src/clock.ts';
import { ProviderError, type ProviderReason } from '../../../src/providers/errors.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { ProviderManager } from '../../../src/providers/manager.ts';
import type { Call, ProviderClient } from '../../../src/providers/provider.ts';

/** A provider on a manual clock: what it holds, how long it takes, how it fails, and what it was asked for when. */
export class ModelProvider implements ProviderClient {
  entries: InventoryEntry[] = [];
  latencyMs = 0;
  bundle = (id: string): string => `bundle of ${id}`;
  /** Why the next request fails, if it does. */
  fault: (request: Request) => ProviderError | undefined = () => undefined;
  readonly requests: Request[] = [];
  /** Takes what it is given, and lists it from then on. */
  readonly manager: ProviderManager = {
    names: { pattern: /./, means: 'any text', longest: 100 },
    filters: [],
    list: (call) => this.list(call),
    isNameFree: async () => true,
    create: async ({ name }) => {
      this.requests.push({ operation: 'create', id: name, at: this.#clock.now() });
      const entry = { id: name, name, revision: '1' };
      this.entries = [...this.entries, entry];
      return entry;
    },
    delete: async () => {},
  };
  running = 0;
  maxRunning = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async list(call: Call): Promise<InventoryEntry[]> {
    const entries = [...this.entries];
    return this.#serve({ operation: 'list' }, call, () => entries);
  }

  async download({ id }: InventoryEntry, call: Call): Promise<Uint8Array[]> {
    return this.#serve({ operation: 'download', id }, call, () => [Buffer.from(this.bundle(id))]);
  }

  asked(operation: Request['operation']): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  async #serve<T>(what: Omit<Request, 'at'>, { signal }: Call, give: () => T): Promise<T> {
    const request = { ...what, at: this.#clock.now() };
    this.requests.push(request);
    this.running++;
    this.maxRunning = Math.max(this.maxRunning, this.running);
    try {
      const error = this.fault(request);
      if (this.latencyMs > 0) await sleep(this.#clock, this.latencyMs, signal);
      if (error) throw error;
      return give();
    } finally {
      this.running--;
    }
  }
}

export interface Request {
  operation: 'list' | 'download' | 'create';
  id?: string;
  at: number;
}

export function failure(reason: ProviderReason, retryAfterMs?: number): ProviderError {
  return new ProviderError({ reason, message: `A model of ${reason}.`, retryAfterMs });
}
