import type { ControlPlane } from '../../sandbox/control-plane/index.ts';
import type { Counters } from '../../sandbox/providers/simulator.ts';
import { type Requests, requestsIn, since, writes } from '../support/requests.ts';
import type { Cloud } from './cloud.ts';
import type { Collections } from './collections.ts';
import type { Values } from './measures.ts';
import { apiServerCpuIn, cpuOf, cpuOfMachine, type Usage, usageOf } from './process-usage.ts';

/** Everything that is counted, as it stands at one moment. */
export interface Sample {
  /** To the API server, without those of the harness. */
  requests: Requests;
  /** What the cloud was asked since its counters were reset. */
  counters: Counters;
  /** Of the subject; undefined while it does not run. */
  usage: ({ pid: number } & Usage) | undefined;
  /** CPU seconds used so far. */
  apiServerS: number;
  providerS: number;
  harnessS: number;
  machineS: number;
}

export async function takeSample(of: {
  controlPlane: Pick<ControlPlane, 'metrics'>;
  collections: Collections;
  cloud: Cloud;
  /** Of the subject. */
  pid: number | undefined;
}): Promise<Sample> {
  const { controlPlane, collections, cloud, pid } = of;
  const metrics = await controlPlane.metrics();
  const { user, system } = process.cpuUsage();
  return {
    requests: since(collections.asked, requestsIn(metrics, { lists: true })),
    counters: await cloud.counters(),
    usage: pid === undefined ? undefined : { pid, ...(await usageOf(pid)) },
    apiServerS: apiServerCpuIn(metrics),
    providerS: await cpuOf(cloud.pid),
    harnessS: (user + system) / 1e6,
    machineS: await cpuOfMachine(),
  };
}

/** What came between two samples. */
export function difference(before: Sample, after: Sample): { values: Values; requests: Requests } {
  const requests = since(before.requests, after.requests);
  const { downloads, downloadsOf, lists, limited, maxInFlight } = after.counters;
  const same = before.usage?.pid === after.usage?.pid;
  const cpuS = after.usage && after.usage.cpuS - (same ? (before.usage?.cpuS ?? 0) : 0);
  const apiServerCpuS = after.apiServerS - before.apiServerS;
  const providerCpuS = after.providerS - before.providerS;
  const harnessCpuS = after.harnessS - before.harnessS;
  const ofKnown = (cpuS ?? 0) + apiServerCpuS + providerCpuS + harnessCpuS;
  return {
    requests,
    values: {
      downloads,
      mostDownloads: Math.max(0, ...Object.values(downloadsOf)),
      lists,
      limited,
      maxInFlight,
      requests: total(requests),
      writes: total(writes(requests)),
      ...(after.usage &&
        cpuS !== undefined && { cpuS, rssMiB: after.usage.rssMiB, peakRssMiB: after.usage.peakRssMiB }),
      apiServerCpuS,
      providerCpuS,
      harnessCpuS,
      otherCpuS: Math.max(0, after.machineS - before.machineS - ofKnown),
    },
  };
}

function total(requests: Requests): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}
