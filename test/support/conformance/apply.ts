import { beforeAll, describe, expect, it } from 'vitest';
import { conflictingManagers } from '../../../src/kube/errors.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { isNewer } from '../../../src/kube/versions.ts';
import type { Candidate } from '../api-conformance.ts';
import { absent, base64, Bench, data, holders, invalidBecause, refused, signal, stale, strangeUid } from './bench.ts';
import type { Metadata } from './bench.ts';

const owner = (uid: string): NonNullable<Metadata['ownerReferences']>[number] => ({
  apiVersion: 'v1',
  kind: 'Secret',
  name: 'owner',
  uid,
  controller: false,
  blockOwnerDeletion: false,
});

/** A conflict over fields of one manager each. */
function conflictOver(...held: [field: string, manager: string][]): object {
  const causes = held.map(([field, manager]) => ({
    reason: 'FieldManagerConflict',
    field,
    message: `conflict with ${manager}`,
  }));
  return { status: 409, reason: 'Conflict', causes: expect.toSatisfy((seen: unknown[]) => same(seen, causes)) };
}

function same(seen: unknown[], expected: unknown[]): boolean {
  expect(new Set(seen)).toEqual(new Set(expected));
  return true;
}

export function serverSideApply(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  describe('of what is not there', () => {
    it('creates it, with what was applied as the property of the manager', async () => {
      const metadata = { labels: { team: 'a' }, annotations: { note: 'b' }, ownerReferences: [] };
      const made = await bench.secret('new', 'one', { ...data({ key: 'x' }), metadata, type: 'Opaque' });
      expect(made).toEqual({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'new',
          namespace: bench.namespace,
          uid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
          resourceVersion: expect.stringMatching(/^[1-9]\d*$/),
          creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          labels: { team: 'a' },
          annotations: { note: 'b' },
          managedFields: [
            {
              manager: 'one',
              operation: 'Apply',
              apiVersion: 'v1',
              time: made.metadata.creationTimestamp,
              fieldsType: 'FieldsV1',
              fieldsV1: {
                'f:data': { 'f:key': {} },
                'f:metadata': { 'f:labels': { 'f:team': {} }, 'f:annotations': { 'f:note': {} } },
                'f:type': {},
              },
            },
          ],
        },
        type: 'Opaque',
        data: { key: base64('x') },
      });
      expect(await bench.get(secrets, 'new')).toEqual(made);
    });

    it('sets the default type, which nobody holds', async () => {
      const made = await bench.secret('typeless', 'one', data({ key: 'x' }));
      expect(made.type).toBe('Opaque');
      expect(holders(made)).toEqual({ 'one Apply': { 'f:data': { 'f:key': {} } } });
    });

    it('holds a map that is empty, but no empty list', async () => {
      const made = await bench.secret('empty', 'one', { data: {}, metadata: { labels: {}, ownerReferences: [] } });
      expect(holders(made)).toEqual({ 'one Apply': { 'f:data': {}, 'f:metadata': { 'f:labels': {} } } });
      expect(made).not.toHaveProperty('data');
    });

    it('needs no version, but with a uid it is a conflict', async () => {
      const conflict = await refused(bench.secret('gone', 'one', { metadata: { uid: strangeUid } }, true));
      expect(conflict).toMatchObject(stale);
      const both = { uid: strangeUid, resourceVersion: '1' };
      expect(await refused(bench.secret('gone', 'one', { metadata: both }, true))).toMatchObject(stale);
      expect(await refused(bench.get(secrets, 'gone'))).toMatchObject(absent);
      await bench.secret('gone', 'one', { metadata: { resourceVersion: '1' } });
    });
  });

  describe('of what others hold', () => {
    it('is a conflict that names field and manager', async () => {
      await bench.secret('held', 'one', data({ key: 'x' }));
      const error = await refused(bench.secret('held', 'two', data({ key: 'y' })));
      expect(error).toMatchObject(conflictOver(['.data.key', '"one"']));
      expect(error.message).toContain('Apply failed with 1 conflict: conflict with "one": .data.key');
      expect((await bench.get(secrets, 'held')).data).toEqual({ key: base64('x') });
    });

    it('names everybody, and how a field was written that nobody applied', async () => {
      const written = { ...data({ 'tls.crt': 'x', 'tls.key': 'y' }), type: 'kubernetes.io/tls' };
      await bench.create(secrets, 'many', { ...written, metadata: { labels: { team: 'a' } } });
      await bench.secret('many', 'one', data({ 'tls.crt': 'x' }));
      const changed = { ...data({ 'tls.crt': 'z', 'tls.key': 'y' }), metadata: { labels: { team: 'b' } } };
      const error = await bench.secret('many', 'two', { ...changed, type: 'Opaque' }).catch((error: unknown) => error);
      expect(await refused(Promise.reject(error as Error))).toMatchObject(
        conflictOver(
          ['.type', '"somebody" using v1'],
          ['.data.tls.crt', '"somebody" using v1'],
          ['.data.tls.crt', '"one"'],
          ['.metadata.labels.team', '"somebody" using v1'],
        ),
      );
      expect(conflictingManagers(error).sort()).toEqual(['one', 'somebody']);
    });

    it('is accepted in silence when the value is the same, and then both hold it', async () => {
      await bench.secret('shared', 'one', data({ key: 'x', other: 'y' }));
      const shared = await bench.secret('shared', 'two', data({ key: 'x' }));
      expect(holders(shared)).toEqual({
        'one Apply': { 'f:data': { 'f:key': {}, 'f:other': {} } },
        'two Apply': { 'f:data': { 'f:key': {} } },
      });
      const times = shared.metadata.managedFields?.map(({ manager, time }) => [manager, time !== undefined]);
      // Who changes nothing has no time, and so comes first.
      expect(times).toEqual([
        ['two', false],
        ['one', true],
      ]);
      const conflict = await refused(bench.secret('shared', 'two', data({ key: 'z' })));
      expect(conflict).toMatchObject(conflictOver(['.data.key', '"one"']));
    });

    it('also when it was created, which holds the map itself, too', async () => {
      await bench.create(secrets, 'created', { ...data({ key: 'x' }), metadata: { labels: { team: 'a' } } });
      expect(holders(await bench.secret('created', 'one', data({ key: 'x' })))).toEqual({
        'somebody Update': {
          'f:data': { '.': {}, 'f:key': {} },
          'f:metadata': { 'f:labels': { '.': {}, 'f:team': {} } },
          'f:type': {},
        },
        'one Apply': { 'f:data': { 'f:key': {} } },
      });
    });

    it('takes it over by force, and leaves them the rest', async () => {
      await bench.create(secrets, 'forced', data({ key: 'x', other: 'y' }));
      const forced = await bench.secret('forced', 'one', data({ key: 'z' }), true);
      expect(forced.data).toEqual({ key: base64('z'), other: base64('y') });
      expect(holders(forced)).toEqual({
        'somebody Update': { 'f:data': { '.': {}, 'f:other': {} }, 'f:type': {} },
        'one Apply': { 'f:data': { 'f:key': {} } },
      });
      const all = await bench.secret('forced', 'one', data({ key: 'z', other: 'z' }), true);
      expect(holders(all)['somebody Update']).toEqual({ 'f:data': {}, 'f:type': {} });
    });
  });

  describe('again', () => {
    it('removes what is not applied any more, and nothing else', async () => {
      await bench.secret('shrinking', 'one', {
        ...data({ kept: 'x', gone: 'x' }),
        metadata: { labels: { kept: 'x', gone: 'x' }, annotations: { gone: 'x' } },
      });
      await bench.patch(secrets, 'shrinking', { ...data({ others: 'x' }), metadata: { labels: { others: 'x' } } });
      const shrunk = await bench.secret('shrinking', 'one', {
        ...data({ kept: 'x' }),
        metadata: { labels: { kept: 'x' } },
      });
      expect(Object.keys(shrunk.data ?? {}).sort()).toEqual(['kept', 'others']);
      expect(shrunk.metadata.labels).toEqual({ kept: 'x', others: 'x' });
      expect(shrunk.metadata).not.toHaveProperty('annotations');
    });

    it('keeps what somebody else holds as well', async () => {
      await bench.secret('kept', 'one', data({ a: 'x', b: 'x', c: 'x' }));
      await bench.secret('kept', 'two', data({ a: 'x' }));
      await bench.patch(secrets, 'kept', data({ b: 'y' }));
      const left = await bench.secret('kept', 'one', {});
      expect(left.data).toEqual({ a: base64('x'), b: base64('y') });
      expect(holders(left)).toEqual({
        'two Apply': { 'f:data': { 'f:a': {} } },
        'somebody Update': { 'f:data': { 'f:b': {} } },
      });
    });

    it('with nothing gives everything up: who shared the data keeps it', async () => {
      await bench.create(secrets, 'released', data({ key: 'x' }));
      const metadata = { labels: { ours: 'x' }, annotations: { ours: 'x' } };
      const shared = await bench.secret('released', 'one', { ...data({ key: 'x' }), metadata });
      const released = await bench.secret('released', 'one', { metadata: { uid: shared.metadata.uid } });
      expect(released).toMatchObject({ data: { key: base64('x') }, type: 'Opaque' });
      expect(released.metadata).not.toHaveProperty('labels');
      expect(released.metadata).not.toHaveProperty('annotations');
      expect(Object.keys(holders(released))).toEqual(['somebody Update']);
    });

    it('leaves an object that nobody holds anything of; the next one to apply finds that all was held before', async () => {
      await bench.secret('orphan', 'one', data({ key: 'x' }));
      expect(await bench.secret('orphan', 'one')).not.toHaveProperty('metadata.managedFields');
      const patched = await bench.patch(secrets, 'orphan', data({ key: 'y' }));
      expect(patched).not.toHaveProperty('metadata.managedFields');
      expect(await refused(bench.secret('orphan', 'two', data({ key: 'z' })))).toMatchObject(
        conflictOver(['.data.key', '"before-first-apply" using v1']),
      );
      expect(holders(await bench.secret('orphan', 'two', data({ key: 'y' })))).toEqual({
        'two Apply': { 'f:data': { 'f:key': {} } },
        'before-first-apply Update': { 'f:data': { '.': {}, 'f:key': {} }, 'f:type': {} },
      });
    });

    it('makes no new version when it says nothing new', async () => {
      const write = { ...data({ key: 'x' }), metadata: { ownerReferences: [] } };
      const { metadata } = await bench.secret('steady', 'one', write);
      expect((await bench.secret('steady', 'one', write, true)).metadata).toEqual(metadata);
      const { uid, resourceVersion } = metadata;
      const judged = { ...data({ key: 'x' }), metadata: { uid, resourceVersion } };
      expect((await bench.secret('steady', 'one', judged)).metadata).toEqual(metadata);
    });
  });

  it('takes owners one by one', async () => {
    const [ours, theirs] = [
      owner('11111111-1111-4111-8111-111111111111'),
      owner('22222222-2222-4222-8222-222222222222'),
    ];
    await bench.secret('owned', 'one', { metadata: { ownerReferences: [ours] } });
    const both = await bench.secret('owned', 'two', { metadata: { ownerReferences: [theirs] } });
    expect(both.metadata.ownerReferences).toEqual([ours, theirs]);
    expect(holders(both)).toEqual({
      'one Apply': { 'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${ours.uid}"}`]: {} } } },
      'two Apply': { 'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${theirs.uid}"}`]: {} } } },
    });
    const field = `.metadata.ownerReferences[uid="${ours.uid}"]`;
    const other = bench.secret('owned', 'two', {
      metadata: { ownerReferences: [{ ...ours, controller: true }, theirs] },
    });
    expect(await refused(other)).toMatchObject(conflictOver([field, '"one"']));
    const left = await bench.secret('owned', 'one', { metadata: { ownerReferences: [] } });
    expect(left.metadata.ownerReferences).toEqual([theirs]);
    expect(holders(left)).not.toHaveProperty('one Apply');
  });

  it('keeps owners in order: those that are applied as they are there, the others where they were', async () => {
    const uids = ['1', '2', '3', '4', '5', '6'].map((digit) => `${digit.repeat(8)}-1111-4111-8111-111111111111`);
    const owners = (...nths: number[]): Metadata => ({ ownerReferences: nths.map((nth) => owner(uids[nth] ?? '')) });
    await bench.secret('ordered', 'one', { metadata: owners(0, 1, 2, 3) });
    const { metadata } = await bench.secret('ordered', 'two', { metadata: owners(4, 3, 1, 5) });
    expect(metadata.ownerReferences?.map(({ uid }) => uids.indexOf(uid))).toEqual([0, 2, 4, 3, 1, 5]);
  });

  describe('of the version that was judged', () => {
    it('goes through; of any other it is a conflict', async () => {
      const { metadata } = await bench.secret('judged', 'one', data({ key: 'x' }));
      const { uid, resourceVersion } = metadata;
      const judged = { uid, resourceVersion };
      const next = await bench.secret('judged', 'two', { ...data({ key: 'y' }), metadata: judged }, true);
      expect(isNewer(next.metadata.resourceVersion, resourceVersion)).toBe(true);
      // Also when it would change nothing.
      for (const text of ['y', 'z']) {
        const late = await refused(bench.secret('judged', 'two', { ...data({ key: text }), metadata: judged }, true));
        expect(late).toMatchObject(stale);
        expect(late.message).toContain('the object has been modified');
      }
    });

    it('with another uid would change the uid, which is immutable; but a stale version is found first', async () => {
      const { metadata } = await bench.secret('alien', 'one', data({ key: 'x' }));
      const write = (metadata: Metadata) => bench.secret('alien', 'one', { ...data({ key: 'y' }), metadata }, true);
      const immutable = `Invalid value: "${strangeUid}": field is immutable`;
      const alien = await refused(write({ uid: strangeUid }));
      expect(alien).toMatchObject(invalidBecause('metadata.uid', 'Invalid', immutable));
      const known = await refused(write({ uid: strangeUid, resourceVersion: metadata.resourceVersion }));
      expect(known).toMatchObject(invalidBecause('metadata.uid', 'Invalid', immutable));
      expect(await refused(write({ uid: strangeUid, resourceVersion: '1' }))).toMatchObject(stale);
    });

    it('meets what others hold before its own version', async () => {
      await bench.secret('first', 'one', data({ key: 'x' }));
      const error = await refused(
        bench.secret('first', 'two', { ...data({ key: 'y' }), metadata: { resourceVersion: '1' } }),
      );
      expect(error).toMatchObject(conflictOver(['.data.key', '"one"']));
    });

    it('after it was deleted and made anew is a conflict', async () => {
      const { metadata } = await bench.secret('again', 'one', data({ key: 'x' }));
      await bench.delete(secrets, 'again');
      const again = await bench.secret('again', 'two', data({ key: 'x' }));
      expect(again.metadata.uid).not.toBe(metadata.uid);
      const { uid, resourceVersion } = metadata;
      const late = bench.secret('again', 'one', { ...data({ key: 'y' }), metadata: { uid, resourceVersion } }, true);
      expect(await refused(late)).toMatchObject(stale);
    });
  });

  it('answers with metadata alone when asked for that', async () => {
    const options = { fieldManager: 'one', force: false, metadataOnly: true, signal };
    const answer = await bench.client.apply(secrets, bench.manifest(secrets, 'quiet', data({ key: 'x' })), options);
    expect(answer).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: answer.metadata });
    expect((await bench.get(secrets, 'quiet')).metadata).toEqual(answer.metadata);
  });
}
