import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, inject } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { namespaces } from '../../src/kube/objects.ts';
import { Transport } from '../../src/kube/transport.ts';
import { type Candidate, apiConformance } from '../support/api-conformance.ts';
import { signal } from '../support/conformance/bench.ts';

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
