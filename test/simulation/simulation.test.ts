import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createPool } from './pool.ts';
import { simulate } from './simulate.ts';
import { World } from './world.ts';

/** As many as fit into the time that the other tests take. */
const seeds = 10_000;
const minute = 60_000;

test(`${seeds} seeds keep every promise`, async () => {
  const main = join(import.meta.dirname, 'main.ts');
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [main, '--seeds', String(seeds)], (_, stdout, stderr) => resolve(stdout + stderr));
  });
  expect(output).toContain(`${seeds} seeds from 1, 0 failed`);
});

test('whoever waited for the lease works within a second of having it', async () => {
  const pool = await createPool();
  const seed = Array.from({ length: 100 }, (_, nth) => 2 * nth).find((even) => new World(pool, even).leaderElection);
  const world = new World(pool, seed ?? expect.fail());
  await world.credentials(world.cloud.secret);
  await world.provider('5m');
  world.startOperator();
  await world.pass(minute);
  world.startOperator();
  await world.pass(minute);
  const [first, second] = world.processes;
  first?.kill();
  const { lists } = world.cloud;
  while (second?.operator.leading !== true) await world.pass(1);
  expect(world.time.elapsed()).toBeGreaterThan(3 * minute);
  expect(world.cloud.lists).toBe(lists);
  await world.pass(1_000);
  expect(world.cloud.lists).toBe(lists + 1);
});

test('a seed has the same story each time it is told', async () => {
  const pool = await createPool();
  for (const seed of [3, 14, 159, 265]) {
    const first = await simulate(pool, seed);
    expect(await simulate(pool, seed)).toEqual(first);
    expect(first.story.length).toBeGreaterThan(3);
  }
});
