import { beforeAll, describe, expect, it } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { leases, secrets } from '../../../src/kube/objects.ts';
import { isNewer } from '../../../src/kube/versions.ts';
import type { Candidate } from '../api-conformance.ts';
import { absent, base64, Bench, certificateSpec, data, holders, refused, signal, stale, strangeUid } from './bench.ts';

const time = '2026-01-01T00:00:00.000000Z';
const lease = {
  holderIdentity: 'a',
  leaseDurationSeconds: 15,
  acquireTime: time,
  renewTime: time,
  leaseTransitions: 0,
};

export function otherCalls(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  describe('creating', () => {
    it('makes an object that belongs to whoever made it', async () => {
      const made = await bench.create(secrets, 'made', { ...data({ key: 'x' }), metadata: { uid: strangeUid } });
      expect(made).toMatchObject({ type: 'Opaque', data: { key: base64('x') } });
      expect(made.metadata.uid).not.toBe(strangeUid);
      expect(made.metadata).not.toHaveProperty('generation');
      expect(holders(made)).toEqual({ 'somebody Update': { 'f:data': { '.': {}, 'f:key': {} }, 'f:type': {} } });
      expect(await bench.get(secrets, 'made')).toEqual(made);
    });

    it('passes over what is null', async () => {
      const spec = { ...certificateSpec, suspend: null, secretTemplate: { labels: null } };
      const made = await bench.certificate('null', { spec, metadata: { labels: {} } });
      expect(made.spec).toEqual({ ...certificateSpec, secretTemplate: {} });
      expect(made.metadata).not.toHaveProperty('labels');
    });

    it('what is there already is refused', async () => {
      await bench.create(secrets, 'twice', data({ key: 'x' }));
      expect(await refused(bench.create(secrets, 'twice', data({ key: 'y' })))).toMatchObject({
        status: 409,
        reason: 'AlreadyExists',
        causes: [],
      });
      expect((await bench.get(secrets, 'twice')).data).toEqual({ key: base64('x') });
    });

    it('takes no version', async () => {
      const write = { metadata: { resourceVersion: '1' } };
      expect(await refused(bench.create(secrets, 'versioned', write))).toMatchObject({ status: 500 });
    });

    it('on trial stores nothing', async () => {
      const manifest = bench.manifest(secrets, 'trial', data({ key: 'x' }));
      const trial = await bench.client.create(secrets, manifest, { dryRun: true, signal });
      expect(trial.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(trial.metadata).not.toHaveProperty('resourceVersion');
      expect(await refused(bench.get(secrets, 'trial'))).toMatchObject(absent);
    });
  });

  describe('replacing', () => {
    it('takes away what is not said again, of the version that was seen alone', async () => {
      await bench.secret('replaced', 'one', { ...data({ a: 'x', b: 'x' }), metadata: { labels: { a: 'x' } } });
      const { metadata } = await bench.get(secrets, 'replaced');
      const { resourceVersion } = metadata;
      const write = { ...data({ a: 'x', c: 'x' }), metadata: { resourceVersion } };
      const replaced = await bench.replace(secrets, 'replaced', write);
      expect(Object.keys(replaced.data ?? {})).toEqual(['a', 'c']);
      expect(replaced.metadata).not.toHaveProperty('labels');
      expect(replaced.metadata).toMatchObject({ uid: metadata.uid, creationTimestamp: metadata.creationTimestamp });
      expect(holders(replaced)).toEqual({
        'one Apply': { 'f:data': { 'f:a': {} } },
        'somebody Update': { 'f:data': { 'f:c': {} } },
      });
      expect(await refused(bench.replace(secrets, 'replaced', write))).toMatchObject(stale);
    });

    it('a Secret needs no version', async () => {
      await bench.create(secrets, 'unseen', data({ a: 'x' }));
      expect((await bench.replace(secrets, 'unseen', data({ b: 'x' }))).data).toEqual({ b: base64('x') });
    });

    it('what has another uid is a conflict', async () => {
      await bench.create(secrets, 'alien', data({ a: 'x' }));
      expect(await refused(bench.replace(secrets, 'alien', { metadata: { uid: strangeUid } }))).toMatchObject(stale);
    });

    it('what is not there is refused', async () => {
      expect(await refused(bench.replace(secrets, 'absent', data({ a: 'x' })))).toMatchObject(absent);
    });
  });

  describe('a Lease', () => {
    it('is passed on from version to version', async () => {
      const made = await bench.create(leases, 'passed', { spec: lease });
      expect(made.spec).toEqual(lease);
      const fields = Object.fromEntries(Object.keys(lease).map((field) => [`f:${field}`, {}]));
      expect(holders(made)).toEqual({ 'somebody Update': { 'f:spec': fields } });
      const renewed = await bench.replace(leases, 'passed', {
        metadata: made.metadata,
        spec: { ...lease, renewTime: '2026-01-01T00:00:02.000000Z' },
      });
      expect(isNewer(renewed.metadata.resourceVersion, made.metadata.resourceVersion)).toBe(true);
      const late = { metadata: made.metadata, spec: { ...lease, holderIdentity: 'b' } };
      expect(await refused(bench.replace(leases, 'passed', late))).toMatchObject(stale);
      const released = { metadata: renewed.metadata, spec: { ...lease, holderIdentity: '' } };
      expect(await bench.replace(leases, 'passed', released)).toMatchObject({ spec: { holderIdentity: '' } });
    });

    it('is created once', async () => {
      await bench.create(leases, 'once', { spec: lease });
      const again = { status: 409, reason: 'AlreadyExists' };
      expect(await refused(bench.create(leases, 'once', { spec: lease }))).toMatchObject(again);
    });

    it('is replaced only with a version', async () => {
      await bench.create(leases, 'unseen', { spec: lease });
      expect(await refused(bench.replace(leases, 'unseen', { spec: lease }))).toMatchObject({
        status: 422,
        causes: [{ field: 'metadata.resourceVersion' }],
      });
    });

    it('that is gone is not replaced, but another one is made when nobody says which it was', async () => {
      const { metadata } = await bench.create(leases, 'gone', { spec: lease });
      await bench.delete(leases, 'gone');
      expect(await refused(bench.replace(leases, 'gone', { metadata, spec: lease }))).toMatchObject(stale);
      await bench.replace(leases, 'gone', { metadata: { resourceVersion: metadata.resourceVersion }, spec: lease });
      expect((await bench.get(leases, 'gone')).metadata.uid).not.toBe(metadata.uid);
    });

    it('lasts some time', async () => {
      const refusal = await refused(bench.create(leases, 'timeless', { spec: { ...lease, leaseDurationSeconds: 0 } }));
      expect(refusal).toMatchObject({ status: 422, causes: [{ field: 'spec.leaseDurationSeconds' }] });
    });
  });

  describe('deleting', () => {
    it('takes the object away, once', async () => {
      await bench.create(secrets, 'deleted', data({ key: 'x' }));
      await bench.delete(secrets, 'deleted');
      expect(await refused(bench.get(secrets, 'deleted'))).toMatchObject(absent);
      expect(await refused(bench.delete(secrets, 'deleted'))).toMatchObject(absent);
    });

    it('of the name leaves room for another object', async () => {
      const first = await bench.create(secrets, 'reborn', data({ key: 'x' }));
      await bench.delete(secrets, 'reborn');
      const second = await bench.create(secrets, 'reborn', data({ key: 'x' }));
      expect(second.metadata.uid).not.toBe(first.metadata.uid);
      expect(isNewer(second.metadata.resourceVersion, first.metadata.resourceVersion)).toBe(true);
    });
  });

  describe('reading', () => {
    it('shows metadata alone when asked for that', async () => {
      await bench.create(secrets, 'quiet', data({ key: 'x' }));
      const where = { namespace: bench.namespace, name: 'quiet' };
      const { metadata } = await bench.get(secrets, 'quiet');
      expect(await bench.client.get(secrets, where, { metadataOnly: true, signal })).toEqual({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
      });
    });

    it('what is not there is refused', async () => {
      expect(await refused(bench.get(secrets, 'absent'))).toMatchObject(absent);
    });

    it('what is not served is refused in another way', async () => {
      const gadgets = { ...providerCertificates, plural: 'gadgets' };
      const error: unknown = await bench.get(gadgets, 'any').catch((error: unknown) => error);
      expect(error).toMatchObject({ name: 'KubeError', status: 404 });
      expect(isNotFound(error)).toBe(false);
    });

    it('gives copies: what a reader does with them is nobody else’s', async () => {
      const made = await bench.create(secrets, 'copied', { ...data({ key: 'x' }), metadata: { labels: { a: 'x' } } });
      const before = structuredClone(made);
      for (const seen of [made, await bench.get(secrets, 'copied')]) {
        seen.metadata.labels = {};
        delete seen.data?.['key'];
      }
      expect(await bench.get(secrets, 'copied')).toEqual(before);
    });
  });

  it('are numbered in one line, whatever they write', async () => {
    const versions = [
      await bench.create(secrets, 'one', data({ key: 'x' })),
      await bench.create(leases, 'two', { spec: lease }),
      await bench.certificate('three'),
      await bench.patch(secrets, 'one', data({ key: 'y' })),
    ].map(({ metadata }) => metadata.resourceVersion);
    expect(versions).toEqual(versions.toSorted((a, b) => (isNewer(a, b) ? 1 : -1)));
    expect(new Set(versions).size).toBe(versions.length);
  });

  it('throw the reason of a signal that is aborted', async () => {
    const name = { namespace: bench.namespace, name: 'any' };
    await expect(bench.client.get(secrets, name, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
}
