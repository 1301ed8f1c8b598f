/**
 * One operator with 500 certificates, with rotations and faults all the time: it must not grow.
 *
 *   npm run test:soak -- --minutes 20 [--seed N]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { render } from '../../sandbox/table.ts';
import { assemble } from '../chaos/cast.ts';
import { planOf, rage, settle } from '../chaos/chaos.ts';
import { Random } from '../chaos/random.ts';
import { Stage } from '../chaos/stage.ts';
import type { StepName } from '../chaos/steps.ts';
import { type Measure, type Sample, medianOf, mostOf, sampleOf } from './samples.ts';

/** A hundred in each of five namespaces. */
const sizes = Object.fromEntries(
  [0, 1, 2, 3, 4].map((index) => [`soak-${index}`, { nhn: 50, cluster: 10, tokens: 10, scp: 15, naver: 15 }]),
);
const everySecond = 2;
/** The operator is to live through all of it. */
const weights: Partial<Record<StepName, number>> = {
  rotate: 100,
  'cloud-fault': 8,
  'clock-skew': 1,
  'tokens-revoked': 1,
  'wrong-credentials': 1,
  'no-provider': 1,
  'delete-secret': 8,
  'edit-secret': 8,
  'delete-certificate': 8,
  'patch-certificate': 8,
  'suspend-certificate': 4,
  'refresh-certificate': 8,
  'kill-server': 0.2,
  'freeze-server': 0.2,
  refuse: 4,
  delay: 2,
  'lose-calls': 3,
  'lose-answers': 3,
  'cut-watches': 2,
  'silence-watches': 1,
  'garble-watches': 2,
};

/** Until caches are filled, code is compiled and pools have their size; part of the whole time. */
const warmUp = 0.25;
/** By how much each may grow from the rest after the warm-up to the one at the end, and the most that it may ever be. */
const tolerance: Record<Measure, { growth: number; most: number }> = {
  rssMiB: { growth: 24, most: 400 },
  heapMiB: { growth: 16, most: 200 },
  fds: { growth: 8, most: 512 },
  handles: { growth: 8, most: 256 },
  delayMs: { growth: 50, most: 500 },
};
const patienceMs = 300_000;
const betweenMs = 5_000;
/** Until connections that nobody uses are closed: faults leave more of them one time than another. */
const closingMs = 60_000;
/** As long as is looked at when nothing happens. */
const restMs = 60_000;

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, minutes: { type: 'string', default: '20' } },
});
const [seed, minutes] = [values.seed, values.minutes].map(Number) as [number, number];
// What was started ends with this process, however that ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** @returns the exit code */
async function main(): Promise<number> {
  await using stage = await Stage.start({ replicas: 1 });
  const random = new Random(seed);
  const cast = await assemble(stage, random.fork(), sizes);
  const [seat] = stage.seats;
  if (seat === undefined) throw new Error('there is one operator');
  seat.replica.start();
  const before = await settle(cast, { limitMs: patienceMs });
  if (before.problems.length > 0) throw new Error(`It did not even begin well:\n${before.problems.join('\n')}`);

  const samples: Sample[] = [];
  const sampling = new AbortController();
  const sampled = collect(seat.url, samples, sampling.signal);
  const done: Partial<Record<StepName, number>> = {};
  const problems: string[] = [];
  /** Faults for a while, and then rest. @returns samples of the rest */
  const stretch = async (part: number): Promise<Sample[]> => {
    const ms = minutes * 60_000 * part;
    const plan = planOf(random, { count: Math.round((ms / 1_000) * everySecond), ms, weights });
    for (const [name, times] of Object.entries(await rage(cast, plan, { ms })))
      done[name as StepName] = (done[name as StepName] ?? 0) + times;
    const after = await settle(cast, { limitMs: patienceMs });
    console.log(`soak: ${part * minutes} min are over; all as it should be ${(after.ms / 1_000).toFixed(1)} s later`);
    problems.push(...after.problems);
    await sleep(closingMs);
    const from = samples.length;
    await sleep(restMs);
    return samples.slice(from);
  };
  const warm = await stretch(warmUp);
  const end = await stretch(1 - warmUp);
  sampling.abort();
  await sampled;
  problems.push(...(await stage.conclude()), ...judge(samples, warm, end));
  if (seat.replica.lives > 1) problems.push(`the operator was started ${seat.replica.lives} times`);

  const { rotate = 0, ...faults } = done;
  const count = Object.values(faults).reduce((sum, times) => sum + times, 0);
  console.log(
    `soak: seed ${seed}, ${cast.subjects.length} certificates for ${minutes} min, ${rotate} rotations, ${count} faults; ` +
      `${stage.observer.summary}; ${problems.length} problems`,
  );
  if (problems.length === 0) return 0;
  for (const problem of problems) console.log(`  ${problem}`);
  console.log(`What the operator logged is in ${await stage.keepLogs(`soak-${seed}`)}`);
  return 1;
}

async function collect(url: string, samples: Sample[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text());
    samples.push(sampleOf(metrics, Date.now()));
    await sleep(betweenMs, undefined, { signal }).catch(() => {});
  }
}

/** Prints what was measured. @returns what grew beyond tolerance, a line each */
function judge(samples: readonly Sample[], warm: readonly Sample[], end: readonly Sample[]): string[] {
  const problems: string[] = [];
  const rows = (Object.keys(tolerance) as Measure[]).map((measure) => {
    const { growth, most } = tolerance[measure];
    const [before, after] = [medianOf(warm, measure), medianOf(end, measure)];
    const highest = mostOf(samples, measure);
    if (after - before > growth)
      problems.push(`${measure} grew by ${(after - before).toFixed(1)}, more than ${growth}`);
    if (highest > most) problems.push(`${measure} was ${highest.toFixed(1)} once, more than ${most}`);
    return [
      measure,
      ...[samples[0]?.[measure] ?? NaN, before, after, growth, highest, most].map((cell) => cell.toFixed(1)),
    ];
  });
  console.log(
    render(['', 'start', 'rest after warm-up', 'rest at the end', 'allowed growth', 'highest', 'allowed'], rows),
  );
  return problems;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
