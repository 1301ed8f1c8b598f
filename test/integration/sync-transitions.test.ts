import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { certificateProviders } from '../../src/api/group.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { cloud, encoded, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

/** A ProviderCertificate whose Secret is in place. */
async function inPlace(name: string, spec: Parameters<World['certificate']>[1] = {}): Promise<Secret> {
  const issued = await w.upload(name);
  await w.certificate(name, spec);
  await w.ready(name, 'Valid');
  await w.synced(name, 'Synced');
  return w.holds(name, issued);
}

describe.concurrent('a change of the spec', () => {
  test('secretName: the new Secret is written, the old one stays untouched', async () => {
    const before = await inPlace('renamed');
    await w.patch('renamed', { secretName: 'renamed-2' });
    await w.ready('renamed', 'Valid');
    await w.synced('renamed', 'Synced');
    expect((await w.secret('renamed-2'))?.data).toEqual(before.data);
    expect(await w.secret('renamed')).toEqual(before);
    expect(await w.event('renamed', 'SecretReleased')).toMatchObject({ type: 'Normal', count: 1 });
    expect((await w.get('renamed')).status).toMatchObject({ secretName: 'renamed-2' });

    // Nobody keeps the old one any more.
    const next = await w.upload('renamed');
    await w.holds('renamed-2', next);
    expect(await w.secret('renamed')).toEqual(before);
  });

  test('secretName back again: the first Secret is taken back', async () => {
    const before = await inPlace('there-and-back');
    await w.patch('there-and-back', { secretName: 'there' });
    await w.ready('there-and-back', 'Valid');
    await w.patch('there-and-back', { secretName: null });
    await w.ready('there-and-back', 'Valid');
    expect((await w.secret('there-and-back'))?.data).toEqual(before.data);
  });

  test('mode Observe: nothing is touched, and the other way round it is kept current again', async () => {
    const name = 'sync-observe';
    const before = await inPlace(name);
    await w.patch(name, { mode: 'Observe', secretName: name });
    await w.synced(name, 'InSync');
    await w.ready(name, 'Valid');
    const next = await w.upload(name);
    await w.synced(name, 'Differs');
    expect(await w.secret(name)).toEqual(before);

    await w.patch(name, { mode: 'Sync' });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
  });

  test('suspend: nothing is touched or read until it ends', async () => {
    const name = 'suspended';
    await inPlace(name);
    await w.patch(name, { suspend: true });
    await w.synced(name, 'Suspended');
    await w.ready(name, 'Valid');
    await w.upload(name);
    await w.refresh(name);
    const edited = await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name))) });
    await w.ready(name, 'SecretConflict');
    // Long enough for the provider's list to show the new one: another certificate gets it.
    await inPlace('suspended-probe');
    const probe = await w.upload('suspended-probe');
    await w.holds('suspended-probe', probe);
    expect(await w.secret(name)).toEqual(edited);
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);

    const next = await w.upload(name);
    await w.patch(name, { suspend: null });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
  });

  test('suspend from the start: nothing comes to be', async () => {
    await w.upload('born-suspended');
    await w.certificate('born-suspended', { suspend: true });
    await w.synced('born-suspended', 'Suspended');
    await w.ready('born-suspended', 'SecretMissing');
    expect(await w.secret('born-suspended')).toBeUndefined();
    expect(w.nhn.counters.downloadsOf).not.toHaveProperty('born-suspended');
  });

  test('providerRef: the old pair stays until the new one is there', async () => {
    const name = 'reprovided';
    const before = await inPlace(name);
    await w.patch(name, { providerRef: { name: 'second' } });
    await w.synced(name, 'ProviderNotFound');
    await w.ready(name, 'SpecNotMet');
    expect(await w.secret(name)).toEqual(before);

    const { access, nhn } = await cloud();
    try {
      const other = await w.issue(name);
      nhn.upload(name, other.certificate + other.chain + (await w.issue(name)).privateKey);
      await w.credentials('second', access);
      await w.provider('second', nhn);
      await w.synced(name, 'KeyMismatch');
      await w.ready(name, 'SpecNotMet');
      expect(await w.secret(name)).toEqual(before);

      // Somebody asks for the certificate of this provider now, so it does not matter that it is older.
      const older = await w.issue(name, { notBefore: new Date(Date.now() - 40 * 86_400_000) });
      nhn.upload(name, older.bundle);
      await w.holds(name, older);
      await w.ready(name, 'Valid');
      await w.synced(name, 'Synced');
    } finally {
      await nhn[Symbol.asyncDispose]();
    }
  });

  test('remoteRef: the old pair stays until the new one is there', async () => {
    const name = 'reselected';
    const before = await inPlace(name);
    await w.patch(name, { remoteRef: { name: 'reselected-2' } });
    await w.synced(name, 'CertificateNotFound');
    await w.ready(name, 'SpecNotMet');
    expect(await w.secret(name)).toEqual(before);

    w.nhn.upload('reselected-2', 'no certificate at all');
    await w.refresh(name);
    await w.synced(name, 'MalformedBundle');
    await w.ready(name, 'SpecNotMet');
    expect(await w.secret(name)).toEqual(before);

    const older = await w.upload('reselected-2', { notBefore: new Date(Date.now() - 40 * 86_400_000) });
    await w.holds(name, older);
    await w.ready(name, 'Valid');
  });

  test('dnsNames: the old pair stays until one covers them', async () => {
    const name = 'more-names';
    const before = await inPlace(name);
    await w.patch(name, { dnsNames: ['more-names.example.com', 'extra.example.com'] });
    await w.synced(name, 'NamesNotCovered');
    expect(await w.ready(name, 'SpecNotMet')).toMatchObject({ message: expect.stringContaining('extra.example.com') });
    expect(await w.secret(name)).toEqual(before);
    // One download told; asking again would tell nothing new.
    expect(w.nhn.counters.downloadsOf[name]).toBeLessThanOrEqual(2);

    const next = await w.upload(name, { dnsNames: ['more-names.example.com', 'extra.example.com'] });
    await w.holds(name, next);
    await w.ready(name, 'Valid');

    await w.patch(name, { dnsNames: ['MORE-names.example.com'] });
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
  });

  test('many at once: the Secret is as the last one says', async () => {
    const name = 'restless';
    await inPlace(name);
    const other = await w.upload('restless-2');
    for (const team of ['a', 'b', 'c']) {
      await w.patch(name, { secretTemplate: { labels: { team } }, remoteRef: { name: 'restless-2' } });
      await w.patch(name, { secretTemplate: { labels: { team: `${team}2` } }, remoteRef: { name } });
    }
    await w.patch(name, { secretTemplate: { labels: { team: 'last' } }, remoteRef: { name: 'restless-2' } });
    await w.ready(name, 'Valid');
    await w.synced(name, 'Synced');
    const secret = await w.holds(name, other);
    expect(secret.metadata.labels).toMatchObject({ team: 'last' });
  });
});

describe.concurrent('when what it needs goes away, the Secret stays', () => {
  test('the provider object, the credentials, and back', async () => {
    const name = 'bereft';
    const { access, nhn } = await cloud();
    try {
      const issued = await w.issue(name);
      nhn.upload(name, issued.bundle);
      await w.credentials('third', access);
      await w.provider('third', nhn);
      await w.certificate(name, { providerRef: { name: 'third' } });
      await w.ready(name, 'Valid');
      const before = await w.holds(name, issued);

      await w.deleteSecret('third-credentials');
      await w.providerReady('third', 'CredentialsMissing');
      await w.synced(name, 'CredentialsMissing');
      await w.ready(name, 'Valid');

      await w.credentials('third', { ...access, appKey: '' });
      await w.providerReady('third', 'CredentialsMissing');
      await w.credentials('third', access);
      await w.synced(name, 'Synced');

      await w.client.delete(
        certificateProviders,
        { namespace: w.namespace, name: 'third' },
        { signal: AbortSignal.timeout(30_000) },
      );
      await w.synced(name, 'ProviderNotFound');
      await w.ready(name, 'Valid');
      await w.refresh(name);
      expect(await w.secret(name)).toEqual(before);

      await w.provider('third', nhn);
      await w.synced(name, 'Synced');
      expect(await w.secret(name)).toEqual(before);
      // The refresh that was asked for meanwhile.
      await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBeDefined());
      expect(nhn.counters.downloadsOf[name]).toBe(2);
    } finally {
      await nhn[Symbol.asyncDispose]();
    }
  });

  test('credentials that the provider accepts; without them only the provider object speaks of it', async () => {
    const name = 'locked-out';
    const { access, nhn } = await cloud();
    try {
      const issued = await w.issue(name);
      nhn.upload(name, issued.bundle);
      await w.credentials('fourth', access);
      await w.provider('fourth', nhn);
      await w.certificate(name, { providerRef: { name: 'fourth' } });
      await w.holds(name, issued);
      await w.synced(name, 'Synced');
      const before = await w.get(name);

      await w.credentials('fourth', { ...access, secretAccessKey: 'not-the-right-one' });
      await w.providerReady('fourth', 'AuthenticationFailed');
      // Whatever the pause: new credentials are tried at once.
      await w.credentials('fourth', access);
      await w.providerReady('fourth', 'Valid');
      expect(await w.get(name)).toEqual(before);
      expect(nhn.counters.downloadsOf[name]).toBe(1);
    } finally {
      await nhn[Symbol.asyncDispose]();
    }
  });

  test('the certificate at the provider', async () => {
    const name = 'vanished';
    const before = await inPlace(name);
    w.nhn.remove(name);
    await w.synced(name, 'CertificateNotFound');
    await w.ready(name, 'Valid');
    expect(await w.secret(name)).toEqual(before);
    expect((await w.get(name)).status?.message).toContain('is kept');
  });
});

describe.concurrent('the refresh annotation', () => {
  test('has it downloaded and compared once for each value, and writes nothing when all is equal', async () => {
    const name = 'refreshed';
    const before = await inPlace(name);
    const value = await w.refresh(name);
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(value));
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
    expect(await w.secret(name)).toEqual(before);

    const second = await w.refresh(name);
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(second));
    expect(w.nhn.counters.downloadsOf[name]).toBe(3);
  });

  test('finds a second upload of the same day', async () => {
    const name = 'same-day';
    await inPlace(name);
    const today = new Date().toISOString().slice(0, 10);
    const first = await w.upload(name, {}, { created: today });
    await w.holds(name, first);
    await w.synced(name, 'Synced');
    const second = await w.upload(name, {}, { created: today });
    const value = await w.refresh(name);
    await w.holds(name, second);
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(value));
  });

  test('has a refused certificate judged again, once', async () => {
    const name = 'refused';
    w.nhn.upload(name, 'no certificate at all');
    await w.certificate(name);
    await w.synced(name, 'MalformedBundle');
    const value = await w.refresh(name);
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(value));
    await w.synced(name, 'MalformedBundle');
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
    expect(await w.event(name, 'MalformedBundle')).toMatchObject({ count: 1 });
  });
});
