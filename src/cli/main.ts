/** `pcert`, and `kubectl pcert` when it is called `kubectl-pcert` on the PATH. Wiring only. */
import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { buffer } from 'node:stream/consumers';
import { run } from './program.ts';

/** Put in by the build. */
declare const PCERT_VERSION: string;
const version = typeof PCERT_VERSION === 'string' ? PCERT_VERSION : 'unbuilt';

// Whoever reads may have seen enough, as `head` has.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(question);
  using lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return ''; // Ctrl-D
}

// Waiting for a turn must not look like having nothing to do: timers of the clock do not keep the process alive.
const alive = setInterval(() => {}, 60_000);
process.exitCode = await run(
  process.argv.slice(2),
  {
    name: basename(process.argv[1] ?? '').startsWith('kubectl-') ? 'kubectl pcert' : 'pcert',
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    now: () => Date.now(),
    input: () => buffer(process.stdin),
    ask,
  },
  version,
);
clearInterval(alive);
