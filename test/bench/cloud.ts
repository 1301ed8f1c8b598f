import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import type { Counters } from '../../sandbox/providers/simulator.ts';
import type { Call, Endpoint, OpenRequest, ProviderCalls, Renewal, Reply } from './provider.ts';

/** A simulated NHN Cloud in another process; see provider.ts for what it does. */
export class Cloud implements ProviderCalls, AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: Reply) => this.#settle(reply));
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error('The process of the simulated cloud has ended'));
    });
  }

  static async start(): Promise<Cloud> {
    const child = fork(join(import.meta.dirname, 'provider.ts'), { execArgv: [], stdio: ['ignore', 2, 2, 'ipc'] });
    await once(child, 'spawn');
    return new Cloud(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  open(request: OpenRequest): Promise<Endpoint> {
    return this.#call('open', request);
  }

  renew(names: string[]): Promise<Renewal> {
    return this.#call('renew', names);
  }

  noticed(): Promise<Record<string, number>> {
    return this.#call('noticed');
  }

  counters(): Promise<Counters> {
    return this.#call('counters');
  }

  resetCounters(): Promise<void> {
    return this.#call('resetCounters');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #call<T>(name: keyof ProviderCalls, argument?: unknown): Promise<T> {
    const id = ++this.#calls;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const call: Call = { id, name, argument };
    this.#child.send(call, (error) => error && waiting.reject(error));
    return waiting.promise as Promise<T>;
  }

  #settle({ id, value, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`The simulated cloud: ${error}`));
  }
}
