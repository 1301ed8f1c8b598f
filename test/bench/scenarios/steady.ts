import type { Bench } from '../bench.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';
import { undisturbed } from '../undisturbed.ts';

/** Everything is in order and stays so, and the provider is asked for news every 10 s. */
export async function steady(bench: Bench, subject: Subject): Promise<Run[]> {
  const { certificates: n, steadyS } = bench.sizes;
  await using stage = await Stage.start(bench, subject, { certificates: n, pollInterval: '10s' });
  await newcomers(stage, stage.wanted(n));
  return [{ subject: subject.name, n, note: `for ${steadyS} s`, ...(await undisturbed(stage, steadyS)) }];
}
