/** `npm run bench`: measures the operator, and peers beside it. See docs/performance.md. */
import { appendFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { ProcessGroup } from '../../sandbox/control-plane/processes.ts';
import { buildOperator } from '../../scripts/build.ts';
import type { Bench } from './bench.ts';
import { Cloud } from './cloud.ts';
import type { Run } from './measures.ts';
import { type Options, parseOptions, usage } from './options.ts';
import { Ours } from './ours.ts';
import { readPeer } from './peer.ts';
import { jsonLine, table } from './report.ts';
import { scenarios } from './scenarios/index.ts';
import { sizesOf } from './sizes.ts';
import type { Subject } from './subject.ts';

/** `spec.limits.inFlight` when nobody sets it. */
const defaultInFlight = 64;

/** @returns the exit code */
async function main(options: Options): Promise<number> {
  const { latencyMs, inFlight, concurrency, peer, profile } = options;
  await using owned = new AsyncDisposableStack();
  const file = options.operator ?? (await builtIn(owned.use(await ProcessGroup.start())));
  const subjects: Subject[] = [new Ours({ file, concurrency, inFlight, profile })];
  if (peer !== undefined) subjects.push(await readPeer(peer));
  const bench: Bench = {
    cloud: owned.use(await Cloud.start()),
    sizes: sizesOf(options.n),
    latencyMs,
    inFlight: inFlight ?? defaultInFlight,
    floors: new Map(),
    say: (line) => console.error(`${new Date().toISOString().slice(11, 19)}   ${line}`),
  };
  const circumstances = { latencyMs, inFlight, concurrency, cpus: availableParallelism(), node: process.version };
  let failed = 0;
  for (const name of options.only ?? Object.keys(scenarios)) {
    const { runs, complete } = await runsOf(bench, name, subjects);
    if (!complete) failed++;
    if (runs.length === 0) continue;
    const line = jsonLine(name, { at: new Date().toISOString(), ...circumstances }, runs);
    console.log(`\n${table(name, runs)}\n\n${line}\n`);
    if (options.json !== undefined) await appendFile(options.json, `${line}\n`);
  }
  return failed === 0 ? 0 : 1;
}

/** What one subject does not bring to an end does not keep the others from it. */
async function runsOf(
  bench: Bench,
  name: string,
  subjects: readonly Subject[],
): Promise<{ runs: Run[]; complete: boolean }> {
  const runs: Run[] = [];
  let complete = true;
  for (const subject of subjects) {
    bench.say(`${name}: ${subject.name}`);
    try {
      runs.push(...((await scenarios[name]?.(bench, subject)) ?? []));
    } catch (error) {
      complete = false;
      console.error(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { runs, complete };
}

/** The operator as the sources are now, in the folder of the group. */
async function builtIn({ directory }: ProcessGroup): Promise<string> {
  const file = join(directory, 'operator.mjs');
  await buildOperator(file);
  return file;
}

/** Everything that was started ends with this process. */
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

try {
  const options = parseOptions(process.argv.slice(2), Object.keys(scenarios));
  if (options.help) console.log(usage);
  else process.exitCode = await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
