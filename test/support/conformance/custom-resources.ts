import { beforeAll, describe, expect, it } from 'vitest';
import { unseen } from '../../../src/api/crd.ts';
import { certificateProviders, providerCertificates as certificates } from '../../../src/api/group.ts';
import { isNewer } from '../../../src/kube/versions.ts';
import type { Candidate } from '../api-conformance.ts';
import { absent, Bench, certificateSpec, holders, refused, stale, strangeUid } from './bench.ts';

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'Valid',
  message: 'Fine.',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

export function customResources(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  describe('that is new', () => {
    it('has generation 1 and the default status, whatever status it is created with', async () => {
      const made = await bench.certificate('new', { status: { observedGeneration: 5, message: 'Mine.' } });
      expect(made).toMatchObject({ metadata: { generation: 1 }, spec: certificateSpec });
      expect(made.status).toEqual(unseen);
      expect(holders(made)).toEqual({
        'somebody Update': { 'f:spec': { '.': {}, 'f:providerRef': {}, 'f:remoteRef': {} } },
      });
      expect(await bench.get(certificates, 'new')).toEqual(made);
    });

    it('has them, too, when it is applied', async () => {
      const write = { spec: certificateSpec, status: { message: 'Mine.' } };
      const made = await bench.apply(certificates, 'applied', 'one', write);
      expect(made).toMatchObject({ metadata: { generation: 1 }, status: unseen });
      expect(made.status).toEqual(unseen);
      expect(holders(made)).toEqual({ 'one Apply': { 'f:spec': { 'f:providerRef': {}, 'f:remoteRef': {} } } });
    });

    it('gets a new version from the first write that says nothing new: that one stores the default status', async () => {
      const made = await bench.certificate('fresh');
      const once = await bench.patch(certificates, 'fresh', { spec: certificateSpec });
      expect(isNewer(once.metadata.resourceVersion, made.metadata.resourceVersion)).toBe(true);
      expect({ ...once, metadata: { ...once.metadata, resourceVersion: '' } }).toEqual({
        ...made,
        metadata: { ...made.metadata, resourceVersion: '' },
      });
      expect(await bench.patch(certificates, 'fresh', { spec: certificateSpec })).toEqual(once);
    });
  });

  describe('that changes', () => {
    it('counts changes of its spec, and no others, as generations', async () => {
      await bench.certificate('counted');
      const generation = async (patch: object): Promise<number | undefined> =>
        (await bench.patch(certificates, 'counted', patch)).metadata.generation;
      expect(await generation({ spec: { suspend: true } })).toBe(2);
      expect(await generation({ spec: { suspend: true } })).toBe(2);
      expect(await generation({ metadata: { labels: { a: 'x' }, annotations: { a: 'x' } } })).toBe(2);
      const { metadata } = await bench.patchStatus(certificates, 'counted', { status: { message: 'Fine.' } });
      expect(metadata.generation).toBe(2);
      expect(await generation({ spec: { suspend: null } })).toBe(3);
    });

    it('keeps its status when something else is written', async () => {
      await bench.certificate('apart');
      await bench.patchStatus(certificates, 'apart', { status: { message: 'Fine.' } });
      const patched = await bench.patch(certificates, 'apart', {
        spec: { suspend: true },
        status: { message: 'Mine.' },
      });
      expect(patched).toMatchObject({ spec: { suspend: true } });
      expect(patched.status).toEqual({ observedGeneration: -1, message: 'Fine.' });
      const { resourceVersion } = patched.metadata;
      expect(await bench.patch(certificates, 'apart', { status: { message: 'Mine.' } })).toEqual(patched);
      const write = { metadata: { resourceVersion }, spec: certificateSpec, status: { message: 'Mine.' } };
      const replaced = await bench.replace(certificates, 'apart', write);
      expect(replaced.status).toEqual({ observedGeneration: -1, message: 'Fine.' });
      expect(replaced.spec).toEqual(certificateSpec);
    });

    it('is replaced only with a version', async () => {
      const { metadata } = await bench.certificate('unseen');
      const { resourceVersion } = metadata;
      expect(await refused(bench.replace(certificates, 'unseen', { spec: certificateSpec }))).toMatchObject({
        status: 422,
        causes: [{ field: 'metadata.resourceVersion' }],
      });
      await bench.patch(certificates, 'unseen', { spec: { suspend: true } });
      const late = { metadata: { resourceVersion }, spec: certificateSpec };
      expect(await refused(bench.replace(certificates, 'unseen', late))).toMatchObject(stale);
    });

    it('with another uid is refused', async () => {
      await bench.certificate('alien');
      const alien = await refused(bench.patch(certificates, 'alien', { metadata: { uid: strangeUid } }));
      expect(alien).toMatchObject({ status: 422, reason: 'Invalid', causes: [{ field: 'metadata.uid' }] });
    });

    it('loses what its schema does not know, in silence, and is refused what the schema forbids', async () => {
      const { metadata } = await bench.certificate('strict');
      const unknown = { spec: { colour: 'green', remoteRef: { colour: 'green' } } };
      expect((await bench.patch(certificates, 'strict', unknown)).spec).toEqual(certificateSpec);
      const refusal = await refused(bench.patch(certificates, 'strict', { spec: { mode: 'Guess', secretName: '' } }));
      expect(refusal).toMatchObject({ status: 422, reason: 'Invalid' });
      expect(refusal.causes).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ field: 'spec.mode', reason: 'FieldValueNotSupported' }),
          expect.objectContaining({ field: 'spec.secretName', reason: 'FieldValueInvalid' }),
        ]),
      );
      const without = await refused(bench.patch(certificates, 'strict', { spec: null }));
      expect(without.causes).toContainEqual({ field: 'spec', reason: 'FieldValueRequired', message: 'Required value' });
      expect((await bench.get(certificates, 'strict')).metadata.generation).toBe(metadata.generation);
    });
  });

  describe('that is applied', () => {
    it('merges what is not a whole, and holds references as one', async () => {
      const spec = { ...certificateSpec, secretTemplate: { labels: { a: 'x' } }, dnsNames: ['a.example.com'] };
      await bench.apply(certificates, 'merged', 'one', { spec });
      const other = { spec: { secretTemplate: { labels: { b: 'x' } }, dnsNames: ['a.example.com'] } };
      const both = await bench.apply(certificates, 'merged', 'two', other);
      expect(both.spec).toEqual({ ...spec, secretTemplate: { labels: { a: 'x', b: 'x' } } });
      expect(both.metadata.generation).toBe(2);
      const conflict = bench.apply(certificates, 'merged', 'two', { spec: { remoteRef: { id: '1' } } });
      expect(await refused(conflict)).toMatchObject({
        ...stale,
        causes: [{ reason: 'FieldManagerConflict', field: '.spec.remoteRef', message: 'conflict with "one"' }],
      });
      const left = await bench.apply(certificates, 'merged', 'one', { spec: certificateSpec });
      expect(left.spec).toEqual({
        ...certificateSpec,
        secretTemplate: { labels: { b: 'x' } },
        dnsNames: ['a.example.com'],
      });
    });

    it('goes with the field it was in, when that was made by who applied it', async () => {
      const spec = { ...certificateSpec, secretTemplate: { labels: { a: 'x' } } };
      await bench.apply(certificates, 'emptied', 'one', { spec });
      expect((await bench.apply(certificates, 'emptied', 'one', { spec: certificateSpec })).spec).toEqual(
        certificateSpec,
      );
    });

    it('cannot leave a map empty that somebody else made: it would be null', async () => {
      await bench.certificate('hollow', { spec: { ...certificateSpec, secretTemplate: { labels: { a: 'x' } } } });
      await bench.apply(certificates, 'hollow', 'one', { spec: { secretTemplate: { labels: { a: 'y' } } } }, true);
      const refusal = await refused(bench.apply(certificates, 'hollow', 'one', { spec: {} }));
      expect(refusal.causes).toContainEqual(
        expect.objectContaining({ field: 'spec.secretTemplate.labels', reason: 'FieldValueTypeInvalid' }),
      );
    });

    it('leaves empty metadata in the store, which the next write tidies up: a new version that shows nothing new', async () => {
      await bench.certificate('untidy', { metadata: { annotations: { a: 'x' } } });
      await bench.apply(certificates, 'untidy', 'one', { metadata: { annotations: { a: 'y' } } }, true);
      const left = await bench.apply(certificates, 'untidy', 'one');
      expect(left.metadata).not.toHaveProperty('annotations');
      const once = await bench.patch(certificates, 'untidy', { spec: certificateSpec });
      expect(isNewer(once.metadata.resourceVersion, left.metadata.resourceVersion)).toBe(true);
      expect(await bench.patch(certificates, 'untidy', { spec: certificateSpec })).toEqual(once);
    });

    it('makes no new version the second time and after, as a provider object would', async () => {
      const spec = { nhn: { credentialsSecretRef: { name: 'credentials' } }, pollInterval: '10s' };
      const apply = () => bench.apply(certificateProviders, 'steady', 'one', { spec }, true);
      await apply();
      const { metadata } = await apply();
      expect((await apply()).metadata).toEqual(metadata);
    });
  });

  describe('whose status is patched', () => {
    it('has the new status, which belongs to the writer of the status', async () => {
      await bench.certificate('told');
      const status = { observedGeneration: 1, message: 'Fine.', conditions: [ready], certificate: { dnsNames: ['a'] } };
      const told = await bench.patchStatus(certificates, 'told', { status });
      expect(told.status).toEqual(status);
      const fields = Object.fromEntries(Object.keys(ready).map((field) => [`f:${field}`, {}]));
      expect(holders(told)).toEqual({
        'somebody Update': { 'f:spec': { '.': {}, 'f:providerRef': {}, 'f:remoteRef': {} } },
        'somebody Update status': {
          'f:status': {
            'f:observedGeneration': {},
            'f:message': {},
            'f:conditions': { '.': {}, 'k:{"type":"Ready"}': { '.': {}, ...fields } },
            'f:certificate': { '.': {}, 'f:dnsNames': {} },
          },
        },
      });
    });

    it('loses what is null, and has lists replaced', async () => {
      await bench.certificate('less');
      const synced = { ...ready, type: 'Synced' };
      await bench.patchStatus(certificates, 'less', { status: { message: 'Fine.', conditions: [ready, synced] } });
      const patch = { message: null, conditions: [synced], secretName: 'x' };
      const less = await bench.patchStatus(certificates, 'less', { status: patch });
      expect(less.status).toEqual({ observedGeneration: -1, conditions: [synced], secretName: 'x' });
      const { metadata } = less;
      expect((await bench.patchStatus(certificates, 'less', { status: patch })).metadata).toEqual(metadata);
      expect((await bench.patchStatus(certificates, 'less', { status: null })).status).toEqual(unseen);
    });

    it('is changed in nothing else', async () => {
      await bench.certificate('rest', { metadata: { labels: { a: 'x' } } });
      const patch = {
        metadata: { labels: { a: 'y', b: 'y' }, annotations: { a: 'y' }, finalizers: ['example.io/late'] },
        spec: { suspend: true },
        status: { message: 'Fine.' },
      };
      const patched = await bench.patchStatus(certificates, 'rest', patch);
      expect(patched).toMatchObject({ metadata: { labels: { a: 'x' }, generation: 1 }, status: { message: 'Fine.' } });
      expect(patched.spec).toEqual(certificateSpec);
      expect(patched.metadata).not.toHaveProperty('annotations');
      expect(patched.metadata).not.toHaveProperty('finalizers');
    });

    it('must be the version that was seen; a uid is not looked at', async () => {
      const { metadata } = await bench.certificate('fenced');
      const { resourceVersion } = metadata;
      const patch = { metadata: { resourceVersion }, status: { message: 'Fine.' } };
      await bench.patchStatus(certificates, 'fenced', patch);
      expect(await refused(bench.patchStatus(certificates, 'fenced', patch))).toMatchObject(stale);
      const alien = { metadata: { uid: strangeUid }, status: { message: 'Alien.' } };
      expect(await bench.patchStatus(certificates, 'fenced', alien)).toMatchObject({ status: { message: 'Alien.' } });
      await bench.delete(certificates, 'fenced');
      expect(await refused(bench.patchStatus(certificates, 'fenced', patch))).toMatchObject(absent);
      await bench.certificate('fenced');
      expect(await refused(bench.patchStatus(certificates, 'fenced', patch))).toMatchObject(stale);
    });

    it('loses what the schema does not know, and is refused what it forbids', async () => {
      await bench.certificate('checked');
      const unknown = { status: { colour: 'green', certificate: { colour: 'green', commonName: 'cn' } } };
      expect((await bench.patchStatus(certificates, 'checked', unknown)).status).toEqual({
        ...unseen,
        certificate: { commonName: 'cn' },
      });
      const { lastTransitionTime: _, ...timeless } = ready;
      const patch = {
        message: 'x'.repeat(257),
        lastSyncTime: 'yesterday',
        lastHandledRefresh: 5,
        conditions: [{ ...timeless, status: 'Perhaps', reason: '' }],
      };
      const refusal = await refused(bench.patchStatus(certificates, 'checked', { status: patch }));
      expect(refusal).toMatchObject({ status: 422, reason: 'Invalid' });
      const fields = refusal.causes.map(({ field, reason }) => `${field} ${reason}`);
      expect(fields).toEqual(
        expect.arrayContaining([
          'status.message FieldValueTooLong',
          'status.lastSyncTime FieldValueTypeInvalid',
          'status.lastHandledRefresh FieldValueTypeInvalid',
          'status.conditions[0].status FieldValueNotSupported',
          'status.conditions[0].reason FieldValueInvalid',
          'status.conditions[0].lastTransitionTime FieldValueRequired',
        ]),
      );
      expect((await bench.get(certificates, 'checked')).status).toHaveProperty('message', unseen.message);
      await bench.patchStatus(certificates, 'checked', { status: { message: 'x'.repeat(256) } });
    });
  });

  it('that somebody holds back goes when they let it go', async () => {
    const finalizers = ['example.io/held'];
    await bench.certificate('held', { metadata: { finalizers } });
    await bench.delete(certificates, 'held');
    const held = await bench.get(certificates, 'held');
    expect(held.metadata).toMatchObject({ generation: 2, finalizers });
    expect(held.metadata.deletionTimestamp).toMatch(/Z$/);
    await bench.delete(certificates, 'held');
    expect(await bench.get(certificates, 'held')).toEqual(held);
    const more = bench.patch(certificates, 'held', { metadata: { finalizers: [...finalizers, 'example.io/more'] } });
    expect(await refused(more)).toMatchObject({ status: 422, causes: [{ field: 'metadata.finalizers' }] });
    expect(await bench.patch(certificates, 'held', { metadata: { labels: { a: 'x' } } })).toMatchObject({
      metadata: { labels: { a: 'x' }, deletionTimestamp: held.metadata.deletionTimestamp },
    });
    await bench.patch(certificates, 'held', { metadata: { finalizers: null } });
    expect(await refused(bench.get(certificates, 'held'))).toMatchObject(absent);
  });
}
