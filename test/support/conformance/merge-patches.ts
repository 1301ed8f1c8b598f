import { beforeAll, expect, it } from 'vitest';
import { secrets } from '../../../src/kube/objects.ts';
import type { Candidate } from '../api-conformance.ts';
import { absent, base64, Bench, data, holders, invalidBecause, refused, signal, stale, strangeUid } from './bench.ts';

export function mergePatches(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  it('sets fields and removes those that are null', async () => {
    await bench.create(secrets, 'merged', {
      ...data({ a: 'x', b: 'x' }),
      metadata: { labels: { a: 'x', b: 'x' }, annotations: { a: 'x' } },
    });
    const patch = {
      data: { a: null, c: base64('y') },
      metadata: { labels: { a: null, c: 'y' }, annotations: { a: null } },
    };
    const merged = await bench.patch(secrets, 'merged', patch);
    expect(merged.data).toEqual({ b: base64('x'), c: base64('y') });
    expect(merged.metadata.labels).toEqual({ b: 'x', c: 'y' });
    expect(merged.metadata).not.toHaveProperty('annotations');
    const bare = await bench.patch(secrets, 'merged', { data: null, metadata: { labels: null } });
    expect(bare).not.toHaveProperty('data');
    expect(bare.metadata).not.toHaveProperty('labels');
    expect(holders(bare)).toEqual({ 'somebody Update': { 'f:type': {} } });
  });

  it('takes what it changes from whoever held it; what it leaves as it is stays with them', async () => {
    await bench.secret('taken', 'one', { ...data({ a: 'x', b: 'x', c: 'x' }), metadata: { labels: { team: 'a' } } });
    const patch = { data: { a: base64('y'), b: base64('x'), c: null, d: base64('y') }, metadata: { labels: null } };
    const taken = await bench.patch(secrets, 'taken', patch, 'other/2.0 (linux)');
    expect(holders(taken)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'other Update': { 'f:data': { 'f:a': {}, 'f:d': {} } },
    });
    const again = await bench.patch(secrets, 'taken', data({ b: 'y' }), 'other/2.1');
    expect(holders(again)).toEqual({ 'other Update': { 'f:data': { 'f:a': {}, 'f:b': {}, 'f:d': {} } } });
  });

  it('of the version that was seen goes through; of any other it is a conflict', async () => {
    const { metadata } = await bench.secret('seen', 'one', data({ key: 'x' }));
    const { uid, resourceVersion } = metadata;
    const patch = { metadata: { uid, resourceVersion, annotations: { gone: null } }, ...data({ key: 'y' }) };
    await bench.patch(secrets, 'seen', patch);
    expect(await refused(bench.patch(secrets, 'seen', patch))).toMatchObject(stale);
    const alien = await refused(bench.patch(secrets, 'seen', { metadata: { uid: strangeUid }, ...data({ key: 'z' }) }));
    expect(alien).toMatchObject(
      invalidBecause('metadata.uid', 'Invalid', `Invalid value: "${strangeUid}": field is immutable`),
    );
    // Made anew meanwhile: the version is found to be another before the uid is.
    await bench.delete(secrets, 'seen');
    await bench.secret('seen', 'one', data({ key: 'x' }));
    expect(await refused(bench.patch(secrets, 'seen', patch))).toMatchObject(stale);
  });

  it('makes no new version when it says nothing new', async () => {
    const { metadata } = await bench.secret('same', 'one', { ...data({ key: 'x' }), metadata: { labels: { a: 'x' } } });
    const patch = { ...data({ key: 'x' }), metadata: { labels: { a: 'x', b: null }, annotations: {} } };
    expect((await bench.patch(secrets, 'same', patch)).metadata).toEqual(metadata);
  });

  it('of what is not there is refused, whatever version it names', async () => {
    expect(await refused(bench.patch(secrets, 'absent', data({ key: 'x' })))).toMatchObject(absent);
    const named = { metadata: { uid: strangeUid, resourceVersion: '1' } };
    expect(await refused(bench.patch(secrets, 'absent', named))).toMatchObject(absent);
  });

  it('answers with metadata alone when asked for that', async () => {
    await bench.secret('quiet', 'one', data({ key: 'x' }));
    const patched = await bench.client.mergePatch(
      secrets,
      { namespace: bench.namespace, name: 'quiet' },
      data({ key: 'y' }),
      {
        metadataOnly: true,
        signal,
      },
    );
    expect(patched).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: patched.metadata });
    expect((await bench.get(secrets, 'quiet')).metadata).toEqual(patched.metadata);
  });
}
