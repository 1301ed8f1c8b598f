import { X509Certificate } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { UploadWorld } from '../support/uploads.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

let u: UploadWorld;
beforeAll(async () => {
  u = await UploadWorld.start();
});
afterAll(() => u[Symbol.asyncDispose]());

const leafOf = ({ certificate }: { certificate: string }): X509Certificate => new X509Certificate(certificate);
const remoteName = (prefix: string, { fingerprint256 }: X509Certificate): string =>
  `${prefix}-${fingerprint256.replaceAll(':', '').slice(0, 8).toLowerCase()}`;
const atScp = (prefix: string) => u.scp.registered.filter(({ name }) => name.startsWith(`${prefix}-`));
const atNaver = (prefix: string) => u.naver.registered.filter(({ name }) => name.startsWith(`${prefix}-`));

describe.concurrent('a CertificateUpload', () => {
  test('brings a TLS Secret to Samsung Cloud Platform, once, and says where it is', async () => {
    const leaf = leafOf(await u.issueInto('shop'));
    await u.create('shop', { scp: { tags: { team: 'edge' }, recipients: [{ userId: '1', userName: 'one' }] } });
    const { status } = await u.uploaded('shop', leaf);
    const [there, ...others] = atScp('shop');
    expect(others).toEqual([]);
    expect(there?.leaf?.fingerprint256).toBe(leaf.fingerprint256);
    expect(status).toMatchObject({
      provider: expect.stringContaining('scp'),
      remote: {
        id: there?.id,
        name: remoteName('shop', leaf),
        notAfter: leaf.validToDate.toISOString().slice(0, 19) + 'Z',
      },
      history: [{ id: there?.id }],
    });
    const event = await eventually(async () => {
      const [first] = await u.world.events('shop', 'CertificateUpload');
      expect(first).toMatchObject({ type: 'Normal', reason: 'Uploaded', count: 1 });
      return first;
    });
    expect(event?.message).toContain(remoteName('shop', leaf));
  });

  test('brings one to NAVER Cloud', async () => {
    const leaf = leafOf(await u.issueInto('cdn'));
    await u.create('cdn', { providerRef: { name: 'naver' } });
    const { status } = await u.uploaded('cdn', leaf);
    expect(atNaver('cdn')).toMatchObject([{ id: status.remote?.id, name: remoteName('cdn', leaf) }]);
  });

  test('follows each renewal, keeps one earlier certificate and deletes what is older', async () => {
    for (const [name, provider, there] of [
      ['follow', 'scp', atScp],
      ['flow', 'naver', atNaver],
    ] as const) {
      const leaves = [leafOf(await u.issueInto(name))];
      await u.create(name, { providerRef: { name: provider } });
      await u.uploaded(name, leaves[0]!);
      for (let renewal = 0; renewal < 2; renewal += 1) {
        const leaf = leafOf(await u.issueInto(name));
        leaves.push(leaf);
        await u.uploaded(name, leaf);
      }
      const kept = leaves.slice(1).map((leaf) => remoteName(name, leaf));
      await eventually(() => expect(there(name).map((one) => one.name)).toEqual(kept), { timeoutMs: 60_000 });
      const { status } = await u.until(name, { synced: 'Uploaded' }, (upload) =>
        expect(upload.status?.history).toHaveLength(2),
      );
      expect(status.history?.map((made) => made.name)).toEqual(kept.toReversed());
    }
  });

  test('keeps what is in use, tells so, and deletes it when it is not used any more', async () => {
    const name = 'used';
    const first = leafOf(await u.issueInto(name));
    await u.create(name, { keepPrevious: 0 });
    await u.uploaded(name, first);
    const [{ id } = { id: '' }] = atScp(name);
    u.scp.inUse.add(id);
    await u.uploaded(name, leafOf(await u.issueInto(name)));
    const kept = await u.until(name, { synced: 'Uploaded' }, ({ status }) =>
      expect(status?.message).toContain(`Still in use and therefore kept: ${remoteName(name, first)}`),
    );
    expect(kept.status.history).toHaveLength(2);
    await eventually(async () =>
      expect((await u.world.events(name, 'CertificateUpload')).map(({ reason }) => reason)).toContain('PreviousKept'),
    );
    u.scp.inUse.delete(id);
    await u.refresh(name);
    await eventually(() => expect(atScp(name)).toHaveLength(1), { timeoutMs: 60_000 });
  });

  test('touches nothing that others made, not even under a name that it wants', async () => {
    const name = 'foreign';
    const issued = await u.world.issue(name);
    const wanted = remoteName(name, leafOf(issued));
    const other = await u.world.issue(name);
    const id = u.scp.upload(wanted, other);
    u.scp.upload(`${name}-00000000`, other);
    await u.put(name, issued);
    await u.create(name, { keepPrevious: 0 });
    // Before the next list the cloud only says that the name is taken.
    await u.until(name, { ready: 'NotUploaded', synced: 'NameTaken' }, ({ status }) =>
      expect(status?.message).toContain(`another certificate named ${wanted}`),
    );
    const leaf = leafOf(await u.issueInto(name));
    await u.uploaded(name, leaf);
    await u.uploaded(name, leafOf(await u.issueInto(name)));
    await eventually(() => expect(atScp(name)).toHaveLength(3), { timeoutMs: 60_000 });
    expect(atScp(name).map((one) => one.id)).toContain(id);
    expect(atScp(name).map((one) => one.name)).toContain(`${name}-00000000`);
  });

  test('finds what somebody uploaded under the very name, and never deletes it', async () => {
    const name = 'byhand';
    const issued = await u.world.issue(name);
    u.scp.upload(remoteName(name, leafOf(issued)), issued);
    await u.put(name, issued);
    await u.create(name, { keepPrevious: 0 });
    const { status } = await u.uploaded(name, leafOf(issued));
    expect(status.history).toBeUndefined();
    await u.uploaded(name, leafOf(await u.issueInto(name)));
    expect(atScp(name)).toHaveLength(2);
  });

  test('uploads again what was deleted at the provider', async () => {
    const name = 'again';
    const leaf = leafOf(await u.issueInto(name));
    await u.create(name);
    await u.uploaded(name, leaf);
    const [{ id } = { id: '' }] = atScp(name);
    u.scp.remove(id);
    await u.refresh(name);
    await eventually(() => expect(atScp(name)).toHaveLength(1), { timeoutMs: 60_000 });
    await u.until(name, { ready: 'Valid', synced: 'Uploaded' }, ({ status }) =>
      expect(status?.remote?.id).toBe(atScp(name)[0]?.id),
    );
  });

  test('leaves everything at the provider when it is deleted', async () => {
    const leaf = leafOf(await u.issueInto('left'));
    await u.create('left');
    await u.uploaded('left', leaf);
    await u.delete('left');
    await u.issueInto('left');
    // Something that comes later is done, so that this would have been.
    await u.create('left-later', { secretRef: { name: 'left' } });
    await u.until('left-later', { synced: 'Uploaded' });
    expect(atScp('left').filter(({ name }) => !name.startsWith('left-later'))).toHaveLength(1);
  });

  test('does nothing while it is suspended, and goes on afterwards', async () => {
    const leaf = leafOf(await u.issueInto('pause'));
    await u.create('pause', { suspend: true });
    await u.until('pause', { ready: 'NotUploaded', synced: 'Suspended' });
    expect(atScp('pause')).toEqual([]);
    await u.patch('pause', { spec: { suspend: false } });
    await u.uploaded('pause', leaf);
  });

  test('waits for the Secret, and judges it before anything is sent', async () => {
    const name = 'gate';
    await u.create(name);
    await u.until(name, { synced: 'SecretMissing' });
    await u.world.createSecret(name, { 'tls.crt': '', 'tls.key': '' });
    const { status } = await u.until(name, { synced: 'MalformedBundle' });
    expect(status.message).toMatch(/^Secret gate cannot be uploaded: /);
    const [one, other] = [await u.world.issue(name), await u.world.issue(name)];
    const mixed = { ...one, privateKey: other.privateKey };
    await u.world.deleteSecret(name);
    await u.put(name, mixed);
    await u.until(name, { synced: 'KeyMismatch' });
    const ended = { notBefore: new Date(Date.now() - 9e8), notAfter: new Date(Date.now() - 1e8) };
    await u.put(name, await u.world.issue(name, ended));
    await u.until(name, { synced: 'CertificateExpired' });
    expect(atScp(name)).toEqual([]);
    await u.put(name, one);
    await u.uploaded(name, leafOf(one));
  });

  test.each([
    ['NHN Cloud takes no uploads', { providerRef: { name: 'nhn' } }, /Samsung Cloud Platform or NAVER Cloud/],
    [
      'NAVER Cloud takes shorter names',
      { providerRef: { name: 'naver' }, remoteNamePrefix: 'twelve-chars' },
      /remoteNamePrefix of at most 11 characters/,
    ],
  ])('%s', async (title, spec, message) => {
    const name = title.split(' ')[0]!.toLowerCase();
    await u.issueInto(name);
    await u.create(name, spec);
    const { status } = await u.until(name, { ready: 'NotUploaded', synced: 'InvalidSpec' });
    expect(status.message).toMatch(message);
  });

  test('a provider object that is not there', async () => {
    await u.issueInto('lost');
    await u.create('lost', { providerRef: { name: 'nowhere' } });
    await u.until('lost', { synced: 'ProviderNotFound' });
  });
});

describe('an account', () => {
  test('that may only read is told so, and everything else at it works on', async () => {
    await using other = await UploadWorld.start();
    for (const provider of ['scp', 'naver'] as const) {
      // Reading is not refused.
      other[provider].readOnly = true;
      const name = `ro${provider}`;
      const leaf = leafOf(await other.issueInto(name));
      await other.create(name, { providerRef: { name: provider } });
      const { status } = await other.until(name, { ready: 'NotUploaded', synced: 'PermissionDenied' });
      const { message } = status.conditions?.find(({ type }) => type === 'Synced') ?? {};
      expect(message).toContain('to create and to delete certificates');
      await other.world.providerReady(provider, 'Valid');
      other[provider].readOnly = false;
      await other.refresh(name);
      await other.uploaded(name, leaf);
    }
  });

  test('that is down is waited for', async () => {
    await using other = await UploadWorld.start();
    const name = 'down';
    const leaf = leafOf(await other.issueInto(name));
    other.scp.fault({ match: 'create', status: 503 });
    await other.create(name);
    await other.until(name, { synced: 'ProviderUnavailable' });
    other.scp.clearFaults();
    await other.uploaded(name, leaf);
    expect(other.scp.registered).toHaveLength(1);
  });
});

test('without --enable-uploads nothing is uploaded', async () => {
  await using off = await UploadWorld.start({ uploads: false });
  await off.issueInto('off');
  await off.create('off');
  // The operator works, and has had time for it.
  const issued = await off.world.upload('on');
  await off.world.certificate('on');
  await off.world.holds('on', issued);
  expect((await off.get('off')).status?.conditions).toBeUndefined();
  expect(off.scp.registered).toEqual([]);
});
