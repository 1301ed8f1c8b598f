/**
 * The process that owns everything a ProcessGroup starts. It lives in a session of its own, so neither Ctrl-C nor a
 * signal to its parent's group reaches it; its channel to the parent closes when the parent ends, however that ends
 * (`kill -9` included). Then it kills every process it started with all their children, removes the folder and goes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';

/** parent -> supervisor */
export interface StartRequest {
  id: number;
  file: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** File that stdout and stderr are appended to. */
  log: string;
}

/** How a process ended; `code` is null when a signal ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** supervisor -> parent */
export type Report =
  | { type: 'ready'; directory: string }
  | { type: 'started'; id: number; pid: number }
  | { type: 'refused'; id: number; message: string }
  | { type: 'ended'; id: number; exit: Exit };

const directory = mkdtempSync(process.argv[2]!);
const running = new Set<ChildProcess>();
let ending = false;

process.on('message', start);
process.on('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
report({ type: 'ready', directory });

function start(request: StartRequest): void {
  if (ending) return;
  const { id } = request;
  try {
    const child = spawnLogged(request);
    child.once('error', (error) => report({ type: 'refused', id, message: error.message }));
    if (child.pid === undefined) return;
    running.add(child);
    report({ type: 'started', id, pid: child.pid });
    child.once('exit', (code, signal) => {
      running.delete(child);
      report({ type: 'ended', id, exit: { code, signal } });
      if (ending) leave();
    });
  } catch (error) {
    report({ type: 'refused', id, message: (error as Error).message });
  }
}

function spawnLogged({ file, args, cwd, env, log }: StartRequest): ChildProcess {
  const output = openSync(log, 'a', 0o600);
  try {
    // `detached` makes it the leader of a group of its own: its children can be killed with it.
    return spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', output, output] });
  } finally {
    closeSync(output);
  }
}

function end(): void {
  if (ending) return;
  ending = true;
  for (const child of running) kill(child.pid!);
  leave();
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended a moment ago; its 'exit' is on the way.
  }
}

/** The folder goes last, when nobody writes to it any more: who sees it gone knows that all is gone. */
function leave(): void {
  if (running.size > 0) return;
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

function report(message: Report): void {
  if (process.connected) process.send!(message, () => {});
}
