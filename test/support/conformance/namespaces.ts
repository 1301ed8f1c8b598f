import { beforeAll, describe, expect, it } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import { isForbidden, isNamespaceTerminating } from '../../../src/kube/errors.ts';
import { events, namespaces, secrets } from '../../../src/kube/objects.ts';
import type { Candidate } from '../api-conformance.ts';
import { absent, Bench, certificateSpec, data, refused } from './bench.ts';

export function namespacesAndEvents(candidate: Candidate): void {
  let bench: Bench;
  let nowhere: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
    nowhere = new Bench(candidate, `${bench.namespace}-missing`);
  });

  const event = (metadata: { namespace: string }, about: object = {}): Record<string, unknown> => ({
    metadata,
    involvedObject: { apiVersion: 'v1', kind: 'Secret', name: 'web', uid: 'u', ...metadata, ...about },
    type: 'Normal',
    reason: 'Tested',
    message: 'It works.',
    count: 1,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    source: { component: 'tests', host: 'here' },
    reportingComponent: 'tests',
    reportingInstance: 'here',
  });

  it('have a label with their name', async () => {
    const { metadata, spec, status } = await bench.get(namespaces, bench.namespace);
    expect(metadata.labels).toMatchObject({ 'kubernetes.io/metadata.name': bench.namespace });
    expect({ spec, status }).toEqual({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
  });

  describe('that are missing', () => {
    it('take nothing new', async () => {
      const calls = [
        () => nowhere.create(secrets, 'any', data({ key: 'x' })),
        () => nowhere.secret('any', 'one', data({ key: 'x' })),
        () => nowhere.certificate('any'),
        () => nowhere.create(events, 'any', event({ namespace: nowhere.namespace })),
      ];
      for (const call of calls) {
        const refusal = await refused(call());
        expect(refusal).toMatchObject(absent);
        expect(refusal.message).toContain(`namespaces "${nowhere.namespace}" not found`);
      }
    });

    it('hold nothing', async () => {
      const refusal = await refused(nowhere.get(secrets, 'any'));
      expect(refusal).toMatchObject(absent);
      expect(refusal.message).toContain('secrets "any" not found');
      expect(await refused(nowhere.patch(secrets, 'any', data({ key: 'x' })))).toMatchObject(absent);
    });
  });

  describe('that are terminating', () => {
    let ending: Bench;
    beforeAll(async () => {
      ending = await Bench.make(candidate);
      await ending.secret('there', 'one', data({ key: 'x' }));
      await ending.delete(namespaces, ending.namespace);
    });

    it('are there as long as something is in them', async () => {
      const { metadata, status } = await ending.get(namespaces, ending.namespace);
      expect(metadata.deletionTimestamp).toMatch(/Z$/);
      expect(status).toEqual({ phase: 'Terminating' });
      await ending.delete(namespaces, ending.namespace);
      expect((await ending.get(namespaces, ending.namespace)).metadata).toEqual(metadata);
    });

    it('take nothing new', async () => {
      const calls = [
        () => ending.create(secrets, 'late', data({ key: 'x' })),
        () => ending.secret('late', 'one', data({ key: 'x' })),
        () => ending.create(providerCertificates, 'late', { spec: certificateSpec }),
        () => ending.create(events, 'late', event({ namespace: ending.namespace })),
      ];
      for (const call of calls) {
        const error: unknown = await call().catch((error: unknown) => error);
        expect(isForbidden(error) && isNamespaceTerminating(error)).toBe(true);
        expect(error).toMatchObject({
          status: 403,
          reason: 'Forbidden',
          causes: [
            {
              reason: 'NamespaceTerminating',
              field: 'metadata.namespace',
              message: `namespace ${ending.namespace} is being terminated`,
            },
          ],
        });
      }
    });

    it('let what is there be written and deleted', async () => {
      await ending.secret('there', 'one', data({ key: 'y' }));
      await ending.patch(secrets, 'there', data({ more: 'x' }));
      await ending.delete(secrets, 'there');
    });
  });

  it('that every cluster needs are not deleted', async () => {
    const refusal = await refused(bench.delete(namespaces, 'default'));
    expect(refusal).toMatchObject({ status: 403, reason: 'Forbidden', causes: [] });
  });

  describe('events', () => {
    it('are created once, and counted by a patch', async () => {
      const about = event({ namespace: bench.namespace });
      await bench.create(events, 'counted', about);
      const again = { status: 409, reason: 'AlreadyExists' };
      expect(await refused(bench.create(events, 'counted', about))).toMatchObject(again);
      const patch = { count: 2, message: 'It works again.', lastTimestamp: '2026-01-01T00:00:10Z' };
      expect(await bench.patch(events, 'counted', patch)).toMatchObject({ ...about, metadata: {}, ...patch });
      expect(await refused(bench.patch(events, 'forgotten', patch))).toMatchObject(absent);
    });

    it('are in the namespace of what they are about, and in "default" when that has none', async () => {
      const elsewhere = event({ namespace: bench.namespace }, { namespace: 'elsewhere' });
      const mismatch = { status: 422, reason: 'Invalid', causes: [{ field: 'involvedObject.namespace' }] };
      expect(await refused(bench.create(events, 'elsewhere', elsewhere))).toMatchObject(mismatch);
      const cluster = event({ namespace: bench.namespace }, { namespace: undefined });
      expect(await refused(bench.create(events, 'cluster', cluster))).toMatchObject(mismatch);
      const home = new Bench(candidate, 'default');
      await home.create(events, `cluster-${bench.namespace}`, { ...cluster, metadata: {} });
      await home.delete(events, `cluster-${bench.namespace}`);
    });
  });
}
