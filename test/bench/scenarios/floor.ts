import type { Bench } from '../bench.ts';
import { besideFloor, floorOf } from '../floor.ts';
import type { Run } from '../measures.ts';

/** The floors alone; nothing when they were shown already, beside what was measured. */
export async function floor(bench: Bench): Promise<Run[]> {
  const runs: Run[] = [];
  for (const n of bench.sizes.burst.filter((size) => !bench.floors.has(size)))
    runs.push({ subject: 'floor', n, values: besideFloor(await floorOf(bench, n)), requests: {} });
  return runs;
}
