import type { Bench } from '../bench.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { restarted } from '../restarted.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';

/** An operator that is started when everything is in order already. */
export async function restart(bench: Bench, subject: Subject): Promise<Run[]> {
  const n = bench.sizes.certificates;
  await using stage = await Stage.start(bench, subject, { certificates: n });
  await newcomers(stage, stage.wanted(n));
  return [{ subject: subject.name, n, ...(await restarted(stage)) }];
}
