import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Of all projects together two files run at a time, beside the simulation: those that compute have the time that the others
 * spend waiting. Vitest wants the same number of all of them for that.
 */
const maxWorkers = 3;

/** The simulation first: it takes, all the time, what the others leave of the machine. At the end it would be alone. */
class SimulationFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { simulation = [], others = [] } = Object.groupBy(await super.sort(files), ({ project }) =>
      project.name === 'simulation' ? 'simulation' : 'others',
    );
    return [...simulation, ...others];
  }
}

/**
 * Between processes a watch or an event comes late now and then on a busy machine. A test that fails twice fails; what the
 * observer sees counts at once.
 */
const retry = 1;

export default defineConfig({
  test: {
    // The last checks of the integration run load every pair that was written with Go and OpenSSL.
    teardownTimeout: 120_000,
    sequence: { sequencer: SimulationFirst },
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
