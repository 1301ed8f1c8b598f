import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Exit, Report, StartRequest } from './supervisor.ts';

export type { Exit } from './supervisor.ts';

/** A process that is running, or was. */
export interface Running {
  readonly pid: number;
  /** Resolves when it has ended, never rejects. */
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  /** Signals the process and its children; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void;
}

interface Child {
  pid: number | undefined;
  exit: Exit | undefined;
  started: PromiseWithResolvers<number>;
  ended: PromiseWithResolvers<Exit>;
}

/**
 * Processes and one temporary folder that end together: by `end()`, or when this process ends in any way at all,
 * `kill -9` included. See supervisor.ts for how.
 */
export class ProcessGroup implements AsyncDisposable {
  readonly directory: string;
  readonly #supervisor: ChildProcess;
  readonly #children = new Map<number, Child>();

  private constructor(supervisor: ChildProcess, directory: string) {
    this.#supervisor = supervisor;
    this.directory = directory;
    supervisor.on('message', (report: Report) => this.#absorb(report));
    supervisor.on('exit', () => this.#lost());
  }

  /** @param prefix path and beginning of the name of the temporary folder */
  static async start(prefix = join(tmpdir(), 'provider-certificates-')): Promise<ProcessGroup> {
    const supervisor = fork(join(import.meta.dirname, 'supervisor.ts'), [prefix], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const first = await Promise.race([
      once(supervisor, 'message').then(([report]) => report as Report),
      once(supervisor, 'exit').then(() => undefined),
    ]);
    if (first?.type !== 'ready') throw new Error(`No process can be supervised below ${prefix}`);
    return new ProcessGroup(supervisor, first.directory);
  }

  /**
   * Starts a process; its output is appended to the file `log`.
   * @throws when it cannot be started
   */
  async spawn(o: {
    file: string;
    args: readonly string[];
    log: string;
    cwd?: string;
    env?: NodeJS.ProcessEnv;
  }): Promise<Running> {
    const id = this.#children.size;
    const child: Child = {
      pid: undefined,
      exit: undefined,
      started: Promise.withResolvers(),
      ended: Promise.withResolvers(),
    };
    this.#children.set(id, child);
    const request: StartRequest = { cwd: this.directory, env: process.env, ...o, id };
    this.#supervisor.send(request, (error) => error && child.started.reject(error));
    return {
      pid: await child.started.promise,
      exited: child.ended.promise,
      get exit() {
        return child.exit;
      },
      kill: (signal) => kill(child, signal),
    };
  }

  /** Kills what still runs, removes the folder, and resolves when all of it is gone. */
  async end(): Promise<void> {
    if (this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null) return;
    const exited = once(this.#supervisor, 'exit');
    if (this.#supervisor.connected) this.#supervisor.disconnect();
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  #absorb(report: Report): void {
    if (report.type === 'ready') return;
    const child = this.#children.get(report.id)!;
    if (report.type === 'refused') {
      child.started.reject(new Error(report.message));
    } else if (report.type === 'started') {
      child.pid = report.pid;
      child.started.resolve(report.pid);
    } else {
      ended(child, report.exit);
    }
  }

  /** It has killed all before it ended, unless somebody killed it first. */
  #lost(): void {
    for (const child of this.#children.values()) {
      kill(child, 'SIGKILL');
      child.started.reject(new Error('The group of processes has ended'));
      child.started.promise.catch(() => {});
      ended(child, { code: null, signal: 'SIGKILL' });
    }
  }
}

function ended(child: Child, exit: Exit): void {
  child.exit ??= exit;
  child.ended.resolve(child.exit);
}

function kill({ pid, exit }: Child, signal: NodeJS.Signals): void {
  if (pid === undefined || exit) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Ended a moment ago, and the report of it is still on its way.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
