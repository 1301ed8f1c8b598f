import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, inject, test } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { emptyFolder, npmRun, nothingIsLeft, processesOf } from '../support/npm-run.ts';
import { runFolders } from '../support/run.ts';
import { world } from '../support/world.ts';

const root = join(import.meta.dirname, '..', '..');

describe('the built file', () => {
  test('runs alone in a folder, without node_modules', async () => {
    await using folder = await emptyFolder();
    const file = join(folder.path, 'operator.mjs');
    await copyFile(runFolders(inject('runDirectory')).operator, file);
    const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
      new Promise((resolve) => {
        execFile(process.execPath, [file, ...args], { cwd: folder.path, env: {} }, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
        );
      });
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: operator/),
      stderr: '',
    });
    for (const bad of [
      '--no-such-flag',
      '--concurrency=0',
      '--watch-namespace=NOT_ONE',
      '--listen-address=here',
      'more',
    ]) {
      expect(await run(bad)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) });
    }
    // Neither in a cluster nor told of one.
    const { code, stderr } = await run('--kubeconfig=not-there', '--listen-address=127.0.0.1:0');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^[^\n]*not-there[^\n]*\n$/);
  });

  test('ends in order when it is told to, also in the middle of its work', async () => {
    await using w = await world({ operator: false });
    const names = Array.from({ length: 5 }, (_, index) => `slow-${index}`);
    for (const name of names) await w.upload(name);
    w.nhn.fault({ match: 'download', stall: 'body' });
    await w.startOperator();
    for (const name of names) await w.certificate(name);
    await eventually(() => expect(w.nhn.counters.downloads).toBe(names.length));
    expect(await w.operator.stop()).toEqual({ code: 0, signal: null });
    const last = (await w.operator.logs()).at(-1);
    expect(last).toMatchObject({ level: 'info', msg: 'stopped' });

    w.nhn.clearFaults();
    await w.startOperator();
    for (const name of names) await w.synced(name, 'Synced');
  });
});

test('what nobody foresaw ends the process, with one line that says so', async () => {
  const boom =
    "process.on('SIGUSR2', () => { throw Object.assign(new Error('boom'), { body: 'untold '.repeat(2) }); })";
  await using w = await world({ env: { NODE_OPTIONS: `--import="data:text/javascript,${boom}"` } });
  w.operator.signal('SIGUSR2');
  expect(await w.operator.exited).toEqual({ code: 1, signal: null });
  const lines = await w.operator.logs();
  expect(lines.filter(({ level }) => level === 'fatal')).toEqual([lines.at(-1)]);
  expect(lines.at(-1)).toMatchObject({
    msg: 'an unexpected error ends the process',
    err: { type: 'Error', message: 'boom', stack: expect.stringContaining('Error: boom') },
  });
  expect(JSON.stringify(lines.at(-1))).not.toContain('untold untold');
});

describe.concurrent('npm run sandbox', () => {
  test('-- --once does the tour, ends with 0 and leaves nothing behind', async () => {
    await using folder = await emptyFolder();
    const { exited, output } = npmRun(folder.path, 'sandbox', '--', '--once');
    const [code] = await exited;
    expect([code, output()]).toEqual([0, expect.stringContaining('5. The bundle is put right')]);
    await nothingIsLeft(folder.path);
  });

  test('leaves nothing behind on Ctrl-C', async () => {
    await using folder = await emptyFolder();
    const { exited, output, pid } = npmRun(folder.path, 'sandbox');
    await eventually(() => expect(output()).toContain('1. Applying the examples'), { timeoutMs: 90_000 });
    expect((await processesOf(folder.path)).length).toBeGreaterThan(2);
    process.kill(-pid, 'SIGINT');
    await exited;
    await nothingIsLeft(folder.path);
  });
});
