import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { secretAnnotations, secretLabels } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { leafOf, textOf, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
const ours = 'provider-certificates';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

const holderOf = async (name: string): Promise<string | undefined> =>
  (await w.secret(name))?.metadata.annotations?.[secretAnnotations.certificate]?.replace(`${w.namespace}/`, '');

describe.concurrent('of two that want the same Secret', () => {
  test('the one that has it keeps it until it is deleted, then the other takes it', async () => {
    const [first, second] = [await w.upload('held-a'), await w.upload('held-b')];
    await w.certificate('held-a', { secretName: 'held' });
    await w.ready('held-a', 'Valid');
    await w.certificate('held-b', { secretName: 'held' });
    expect(await w.synced('held-b', 'SecretConflict')).toMatchObject({ message: expect.stringContaining('held-a') });
    await w.ready('held-b', 'SecretConflict');
    await w.holds('held', first);

    await w.remove('held-a');
    await w.ready('held-b', 'Valid');
    await w.holds('held', second);
    expect(await holderOf('held')).toBe('held-b');
  });

  test('the other takes it when the holder wants another one', async () => {
    const [first, second] = [await w.upload('moving-a'), await w.upload('moving-b')];
    await w.certificate('moving-a', { secretName: 'moving' });
    await w.ready('moving-a', 'Valid');
    await w.certificate('moving-b', { secretName: 'moving' });
    await w.synced('moving-b', 'SecretConflict');

    await w.patch('moving-a', { secretName: 'moved' });
    await w.ready('moving-a', 'Valid');
    await w.holds('moved', first);
    await w.ready('moving-b', 'Valid');
    await w.holds('moving', second);
    expect(await holderOf('moving')).toBe('moving-b');
    expect(await w.event('moving-a', 'SecretReleased')).toMatchObject({ count: 1 });
    expect(w.nhn.counters.downloadsOf).toMatchObject({ 'moving-b': 1 });
  });

  test('the other takes it when the holder only observes', async () => {
    const [first, second] = [await w.upload('watching-a'), await w.upload('watching-b')];
    await w.certificate('watching-a', { secretName: 'watching' });
    await w.ready('watching-a', 'Valid');
    await w.certificate('watching-b', { secretName: 'watching' });
    await w.synced('watching-b', 'SecretConflict');
    await w.holds('watching', first);

    await w.patch('watching-a', { mode: 'Observe' });
    await w.ready('watching-b', 'Valid');
    await w.holds('watching', second);
    await w.refresh('watching-a');
    await w.synced('watching-a', 'Differs');
  });

  test('the older one gets a Secret that nobody has', async () => {
    await w.upload('late-b');
    const older = await w.certificate('late-a', { secretName: 'late' });
    await w.synced('late-a', 'CertificateNotFound');
    // The time of creation is known to the second; of two in one second the UID decides.
    const laterSecond = Date.parse(older.metadata.creationTimestamp ?? '') + 1_000;
    await eventually(() => {
      if (Date.now() < laterSecond) throw new Error('it is still the same second');
    });
    await w.certificate('late-b', { secretName: 'late' });
    expect(await w.synced('late-b', 'SecretConflict')).toMatchObject({ message: expect.stringContaining('late-a') });
    expect(await w.secret('late')).toBeUndefined();
  });
});

describe.concurrent('a Secret that outlived its ProviderCertificate', () => {
  test('is taken back by one of the same name, as it is', async () => {
    const issued = await w.upload('again');
    await w.certificate('again');
    await w.ready('again', 'Valid');
    const before = await w.holds('again', issued);
    await w.remove('again');
    expect(await w.secret('again')).toEqual(before);

    await w.certificate('again');
    await w.ready('again', 'Valid');
    await w.synced('again', 'Synced');
    expect(await w.secret('again')).toEqual(before);
    expect(w.nhn.counters.downloadsOf['again']).toBe(1);
  });

  test('with deletionPolicy Delete it gets the new owner', async () => {
    const issued = await w.upload('reowned');
    await w.certificate('reowned', { deletionPolicy: 'Delete' });
    await w.ready('reowned', 'Valid');
    await w.remove('reowned');
    const { metadata } = await w.certificate('reowned', { deletionPolicy: 'Delete' });
    await w.synced('reowned', 'Synced');
    const secret = await w.holds('reowned', issued);
    expect(secret.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([metadata.uid]);
  });

  test('may be taken by another of the namespace', async () => {
    await w.upload('orphan-a');
    const second = await w.upload('orphan-b');
    await w.certificate('orphan-a', { secretName: 'orphan' });
    await w.ready('orphan-a', 'Valid');
    await w.remove('orphan-a');
    await w.certificate('orphan-b', { secretName: 'orphan' });
    await w.ready('orphan-b', 'Valid');
    await w.holds('orphan', second);
    expect(await holderOf('orphan')).toBe('orphan-b');
  });
});

describe.concurrent('adoptExisting', () => {
  test('takes over a plain TLS Secret, and leaves nothing of the old one in it', async () => {
    const name = 'adopted';
    const issued = await w.upload(name);
    const old = await w.issue(name, { notBefore: daysAgo(20) });
    await w.createSecret(
      name,
      { ...tlsOf(old), 'ca.crt': 'not a certificate at all' },
      {
        metadata: {
          labels: { team: 'a' },
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data": {}}', note: 'b' },
        },
      },
    );
    w.nhn.upload(name, issued.certificate + issued.chain + issued.privateKey);
    await w.certificate(name, { adoptExisting: true });
    await w.ready(name, 'Valid');
    const secret = await w.holds(name, issued);
    expect(Object.keys(secret.data ?? {}).toSorted()).toEqual(['tls.crt', 'tls.key']);
    expect(secret.metadata.labels).toEqual({ ...secretLabels, team: 'a' });
    expect(secret.metadata.annotations).toMatchObject({ note: 'b' });
    expect(secret.metadata.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration');

    const next = await w.upload(name);
    expect(textOf(await w.holds(name, next), 'ca.crt')).toBe(next.root);
  });

  test('takes over one that holds the very same pair', async () => {
    const name = 'adopted-same';
    const issued = await w.upload(name);
    await w.createSecret(name, tlsOf(issued));
    await w.certificate(name, { adoptExisting: true });
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
    expect((await w.secret(name))?.metadata.labels).toEqual(secretLabels);
  });

  test('can be set when the conflict is there already', async () => {
    const name = 'adopted-later';
    const issued = await w.upload(name);
    await w.createSecret(name, tlsOf(await w.issue(name, { notBefore: daysAgo(20) })));
    await w.certificate(name);
    await w.synced(name, 'SecretConflict');
    await w.patch(name, { adoptExisting: true });
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
  });

  test('does not replace a newer certificate by an older one unless allowOlder says so', async () => {
    const name = 'adopted-older';
    const older = await w.upload(name, { notBefore: daysAgo(60) });
    const before = await w.createSecret(name, tlsOf(await w.issue(name)));
    await w.certificate(name, { adoptExisting: true });
    await w.synced(name, 'OlderThanCurrent');
    expect(await w.secret(name)).toEqual(before);

    await w.patch(name, { allowOlder: true });
    await w.ready(name, 'Valid');
    await w.holds(name, older);
  });

  test('acts once: what replaces the Secret later stays', async () => {
    const name = 'adopted-once';
    const issued = await w.upload(name);
    const old = await w.issue(name, { notBefore: daysAgo(20) });
    await w.createSecret(name, tlsOf(old));
    await w.certificate(name, { adoptExisting: true });
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
    await w.ready(name, 'Valid');

    await w.patch(name, { suspend: true });
    await w.synced(name, 'Suspended');
    await w.deleteSecret(name);
    const before = await w.createSecret(name, tlsOf(old));
    await w.patch(name, { suspend: false });
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('once') });
    expect(await w.secret(name)).toEqual(before);
  });

  const managed: Record<string, object> = {
    'cert-manager': { annotations: { 'cert-manager.io/certificate-name': 'web' } },
    'Argo CD': { labels: { 'argocd.argoproj.io/instance': 'web' } },
    Helm: { annotations: { 'meta.helm.sh/release-name': 'web' } },
    'Certificate web': {
      ownerReferences: [
        { apiVersion: 'example.com/v1', kind: 'Certificate', name: 'web', uid: 'u-1', controller: true },
      ],
    },
  };
  test.each(Object.entries(managed))('does not touch a Secret that %s manages', async (who, metadata) => {
    const name = `managed-by-${who.toLowerCase().replaceAll(' ', '-')}`;
    await w.upload(name);
    const before = await w.createSecret(name, tlsOf(await w.issue(name, { notBefore: daysAgo(20) })), { metadata });
    await w.certificate(name, { adoptExisting: true });
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining(who) });
    expect(await w.secret(name)).toEqual(before);
  });

  test('does not touch a Secret whose data somebody applies', async () => {
    const name = 'applied';
    await w.upload(name);
    const old = await w.issue(name, { notBefore: daysAgo(20) });
    const before = await w.putSecret(name, tlsOf(old), { type: 'kubernetes.io/tls', manager: 'flux' });
    await w.certificate(name, { adoptExisting: true });
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('flux') });
    expect(await w.secret(name)).toEqual(before);
  });

  const unfit: Record<string, [Record<string, string>, { type?: string; immutable?: boolean }]> = {
    'other data': [{ 'keystore.jks': 'x' }, {}],
    'another type': [{}, { type: 'Opaque' }],
    'no way to change it': [{}, { immutable: true }],
  };
  test.each(Object.entries(unfit))('does not touch a Secret with %s', async (what, [data, rest]) => {
    const name = `unfit-${what.replaceAll(' ', '-')}`;
    await w.upload(name);
    const old = await w.issue(name, { notBefore: daysAgo(20) });
    const before = await w.createSecret(name, { ...tlsOf(old), ...data }, rest);
    await w.certificate(name, { adoptExisting: true });
    await w.synced(name, 'SecretConflict');
    expect(await w.secret(name)).toEqual(before);
    expect(before.metadata.managedFields?.map(({ manager }) => manager)).not.toContain(ours);
    expect(leafOf(before)).toBeDefined();
  });
});
