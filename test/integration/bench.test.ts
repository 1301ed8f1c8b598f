import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { type Bench, namesOf } from '../bench/bench.ts';
import { Cloud } from '../bench/cloud.ts';
import { newcomers } from '../bench/newcomers.ts';
import { Ours } from '../bench/ours.ts';
import { restarted } from '../bench/restarted.ts';
import { sizesOf } from '../bench/sizes.ts';
import { Stage } from '../bench/stage.ts';
import { undisturbed } from '../bench/undisturbed.ts';
import { eventually } from '../support/eventually.ts';
import { emptyFolder, npmRun, nothingIsLeft, processesOf } from '../support/npm-run.ts';
import { runFolders } from '../support/run.ts';

const count = 20;
const namespaces = ['team-a', 'team-b', 'team-c', 'team-d', 'team-e'];

/** What the benchmark measures, but for all that depends on the machine: one test begins where the former has left off. */
describe('by the measures of the benchmark', () => {
  let cloud: Cloud;
  let stage: Stage;

  beforeAll(async () => {
    cloud = await Cloud.start();
    const bench: Bench = {
      cloud,
      sizes: sizesOf(count),
      latencyMs: 20,
      inFlight: 64,
      floors: new Map(),
      say: () => {},
    };
    const { operator: file } = runFolders(inject('runDirectory'));
    const subject = new Ours({ file, concurrency: undefined, inFlight: undefined, profile: undefined });
    stage = await Stage.start(bench, subject, { certificates: count + 1, pollInterval: '10s', clusterWide: true });
    await stage.namespaces(namespaces);
  });

  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await cloud?.[Symbol.asyncDispose]();
  });

  /** On a machine that has little time for the operator it may look as if it were at rest when it is not. */
  function atRest(): Promise<void> {
    return eventually(async () => expect((await undisturbed(stage, 2)).requests).toEqual({}));
  }

  test('a new certificate takes one download and at most three requests to the API server', async () => {
    await atRest();
    const { values } = await newcomers(stage, stage.wanted(count));
    expect(values).toMatchObject({ downloads: count, mostDownloads: 1 });
    expect(values.requestsPerCertificate).toBeLessThanOrEqual(3);
    expect(values.ready100S).toBeGreaterThanOrEqual(values.ready50S ?? NaN);
  });

  test('a certificate that several namespaces want takes one download', async () => {
    await atRest();
    // The one that is not wanted yet: of the others the bundle may still be at hand.
    const remote = namesOf(count + 1)[count] ?? '';
    const { values } = await newcomers(
      stage,
      namespaces.map((namespace) => ({ namespace, name: 'shared', remote })),
    );
    expect(values).toMatchObject({ downloads: 1 });
    expect(values.requestsPerCertificate).toBeLessThanOrEqual(3);
  });

  test('while nothing happens, polls take one list each and nothing else', async () => {
    await atRest();
    const { values, requests } = await stage.measure(() =>
      eventually(async () => expect((await cloud.counters()).lists).toBeGreaterThanOrEqual(3), { timeoutMs: 90_000 }),
    );
    expect(requests).toEqual({});
    expect(values).toMatchObject({ downloads: 0, writes: 0 });
  });

  test('a restart takes no download, no write, and reads no Secret twice', async () => {
    const { values, requests } = await restarted(stage);
    expect(values).toMatchObject({ downloads: 0, writes: 0 });
    expect(values.lists).toBeGreaterThanOrEqual(1);
    // Those of the certificates, and the one with the credentials.
    expect(requests['GET secrets']).toBeLessThanOrEqual(count + namespaces.length + 1);
  });
});

describe('npm run bench', () => {
  test('prints a table and a line of JSON, and leaves nothing behind', async () => {
    await using folder = await emptyFolder();
    const { exited, output } = npmRun(folder.path, 'bench', '--', '--only', 'floor', '--n', '5');
    const [code] = await exited;
    expect([code, output()]).toEqual([0, expect.stringMatching(/^floor +5$.*^\{"scenario":"floor",.*\}$/ms)]);
    await nothingIsLeft(folder.path);
  });

  test('leaves nothing behind on Ctrl-C', async () => {
    await using folder = await emptyFolder();
    const { exited, output, pid } = npmRun(folder.path, 'bench', '--', '--only', 'steady', '--n', '5');
    await eventually(() => expect(output()).toContain('steady: provider-certificates'), { timeoutMs: 90_000 });
    await eventually(async () => expect((await processesOf(folder.path)).length).toBeGreaterThan(2));
    process.kill(-pid, 'SIGINT');
    await exited;
    await nothingIsLeft(folder.path);
  });
});
