import { join } from 'node:path';

import { defineConfig } from 'vitest/config';

/** Apart from the other tests, which run everywhere: these install into a cluster of somebody's. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    globalSetup: ['test/e2e/setup.ts'],
    reporters: ['default', './test/support/totals.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 300_000,
    maxWorkers: 1,
    // Each begins where the former has left off.
    bail: 1,
  },
});
