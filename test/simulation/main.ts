/**
 * Runs the operator on virtual time, against models of the API server and of a cloud, with everything going wrong that a
 * seed has in store: `npm run test:simulate -- --seeds 10000 --from 1`. A seed that fails prints the one line that replays
 * it, with its story: `npm run test:simulate -- --seed 4711`.
 */
import { availableParallelism, constants, setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createPool } from './pool.ts';
import { type Outcome, simulate } from './simulate.ts';

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
    },
  });
  if (values.seed !== undefined) await replay(Number(values.seed));
  else await runAll(Number(values.from), Number(values.seeds));
} else {
  const { from, step, end } = workerData as { from: number; step: number; end: number };
  const pool = await createPool();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  for (let seed = from; seed < end; seed += step) parentPort?.postMessage(await simulate(pool, seed));
}

async function replay(seed: number): Promise<void> {
  const { violation, story, steps } = await simulate(await createPool(), seed);
  for (const line of story) console.log(line);
  console.log(violation ?? 'all promises held', steps);
  process.exitCode = violation === undefined ? 0 : 1;
}

async function runAll(first: number, count: number): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW); // it takes what others leave
  const workers = availableParallelism();
  const sums: Outcome['steps'] = { secretWrites: 0, statusWrites: 0, lists: 0, downloads: 0, operators: 0 };
  let failed = 0;
  const note = ({ seed, violation, steps }: Outcome): void => {
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += steps[key];
    if (violation === undefined) return;
    failed++;
    if (failed <= 10) console.log(`npm run test:simulate -- --seed ${seed}   # ${violation}`);
  };
  const began = Date.now();
  await Promise.all(
    Array.from({ length: workers }, (_, index) => {
      const data = { from: first + index, step: workers, end: first + count };
      const worker = new Worker(new URL(import.meta.url), { workerData: data });
      worker.on('message', note);
      return new Promise<void>((resolve, reject) => worker.on('exit', () => resolve()).on('error', reject));
    }),
  );
  const seconds = Math.round((Date.now() - began) / 1_000);
  console.log(`${count} seeds from ${first}, ${failed} failed, ${seconds} s:`, sums);
  process.exitCode = failed === 0 ? 0 : 1;
}
