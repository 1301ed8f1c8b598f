import { type Bench, namesOf } from '../bench.ts';
import type { Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';

/** One certificate that many namespaces want. */
export async function shared(bench: Bench, subject: Subject): Promise<Run[]> {
  const { namespaces: n } = bench.sizes;
  await using stage = await Stage.start(bench, subject, { certificates: 1, clusterWide: true });
  const namespaces = Array.from({ length: n }, (_, index) => `team-${index}`);
  await stage.namespaces(namespaces);
  await stage.quiet();
  const [remote = ''] = namesOf(1);
  const wanted = namespaces.map((namespace) => ({ namespace, name: 'shared', remote }));
  return [{ subject: subject.name, n, note: 'namespaces', ...(await newcomers(stage, wanted)) }];
}
