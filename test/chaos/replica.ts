import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Exit, ProcessGroup, Running } from '../../sandbox/control-plane/processes.ts';

import { entryPoint } from '../support/image.ts';

interface ReplicaOptions {
  name: string;
  group: ProcessGroup;
  /** The built operator, and its flags. */
  args: readonly string[];
  /** Folder for what it logs, a file for each life. */
  logs: string;
}

interface LogLine {
  level?: string;
  msg?: string;
  err?: { reason?: string };
}

/** An operator that is started again whenever it ends, as a Deployment would do it. */
export class Replica {
  readonly name: string;
  /** What no operator may do, a line each. */
  readonly problems: string[] = [];
  readonly #o: ReplicaOptions;
  #running: Running | undefined;
  #lives = 0;
  /** Signals that this life was sent. */
  #sent = new Set<NodeJS.Signals>();
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(o: ReplicaOptions) {
    this.name = o.name;
    this.#o = o;
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  start(): void {
    this.#ended = this.#keepAlive();
  }

  signal(signal: NodeJS.Signals): void {
    this.#sent.add(signal);
    this.#running?.kill(signal);
  }

  /** SIGTERM, and nothing afterwards. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await this.#ended;
  }

  async #keepAlive(): Promise<void> {
    const { name, group, args, logs } = this.#o;
    while (!this.#stopping) {
      const log = join(logs, `${name}-${++this.#lives}.log`);
      this.#sent = new Set();
      this.#running = await group.spawn({
        file: process.execPath,
        args,
        env: { PATH: process.env['PATH'], HOME: group.directory, ...entryPoint.env },
        log,
      });
      if (this.#stopping) this.signal('SIGTERM');
      const exit = await this.#running.exited;
      this.#judge(exit, linesOf(await readFile(log, 'utf8')));
      await sleep(300);
    }
  }

  /** To end when told to, or for a lost lease, is in order, and so is everything that is not logged as an error. */
  #judge({ code, signal }: Exit, lines: readonly LogLine[]): void {
    const lostLease = lines.at(-1)?.err?.reason === 'LeaseLost';
    const expected =
      (signal !== null && this.#sent.has(signal)) ||
      (code === 0 && this.#sent.has('SIGTERM')) ||
      (code === 1 && lostLease);
    const life = `${this.name}, life ${this.#lives}`;
    if (!expected) this.problems.push(`${life}, ended with ${signal ?? `exit code ${code}`}`);
    const loud = lines.filter(
      ({ level, err }) => level === 'error' || (level === 'fatal' && err?.reason !== 'LeaseLost'),
    );
    for (const { msg } of loud) this.problems.push(`${life}, logged an error: ${msg}`);
  }
}

/** Whoever is killed may leave half a line. */
function linesOf(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [];
    }
  });
}
