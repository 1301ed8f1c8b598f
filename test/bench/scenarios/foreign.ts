import { randomBytes } from 'node:crypto';

import type { Bench } from '../bench.ts';
import { quantile, type Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { parallel } from '../parallel.ts';
import { restarted } from '../restarted.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';

const bytes = 4_096;
/** The memory of one start may differ from the next by more than what is looked for. */
const restarts = 3;

/** What Secrets cost in memory that are none of the operator's business. */
export async function foreign(bench: Bench, subject: Subject): Promise<Run[]> {
  const { certificates: n, foreign: count } = bench.sizes;
  await using stage = await Stage.start(bench, subject, { certificates: n });
  await newcomers(stage, stage.wanted(n));
  const without = await memories(stage);
  bench.say(`${count} foreign Secrets`);
  const { values, requests } = await stage.measure(async () => {
    await createSecrets(stage, count);
    await stage.quiet();
  });
  const beside = await memories(stage);
  const [rssRestartedMiB, rssForeignMiB] = [quantile(without, 0.5), quantile(beside, 0.5)];
  return [
    {
      subject: subject.name,
      n,
      note: `beside ${count.toLocaleString('en')}`,
      requests,
      values: {
        ...values,
        rssRestartedMiB,
        rssRestartedSpreadMiB: Math.max(...without) - Math.min(...without),
        rssForeignMiB,
        rssForeignSpreadMiB: Math.max(...beside) - Math.min(...beside),
        rssGrowthMiB: rssForeignMiB - rssRestartedMiB,
      },
    },
  ];
}

async function createSecrets(stage: Stage, count: number): Promise<void> {
  await stage.namespaces(['foreign']);
  const value = randomBytes(bytes).toString('base64');
  await parallel(count, (index) =>
    stage.collections.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'foreign', name: `foreign-${index}` },
      data: { value },
    }),
  );
}

/** After some restarts each, when the subject is at rest; in MiB. */
async function memories(stage: Stage): Promise<number[]> {
  const found: number[] = [];
  for (let start = 0; start < restarts; start++) found.push((await restarted(stage)).values.rssMiB ?? NaN);
  return found;
}
