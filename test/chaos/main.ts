/**
 * Faults of all kinds, by a seed, while two operators keep thirty certificates. An observer checks every version of every
 * Secret; in the end everything must be as it would be without any fault.
 *
 *   npm run test:chaos -- --seed N --minutes M [--faults 200]
 */
import { parseArgs } from 'node:util';

import { assemble } from './cast.ts';
import { planOf, rage, settle } from './chaos.ts';
import { Random } from './random.ts';
import { pollSeconds, Stage } from './stage.ts';
import { weights } from './steps.ts';

/** Three polls after the last fault everything has to be as it should be. */
const patienceMs = 3 * pollSeconds * 1_000;
/** Nobody is in a hurry at the beginning. */
const startMs = 180_000;

/** Thirty, by namespace. */
const sizes = {
  'chaos-a': { nhn: 7, cluster: 0, tokens: 2, scp: 4, naver: 3 },
  'chaos-b': { nhn: 0, cluster: 5, tokens: 3, scp: 3, naver: 3 },
};

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    minutes: { type: 'string', default: '3' },
    faults: { type: 'string', default: '200' },
  },
});
const [seed, minutes, faults] = [values.seed, values.minutes, values.faults].map(Number) as [number, number, number];
const replay = `npm run test:chaos -- --seed ${seed} --minutes ${minutes} --faults ${faults}`;
// What was started ends with this process, however that ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** @returns the exit code */
async function main(): Promise<number> {
  await using stage = await Stage.start({ replicas: 2 });
  const random = new Random(seed);
  const cast = await assemble(stage, random.fork(), sizes);
  for (const { replica } of stage.seats) replica.start();
  const before = await settle(cast, { limitMs: startMs });
  if (before.problems.length > 0) throw new Error(`It did not even begin well:\n${before.problems.join('\n')}`);

  const ms = minutes * 60_000;
  const done = await rage(cast, planOf(random, { count: faults, ms, weights }), { ms });
  const after = await settle(cast, { limitMs: patienceMs });
  const violations = [...after.problems, ...(await stage.conclude())];

  const count = Object.values(done).reduce((sum, times) => sum + times, 0);
  const kinds = Object.entries(done).map(([name, times]) => `${times} ${name}`);
  const lives = stage.seats.reduce((sum, { replica }) => sum + replica.lives, 0);
  console.log(
    `chaos: seed ${seed}, ${count} faults in ${minutes} min (${kinds.join(', ')}); ${lives} lives of 2 operators; ` +
      `${stage.observer.summary}; all as it should be after ${(after.ms / 1_000).toFixed(1)} s; ${violations.length} violations`,
  );
  if (violations.length === 0) return 0;
  for (const violation of violations) console.log(`  ${violation}`);
  console.log(`What the operators logged is in ${await stage.keepLogs(`chaos-${seed}`)}\nAgain: ${replay}`);
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error);
  console.error(`Again: ${replay}`);
  process.exitCode = 1;
}
