import { setTimeout as sleep } from 'node:timers/promises';

import type { ProviderCertificate } from '../../src/api/certificate.ts';
import type { CertificateProvider } from '../../src/api/provider.ts';
import { certificateProviders, providerCertificates } from '../../src/api/group.ts';
import { type KubeObject, objectKey, type Resource, type Secret, secrets } from '../../src/kube/objects.ts';
import type { Cast } from './cast.ts';
import { Random } from './random.ts';
import { NoOccasion, type StepName, steps } from './steps.ts';

interface Planned {
  name: StepName;
  /** Milliseconds from the beginning. */
  at: number;
  random: Random;
}

/** Depends on nothing but the seed and what is asked for. */
export function planOf(
  random: Random,
  { count, ms, weights }: { count: number; ms: number; weights: Readonly<Partial<Record<StepName, number>>> },
): Planned[] {
  const plan = Array.from({ length: count }, () => ({
    name: random.weighted(weights as Record<StepName, number>),
    at: Math.floor(random.next() * ms),
    random: random.fork(),
  }));
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
  for (const { name, at, random } of plan) {
    await hold(began + at - Date.now());
    running.push(
      steps[name]({ cast, random, hold, apiServer }).then(
        () => void (done[name] = (done[name] ?? 0) + 1),
        (error: unknown) => {
          if (!(error instanceof NoOccasion)) failures.push(new Error(`${name} failed`, { cause: error }));
        },
      ),
    );
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
  const [certificates, found, objects] = await Promise.all([
    all<ProviderCertificate>(cast, providerCertificates),
    all<Secret>(cast, secrets),
    all<CertificateProvider & KubeObject>(cast, certificateProviders),
  ]);
  const problems = subjects.flatMap((subject) =>
    subject.problems(certificates.get(subject.key), found.get(subject.secretKey)),
  );
  for (const [key, { status }] of objects) {
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
    if (reason !== 'Valid') problems.push(`CertificateProvider ${key}: Ready is ${reason}, not Valid`);
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
