import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Issued } from '../../sandbox/pki/index.ts';
import { secretAnnotations, secretLabels } from '../../src/api/names.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { encoded, textOf, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

/** A ProviderCertificate whose Secret is in place. */
async function inPlace(name: string): Promise<{ issued: Issued; secret: Secret }> {
  const issued = await w.upload(name);
  await w.certificate(name);
  await w.ready(name, 'Valid');
  return { issued, secret: await w.holds(name, issued) };
}

const isAsBefore =
  (before: Secret) =>
  (after: Secret): void => {
    expect(after.data).toEqual(before.data);
    expect(after.metadata.labels).toEqual(before.metadata.labels);
    expect(after.metadata.annotations).toEqual(before.metadata.annotations);
  };

describe.concurrent('what somebody did to the Secret is put right', () => {
  test('when it was deleted', async () => {
    const { issued, secret } = await inPlace('deleted');
    await w.deleteSecret('deleted');
    const after = await w.holds('deleted', issued);
    expect(after.metadata.uid).not.toBe(secret.metadata.uid);
    isAsBefore(secret)(after);
    await w.ready('deleted', 'Valid');
  });

  test('when it holds another pair', async () => {
    const { secret } = await inPlace('edited');
    await w.patchSecret('edited', { data: encoded(tlsOf(await w.issue('edited'))) });
    await w.secretUntil('edited', isAsBefore(secret));
    await w.ready('edited', 'Valid');
    // It is the same certificate as before.
    expect(await w.reasons('edited')).not.toContain('OlderThanCurrent');
  });

  test('when it holds a newer pair than the provider', async () => {
    const { secret } = await inPlace('newer');
    const newer = await w.issue('newer', { notAfter: new Date(Date.now() + 300 * 86_400_000) });
    await w.patchSecret('newer', { data: encoded(tlsOf(newer)) });
    await w.secretUntil('newer', isAsBefore(secret));
    await w.synced('newer', 'Synced');
  });

  test('when its key is of another certificate', async () => {
    const { secret } = await inPlace('broken');
    const other = await w.issue('broken');
    await w.patchSecret('broken', { data: encoded({ 'tls.key': other.privateKey }) });
    await w.secretUntil('broken', isAsBefore(secret));
    await w.ready('broken', 'Valid');
  });

  test('when its data were emptied', async () => {
    const { secret } = await inPlace('emptied');
    await w.patchSecret('emptied', { data: { 'tls.crt': '', 'tls.key': '' } });
    await w.secretUntil('emptied', isAsBefore(secret));
    await w.ready('emptied', 'Valid');
  });

  test('when ca.crt was changed or removed', async () => {
    const { issued, secret } = await inPlace('ca-edited');
    await w.patchSecret('ca-edited', { data: encoded({ 'ca.crt': issued.certificate }) });
    await w.secretUntil('ca-edited', isAsBefore(secret));
    await w.patchSecret('ca-edited', { data: { 'ca.crt': null } });
    await w.secretUntil('ca-edited', isAsBefore(secret));
    expect(textOf(await w.secret('ca-edited'), 'ca.crt')).toBe(issued.root);
  });

  test('when it lost our label', async () => {
    const { secret } = await inPlace('unlabelled');
    const labels = Object.fromEntries(Object.keys(secretLabels).map((key) => [key, null]));
    await w.patchSecret('unlabelled', { metadata: { labels } });
    await w.secretUntil('unlabelled', isAsBefore(secret));
    // The bytes were there all the time.
    expect(w.nhn.counters.downloadsOf['unlabelled']).toBe(1);
  });

  test('when it lost our annotations', async () => {
    const { secret } = await inPlace('unannotated');
    const annotations = Object.fromEntries(Object.values(secretAnnotations).map((key) => [key, null]));
    await w.patchSecret('unannotated', { metadata: { annotations } });
    await w.secretUntil('unannotated', isAsBefore(secret));
    await w.ready('unannotated', 'Valid');
  });

  test('when it lost all metadata at once', async () => {
    const { secret } = await inPlace('stripped');
    await w.patchSecret('stripped', { metadata: { labels: null, annotations: null } });
    await w.secretUntil('stripped', isAsBefore(secret));
    await w.ready('stripped', 'Valid');
  });

  test('when an annotation says something else', async () => {
    const { secret } = await inPlace('mislabelled');
    await w.patchSecret('mislabelled', { metadata: { annotations: { [secretAnnotations.notAfter]: 'for ever' } } });
    await w.secretUntil('mislabelled', isAsBefore(secret));
    expect(w.nhn.counters.downloadsOf['mislabelled']).toBe(1);
  });

  test('when it was replaced by force and our marks are gone, it is a conflict', async () => {
    await inPlace('taken');
    await w.deleteSecret('taken');
    await w.secretUntil('taken');
    await w.ready('taken', 'Valid');
    await w.patch('taken', { suspend: true });
    await w.synced('taken', 'Suspended');
    await w.deleteSecret('taken');
    const before = await w.createSecret('taken', tlsOf(await w.issue('taken')));
    await w.patch('taken', { suspend: false });
    expect(await w.synced('taken', 'SecretConflict')).toMatchObject({ message: expect.stringContaining('somebody') });
    await w.ready('taken', 'SecretConflict');
    expect(await w.secret('taken')).toEqual(before);
  });
});

describe.concurrent('a war over the Secret', () => {
  test('is left alone after the third repair, says who wages it, and a broken pair is repaired all the same', async () => {
    const name = 'war';
    const { secret } = await inPlace(name);
    for (let round = 0; round < 3; round++) {
      await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name))) });
      await w.secretUntil(name, isAsBefore(secret));
    }
    const theirs = await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name))) });
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('somebody') });
    await w.ready(name, 'SecretConflict');
    expect((await w.secret(name))?.data).toEqual(theirs.data);
    expect(await w.event(name, 'SecretConflict')).toMatchObject({ type: 'Warning', count: 1 });

    const other = await w.issue(name);
    await w.patchSecret(name, { data: encoded({ 'tls.key': other.privateKey }) });
    await w.secretUntil(name, isAsBefore(secret));
    await w.ready(name, 'Valid');
  });

  test('over metadata ends in the same way', async () => {
    const name = 'metadata-war';
    const { secret } = await inPlace(name);
    const annotations = { [secretAnnotations.notAfter]: 'for ever' };
    for (let round = 0; round < 3; round++) {
      await w.patchSecret(name, { metadata: { annotations } });
      await w.secretUntil(name, isAsBefore(secret));
    }
    await w.patchSecret(name, { metadata: { annotations } });
    await w.synced(name, 'SecretConflict');
    expect((await w.secret(name))?.metadata.annotations).toMatchObject(annotations);
    // What is in it is good, whatever its annotations say.
    await w.ready(name, 'Valid');
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
  });
});
