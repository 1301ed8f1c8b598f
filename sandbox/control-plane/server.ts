import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { ProcessGroup, Running } from './processes.ts';

/** Seconds are enough on an idle machine. */
const readyMs = 120_000;

/** Somebody else took the port between its choice and its use. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

interface ServerOptions {
  name: string;
  file: string;
  args: readonly string[];
  group: ProcessGroup;
  ready: () => Promise<boolean>;
  log: (line: string) => void;
}

/** A program of the control plane, which can be killed and started again. */
export class Server {
  readonly #o: ServerOptions;
  readonly #output: string;
  #running: Running | undefined;

  constructor(o: ServerOptions) {
    this.#o = o;
    this.#output = join(o.group.directory, `${o.name}.log`);
  }

  /**
   * Resolves when it is ready.
   * @throws PortTakenError, or an error with the last lines of its log when it ends or is not ready in time
   */
  async start(): Promise<void> {
    const { name, file, args, group, ready } = this.#o;
    const running = await group.spawn({ file, args, log: this.#output });
    this.#running = running;
    for (const end = Date.now() + readyMs; !(await ready()); await setTimeout(25)) {
      if (running.exit) {
        const last = await this.#lastLines(5);
        if (last.includes('address already in use')) throw new PortTakenError(`${name}: ${last}`);
        throw new Error(`${name} ended before it was ready:\n${last}`);
      }
      if (Date.now() > end) throw new Error(`${name} was not ready in time:\n${await this.#lastLines(5)}`);
    }
    void this.#reportEnd(running);
  }

  /** Does nothing when it does not run. */
  async kill(): Promise<void> {
    this.#running?.kill('SIGKILL');
    await this.#running?.exited;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running?.kill(signal);
  }

  async #reportEnd({ exited }: Running): Promise<void> {
    const { signal } = await exited;
    // SIGKILL is how it is stopped.
    if (signal !== 'SIGKILL') this.#o.log(`${this.#o.name} has ended: ${await this.#lastLines(1)}`);
  }

  async #lastLines(count: number): Promise<string> {
    const text = await readFile(this.#output, 'utf8').catch(() => '');
    return text.trim().split('\n').slice(-count).join('\n');
  }
}
