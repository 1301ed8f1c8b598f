import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { inject } from 'vitest';

import { freePort } from '../../sandbox/control-plane/port.ts';
import { type Exit, ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { eventually } from './eventually.ts';
import { runFolders } from './run.ts';

/** The operator as users run it: the built file, in a process of its own, that ends with the test at the latest. */
export interface Operator extends AsyncDisposable {
  readonly pid: number;
  /** Where it serves `/metrics`, `/healthz` and `/readyz`. */
  readonly url: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** What it has logged so far, at debug level, one object per line. */
  logs(): Promise<Record<string, unknown>[]>;
  /** The same as it is written, each line as its text. */
  rawLogs(): Promise<string[]>;
  metrics(): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Exit>;
  /** `kill -9` */
  kill(): Promise<void>;
}

/**
 * Starts the operator and waits until it is ready.
 * @param args more flags
 * @param env more of its environment
 * @param ready false: return at once, for an operator that cannot become ready
 */
export async function startOperator({
  kubeconfig = inject('kubeconfig'),
  args = [],
  env = {},
  ready = true,
}: {
  kubeconfig?: string;
  args?: readonly string[];
  env?: Record<string, string>;
  ready?: boolean;
} = {}): Promise<Operator> {
  const folders = runFolders(inject('runDirectory'));
  const group = await ProcessGroup.start();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = join(folders.logs, `${randomBytes(4).toString('hex')}.log`);
  const flags = [`--kubeconfig=${kubeconfig}`, `--listen-address=127.0.0.1:${port}`, '--log-level=debug'];
  const { pid, exited, kill } = await group.spawn({
    file: process.execPath,
    args: [folders.operator, ...flags, ...args],
    env: { PATH: process.env['PATH'], HOME: group.directory, ...env },
    log,
  });
  const operator: Operator = {
    pid,
    url,
    exited,
    async logs() {
      const lines = (await readFile(log, 'utf8')).split('\n');
      return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    rawLogs: async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== ''),
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    signal: kill,
    async stop() {
      kill('SIGTERM');
      const exit = await exited;
      await group.end();
      return exit;
    },
    kill: () => group.end(),
    [Symbol.asyncDispose]: () => group.end(),
  };
  if (ready) await untilReady(operator, log);
  return operator;
}

async function untilReady(operator: Operator, log: string): Promise<void> {
  const ended = operator.exited.then(async ({ code, signal }) => {
    const last = (await readFile(log, 'utf8')).trim().split('\n').slice(-10).join('\n');
    throw new Error(`The operator ended (${signal ?? `exit code ${code}`}) before it was ready:\n${last}`);
  });
  const ready = eventually(async () => {
    const { status } = await fetch(`${operator.url}/readyz`);
    if (status !== 200) throw new Error(`The operator is not ready: ${status}, see ${log}`);
  });
  try {
    await Promise.race([ready, ended]);
  } catch (error) {
    await operator.kill();
    throw error;
  } finally {
    ended.catch(() => {});
    ready.catch(() => {});
  }
}
