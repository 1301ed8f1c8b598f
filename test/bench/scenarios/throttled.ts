import type { Bench } from '../bench.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';

/** New certificates at a provider that answers 429 when it is asked too often. */
export async function throttled(bench: Bench, subject: Subject): Promise<Run[]> {
  const { certificates: n, perSecond } = bench.sizes;
  await using stage = await Stage.start(bench, subject, { certificates: n, perSecond });
  const { values, requests } = await newcomers(stage, stage.wanted(n));
  const { downloads = 0, lists = 0, limited = 0 } = values;
  const floorProviderS = n / perSecond;
  return [
    {
      subject: subject.name,
      n,
      note: `at ${perSecond}/s`,
      requests,
      values: {
        ...values,
        limitedPercent: (limited / (limited + downloads + lists)) * 100,
        floorProviderS,
        floorRatio: (values.ready100S ?? NaN) / floorProviderS,
      },
    },
  ];
}
