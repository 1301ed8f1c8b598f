import { writeSync } from 'node:fs';

import type { Reporter, TestModule } from 'vitest/node';

/**
 * Prints one last line, `N passed, N failed`, after everything else. It waits for the process to exit, because the
 * global teardown, which may fail the run too, comes after all reports.
 */
export default class TotalsReporter implements Reporter {
  #counts: { passed: number; failed: number; skipped: number } | undefined;

  onInit(): void {
    process.once('exit', (code) => this.#print(code));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failed = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed++;
        else if (state === 'failed') failed++;
        else counts.skipped++;
      }
      // A file that could not be loaded, or a hook that failed, fails no test.
      counts.failed += failed === 0 && module.state() === 'failed' ? 1 : failed;
    }
    this.#counts = counts;
  }

  #print(code: number): void {
    const { passed, failed, skipped } = this.#counts ?? { passed: 0, failed: 0, skipped: 0 };
    // The run failed although no test did: in the setup or the teardown.
    const line = `${passed} passed, ${failed === 0 && code !== 0 ? 1 : failed} failed`;
    writeSync(1, `${line}${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}
