import type { Bench } from '../bench.ts';
import { besideFloor, floorOf, floorRatios } from '../floor.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';

/** New certificates on one account of an operator that is at rest, and how that compares with the floor. */
export async function burst(bench: Bench, subject: Subject): Promise<Run[]> {
  const runs: Run[] = [];
  for (const n of bench.sizes.burst) {
    const { values, requests } = await one(bench, subject, n);
    const floor = await floorOf(bench, n);
    const ratios = floorRatios(floor, values.ready100S ?? NaN);
    runs.push({ subject: subject.name, n, values: { ...values, ...besideFloor(floor), ...ratios }, requests });
  }
  return runs;
}

async function one(bench: Bench, subject: Subject, n: number): Promise<Pick<Run, 'values' | 'requests'>> {
  bench.say(`${n} new certificates`);
  await using stage = await Stage.start(bench, subject, { certificates: n });
  return await newcomers(stage, stage.wanted(n));
}
