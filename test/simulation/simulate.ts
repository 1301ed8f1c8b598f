import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { Violation } from './invariants.ts';
import { checkOutcome } from './outcome.ts';
import type { Pool } from './pool.ts';
import { timing } from './process.ts';
import { calm, play } from './script.ts';
import { World } from './world.ts';

const minute = 60_000;
/** Longer than every back-off: refused bundles are looked at again after an hour at most, contested Secrets after half. */
const longestSettlingMs = 100 * minute;

export interface Outcome {
  seed: number;
  /** What was violated; undefined when nothing was. */
  violation: string | undefined;
  story: readonly string[];
  steps: { secretWrites: number; statusWrites: number; lists: number; downloads: number; operators: number };
}

/** Everything that a seed has in store, and whether the promises held. */
export async function simulate(pool: Pool, seed: number): Promise<Outcome> {
  const world = new World(pool, seed);
  let violation: string | undefined;
  try {
    await play(world);
    world.tell('no more faults');
    await calm(world);
    await endAll(world);
    if (world.alive.length === 0) world.startOperator();
    await elect(world);
    await settle(world);
    await checkQuiet(world);
  } catch (error) {
    violation = error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error);
  }
  const { secretWrites, statusWrites } = world.invariants;
  const { lists, downloads } = world.cloud;
  const steps = { secretWrites, statusWrites, lists, downloads, operators: world.processes.length };
  return { seed, violation, story: world.story, steps };
}

/** With several operators, one takes over within the time that the lease allows. */
async function elect(world: World): Promise<void> {
  for (let left = 10; !world.alive.some(({ operator }) => operator.leading); left--) {
    if (left === 0) throw new Violation('nobody took over');
    await world.pass(minute);
  }
}

/** Whoever gets no time just now gets it again; whoever was told to end does, or could not renew its lease in time. */
async function endAll(world: World): Promise<void> {
  while (world.processes.some(({ machine, ending }) => machine.stopped || ending)) await world.pass(minute / 2);
  if (world.leaderElection) await world.pass(timing.renewDeadlineMs);
}

/**
 * Until all is as it should be; what is not by then is wrong. Most of the time little time is enough, unless watches have to
 * be found out that say nothing.
 */
async function settle(world: World): Promise<void> {
  const first = world.variation.silent > 0 ? 6 * minute : 2 * minute;
  for (let passed = 0, next = first; ; next = 10 * minute) {
    await world.pass(next);
    passed += next;
    try {
      return await checkOutcome(world);
    } catch (error) {
      if (!(error instanceof Violation) || passed >= longestSettlingMs) throw error;
    }
  }
}

/** With nothing new, no Secret is written, and a download or a status only when a refresh proved something once more. */
async function checkQuiet(world: World): Promise<void> {
  const { secretWrites, statusWrites } = world.invariants;
  const { downloads } = world.cloud;
  const certificates = await world.certificates();
  const { quietMs } = world.variation;
  await world.pass(quietMs);
  // One each for the 10 min after which some certificates are to be refreshed, or for what is asked for hourly.
  const refreshes = Math.ceil(quietMs / (9 * minute));
  const written = world.invariants.secretWrites - secretWrites;
  if (written > 0) throw new Violation(`${written} Secrets were written although nothing happened`);
  const told = world.invariants.statusWrites - statusWrites;
  if (told > 2 * certificates.length * refreshes)
    throw new Violation(`${told} statuses were written although nothing happened`);
  const downloaded = world.cloud.downloads - downloads;
  // What was refused is asked for again, at first after 1, 2 and 5 min.
  const due = certificates.reduce((sum, certificate) => sum + (isSettled(certificate) ? 1 : 4) * refreshes, 0);
  if (downloaded > due) throw new Violation(`${downloaded} downloads were made although nothing happened`);
}

function isSettled({ status }: ProviderCertificate): boolean {
  const reason = status?.conditions?.find(({ type }) => type === 'Synced')?.reason ?? '';
  return ['Synced', 'InSync', 'Differs', 'SecretMissing', 'Suspended', 'SecretConflict'].includes(reason);
}
