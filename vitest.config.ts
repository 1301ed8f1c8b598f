import { defineConfig } from 'vitest/config';

/** Unit tests are pure and fast; integration tests share one real control plane, started once for the run. */
export default defineConfig({
  test: {
    // The last checks of the integration run load every pair that was written with Go and OpenSSL.
    teardownTimeout: 120_000,
    reporters: ['default', './test/support/totals.ts'],
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        // It has all the time that the integration tests spend waiting.
        test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'], testTimeout: 1_800_000 },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
