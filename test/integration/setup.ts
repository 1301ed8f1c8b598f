import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import { buildCommandLine, buildOperator } from '../../scripts/build.ts';
import { findCanaries } from '../support/canaries.ts';
import { type ObservedControlPlane, startObserved } from '../support/observed.ts';
import { type RunFolders, runFolders } from '../support/run.ts';

const root = join(import.meta.dirname, '..', '..');

/** One control plane with our CRDs for all integration tests, watched as long as they run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const observed = await startObserved(({ directory }) => runFolders(join(directory, 'run')));
  const { adminKubeconfig, directory } = observed.controlPlane;
  const folders = runFolders(join(directory, 'run'));
  try {
    await buildOperator(folders.operator);
    await buildCommandLine(folders.commandLine);
  } catch (error) {
    await observed.stop();
    throw error;
  }
  project.provide('kubeconfig', adminKubeconfig);
  project.provide('runDirectory', join(directory, 'run'));
  return () => tearDown(observed, folders, project.vitest.state.getCountOfFailedTests() > 0);
}

/**
 * @param failed a test failed, and somebody will want to know why
 * @throws when anything was seen, during the run, that no test may cause
 */
async function tearDown(observed: ObservedControlPlane, folders: RunFolders, failed: boolean): Promise<void> {
  const before = process.exitCode;
  process.exitCode = 1; // in case this takes so long that it is cut off
  try {
    const leaks = await findCanaries(folders);
    const kept = failed || leaks.length > 0 ? await keepLogs(folders.logs) : undefined;
    const violations = [...leaks, ...(await observed.stop())];
    console.log(`Observed: ${observed.observer.summary}.`);
    if (kept) console.log(`What the operators of this run logged is in ${kept}`);
    if (violations.length > 0) throw new Error(`What no test may cause was seen:\n${violations.join('\n')}`);
    process.exitCode = before;
  } finally {
    await observed.controlPlane.stop();
  }
}

async function keepLogs(logs: string): Promise<string> {
  const kept = join(root, '.cache', 'logs');
  await rm(kept, { recursive: true, force: true });
  await cp(logs, kept, { recursive: true });
  return kept;
}
