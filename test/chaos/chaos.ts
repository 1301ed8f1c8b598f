import { setTimeout as sleep } from 'node:timers/promises';

import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { certificateProviders, clusterCertificateProviders, providerCertificates } from '../../src/api/group.ts';
import { type KubeObject, objectKey, type Resource, type Secret, secrets } from '../../src/kube/objects.ts';
import type { ProviderObject } from '../../src/sync/directory.ts';
import type { Cast } from './cast.ts';
import { Random } from './random.ts';
import { NoOccasion, type StepName, steps } from './steps.ts';

/** When there is no occasion for what was planned, so many others are tried in its place. */
const substitutes = 9;

interface Planned {
  /** The first for which there is an occasion. */
  names: StepName[];
  /** Milliseconds from the beginning. */
  at: number;
  random: Random;
}

/** Depends on nothing but the seed and what is asked for. */
export function planOf(
  random: Random,
  { count, ms, weights }: { count: number; ms: number; weights: Readonly<Partial<Record<StepName, number>>> },
): Planned[] {
  const plan = Array.from({ length: count }, () => {
    const [at, own] = [Math.floor(random.next() * ms), random.fork()];
    const names = Array.from({ length: 1 + substitutes }, () => own.weighted(weights as Record<StepName, number>));
    return { names, at, random: own };
  });
  return plan.sort((a, b) => a.at - b.at);
}

/**
 * Does what is planned, and at the end undoes whatever still goes on.
 * @returns how often each step was done
 */
export async function rage(
  cast: Cast,
  plan: readonly Planned[],
  { ms }: { ms: number },
): Promise<Partial<Record<StepName, number>>> {
  const calm = new AbortController();
  const done: Partial<Record<StepName, number>> = {};
  const apiServer = { busy: false };
  const hold = (ms: number): Promise<void> =>
    sleep(Math.max(ms, 0), undefined, { signal: calm.signal }).catch(() => {});
  const began = Date.now();
  const running: Promise<void>[] = [];
  const failures: Error[] = [];
  const act = async ({ names, random }: Planned): Promise<void> => {
    for (const name of names) {
      try {
        await steps[name]({ cast, random, hold, apiServer });
        done[name] = (done[name] ?? 0) + 1;
        return;
      } catch (error) {
        if (!(error instanceof NoOccasion)) return void failures.push(new Error(`${name} failed`, { cause: error }));
      }
    }
  };
  for (const planned of plan) {
    await hold(began + planned.at - Date.now());
    running.push(act(planned));
  }
  await hold(began + ms - Date.now());
  calm.abort();
  await Promise.all(running);
  if (failures.length > 0) throw new AggregateError(failures, 'The chaos itself is broken');
  return done;
}

/**
 * Waits until everything is as it would be without any fault.
 * @returns how long that took in milliseconds, and what still is not so, a line each
 */
export async function settle(
  cast: Cast,
  { limitMs }: { limitMs: number },
): Promise<{ ms: number; problems: string[] }> {
  const began = Date.now();
  for (;;) {
    const problems = await problemsOf(cast);
    const ms = Date.now() - began;
    if (problems.length === 0 || ms > limitMs) return { ms, problems };
    await sleep(500);
  }
}

async function problemsOf(cast: Cast): Promise<string[]> {
  const { stage, subjects, deletions } = cast;
  const [certificates, found, ...providers] = await Promise.all([
    all<ProviderCertificate>(cast, providerCertificates),
    all<Secret>(cast, secrets),
    all<ProviderObject & KubeObject>(cast, certificateProviders),
    all<ProviderObject & KubeObject>(cast, clusterCertificateProviders),
  ]);
  const problems = subjects.flatMap((subject) =>
    subject.problems(certificates.get(subject.key), found.get(subject.secretKey)),
  );
  for (const [key, { status }] of providers.flatMap((objects) => [...objects])) {
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
    if (reason !== 'Valid') problems.push(`provider ${key}: Ready is ${reason}, not Valid`);
  }
  for (const [key, uids] of stage.observer.uids) {
    if (!found.has(key)) problems.push(`Secret ${key} was written and is gone`);
    if (uids.size > 1 + (deletions.get(key) ?? 0)) problems.push(`Secret ${key} was lost in between`);
  }
  return problems;
}

async function all<T extends KubeObject>({ stage }: Cast, resource: Resource): Promise<Map<string, T>> {
  const { signal } = new AbortController();
  const found = new Map<string, T>();
  for await (const { items } of stage.client.pages<T>(resource, { signal }))
    for (const item of items) found.set(objectKey(item.metadata), item);
  return found;
}
