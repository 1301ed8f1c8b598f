import type { Bench } from '../bench.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { restarted } from '../restarted.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';
import { undisturbed } from '../undisturbed.ts';

/** How time, CPU and memory grow: new certificates, then a restart, then nothing but polls. */
export async function scale(bench: Bench, subject: Subject): Promise<Run[]> {
  const runs: Run[] = [];
  for (const n of bench.sizes.scale) runs.push(await one(bench, subject, n));
  return runs;
}

async function one(bench: Bench, subject: Subject, n: number): Promise<Run> {
  bench.say(`${n} certificates`);
  await using stage = await Stage.start(bench, subject, { certificates: n, pollInterval: '10s' });
  const { values, requests } = await newcomers(stage, stage.wanted(n));
  const { verifiedS, rssMiB: rssRestartedMiB } = (await restarted(stage)).values;
  const { cpuPerMinuteS } = (await undisturbed(stage, bench.sizes.idleS)).values;
  const later = { verifiedS, rssRestartedMiB, cpuPerMinuteS };
  const known = Object.fromEntries(Object.entries(later).filter(([, value]) => value !== undefined));
  return { subject: subject.name, n, requests, values: { ...values, ...known } };
}
