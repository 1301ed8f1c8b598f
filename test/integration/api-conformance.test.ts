import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, describe, inject, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { namespaces } from '../../src/kube/objects.ts';
import { Transport } from '../../src/kube/transport.ts';
import { type Candidate, apiConformance } from '../support/api-conformance.ts';
import { signal } from '../support/conformance/bench.ts';
import { expectSameBehaviour } from '../support/conformance/side-by-side.ts';
import { ModelCandidate } from '../support/model-candidate.ts';

const clock = systemClock;
const logger = pino({ level: 'silent' });
const connection = loadConnection({ kubeconfig: inject('kubeconfig'), clock, logger });
const client = (userAgent: string): KubeClient =>
  new KubeClient(new Transport(connection, { clock, logger, userAgent }), { clock });

afterAll(() => connection.close());

const real: Candidate = {
  client,
  async newNamespace() {
    const name = `conformance-${randomBytes(4).toString('hex')}`;
    const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await client('tests').create(namespaces, manifest, { signal });
    return name;
  },
  endWatches: () => {}, // they end by themselves
  // The definitions were made later, and with them the memory of their objects.
  forgottenVersion: async () => '1',
};

apiConformance(real);

describe('the model of it', () => {
  it.each([1, 2, 3, 4, 5])('behaves like it, whatever is done (seed %i)', async (seed) => {
    await expectSameBehaviour([new ModelCandidate(clock), real], { seed, steps: 60 });
  });
});
