import { X509Certificate } from 'node:crypto';

import type { ApiObject } from '../../../sandbox/control-plane/api.ts';
import { type Bench, namesOf } from '../bench.ts';
import { quantile, type Run } from '../measures.ts';
import { newcomers } from '../newcomers.ts';
import { Stage } from '../stage.ts';
import type { Subject } from '../subject.ts';
import { watch } from '../watch.ts';

/** How long it takes from a renewal at the provider to the Secret, beyond the wait for the next look at the provider. */
export async function rotation(bench: Bench, subject: Subject): Promise<Run[]> {
  const { certificates: n, renewed } = bench.sizes;
  await using stage = await Stage.start(bench, subject, { certificates: n, pollInterval: '10s' });
  await newcomers(stage, stage.wanted(n));
  const runs: Run[] = [];
  for (const count of renewed)
    runs.push({ subject: subject.name, n, note: `${count} renewed`, ...(await renewal(stage, count)) });
  return runs;
}

async function renewal(stage: Stage, count: number): Promise<Pick<Run, 'values' | 'requests'>> {
  const { cloud } = stage.bench;
  const names = namesOf(count);
  const { api, place } = stage;
  /** By Secret: when it was seen to hold which leaf. */
  const seen: { name: string; fingerprint: string | undefined; at: number }[] = [];
  const watching = await watch(api, `/api/v1/namespaces/${place.namespace}/secrets`, (secret, at) => {
    seen.push({ name: secret.metadata.name, fingerprint: leafOf(secret), at });
  });
  const { result, values, requests } = await stage.measure(async () => {
    const { at: renewedAt, fingerprints } = await cloud.renew(names);
    const arrivals = (): (number | undefined)[] =>
      names.map((name) => seen.find((one) => one.name === name && one.fingerprint === fingerprints[name])?.at);
    const all = (): boolean => seen.length >= count && arrivals().every((at) => at !== undefined);
    await stage.seen(`${count} renewals are in the Secrets`, all, watching);
    const noticed = await cloud.noticed();
    await stage.quiet();
    const waited = names.map((name) => (noticed[name] ?? NaN) - renewedAt);
    return { waited, took: arrivals().map((at, index) => (at ?? NaN) - (noticed[names[index] ?? ''] ?? NaN)) };
  });
  watching.stop();
  return {
    requests,
    values: {
      pollWaitS: quantile(result.waited, 1) / 1_000,
      rotated50S: quantile(result.took, 0.5) / 1_000,
      rotated100S: quantile(result.took, 1) / 1_000,
      ...values,
    },
  };
}

function leafOf({ data }: ApiObject): string | undefined {
  const { 'tls.crt': certificates } = (data ?? {}) as Record<string, string>;
  return certificates && new X509Certificate(Buffer.from(certificates, 'base64')).fingerprint256;
}
