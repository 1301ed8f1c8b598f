import { defineConfig } from 'vitest/config';

/**
 * Of all projects together two files run at a time: those that compute have the time that the others spend waiting. Vitest
 * wants the same number of all of them for that.
 */
const maxWorkers = 2;
/**
 * Between processes a watch or an event comes late now and then on a busy machine. A test that fails twice fails; what the
 * observer sees counts at once.
 */
const retry = 1;

export default defineConfig({
  test: {
    // The last checks of the integration run load every pair that was written with Go and OpenSSL.
    teardownTimeout: 120_000,
    reporters: ['default', './test/support/totals.ts'],
    projects: [
      // Pure and fast.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000, maxWorkers } },
      { test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'], testTimeout: 3_600_000, maxWorkers } },
      // They share one real control plane, started once for the run.
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          retry,
          maxWorkers,
        },
      },
      // With helm, where it is or can be built; two files have a control plane of their own.
      {
        test: {
          name: 'chart',
          include: ['test/chart/**/*.test.ts'],
          globalSetup: ['test/chart/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          retry,
          maxWorkers,
        },
      },
      // In Docker, where an engine answers.
      {
        test: {
          name: 'image',
          include: ['test/image/**/*.test.ts'],
          globalSetup: ['test/image/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          maxWorkers,
        },
      },
    ],
  },
});
