import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { createAuthority, type Issued } from '../../sandbox/pki/index.ts';
import { canary } from '../support/canaries.ts';
import { textOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

/** The events with this reason; one event may have happened more than once. */
async function times(name: string, reason: string): Promise<number> {
  const seen = (await w.events(name)).filter((event) => event.reason === reason);
  return seen.reduce((sum, { count }) => sum + count, 0);
}

const withoutKey = ({ certificate, chain, root }: Issued): string => certificate + chain + root;

function encrypted({ key }: Issued, passphrase: string): string {
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
}

describe.concurrent('a renewal', () => {
  test('is told once, with the names that are gone and the new root', async () => {
    const name = 'renewed';
    await w.upload(name, { dnsNames: ['renewed.example.com', 'dropped.example.com', 'also.example.com'] });
    await w.certificate(name);
    await w.ready(name, 'Valid');
    const other = await (await createAuthority({ name: 'Another Root CA' })).intermediate();
    const next = await other.issue({ dnsNames: ['renewed.example.com', 'new.example.com'] });
    w.nhn.upload(name, next.bundle);
    const secret = await w.holds(name, next);
    expect(textOf(secret, 'ca.crt')).toBe(next.root);
    await w.synced(name, 'Synced');

    expect(await w.event(name, 'Rotated')).toMatchObject({ type: 'Normal', count: 1 });
    const dropped = await w.event(name, 'NamesDropped');
    expect(dropped).toMatchObject({ type: 'Warning', count: 1 });
    expect(dropped.message).toContain('dropped.example.com, also.example.com');
    expect(dropped.message).not.toContain('renewed.example.com');
    expect(await w.event(name, 'CAChanged')).toMatchObject({ type: 'Normal', count: 1 });
    expect((await w.reasons(name)).toSorted()).toEqual(['CAChanged', 'NamesDropped', 'Rotated', 'Synced']);
    expect((await w.get(name)).status?.certificate?.dnsNames).toEqual(['renewed.example.com', 'new.example.com']);
  });

  test('that is older than what is there is refused, unless allowOlder says so', async () => {
    const name = 'older';
    const issued = await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    const older = await w.upload(name, { notBefore: inDays(-40) });
    await w.synced(name, 'OlderThanCurrent');
    await w.ready(name, 'Valid');
    await w.holds(name, issued);

    await w.patch(name, { allowOlder: true });
    await w.holds(name, older);
    await w.synced(name, 'Synced');
  });

  test('without its intermediates is refused, unless allowIncompleteChain says so', async () => {
    const name = 'incomplete';
    const issued = await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    const next = await w.issue(name);
    w.nhn.upload(name, next.certificate + next.privateKey);
    await w.synced(name, 'IncompleteChain');
    await w.ready(name, 'Valid');
    await w.holds(name, issued);

    await w.patch(name, { allowIncompleteChain: true });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
    expect(await w.event(name, 'Rotated')).toMatchObject({ count: 1 });
  });

  test('that is broken is refused, told once, and forgotten when it is put right', async () => {
    const name = 'mixed-up';
    const issued = await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    const next = await w.issue(name);
    w.nhn.upload(name, withoutKey(next) + (await w.issue(name)).privateKey);
    expect(await w.synced(name, 'KeyMismatch')).toMatchObject({ message: expect.stringContaining('is kept') });
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
    w.nhn.upload(name, next.bundle);
    await w.holds(name, next);
    await w.synced(name, 'Synced');
    expect(await times(name, 'KeyMismatch')).toBe(1);
    expect(await times(name, 'Rotated')).toBe(1);
  });
});

describe.concurrent('the dates of a certificate', () => {
  test('not yet valid: it is written when its time has come, and what is there stays until then', async () => {
    const [fresh, renewed] = ['not-yet', 'not-yet-renewed'];
    const before = await w.upload(renewed);
    await w.certificate(renewed);
    await w.ready(renewed, 'Valid');

    const notBefore = inSeconds(25);
    const next = await w.upload(renewed, { notBefore });
    const first = await w.upload(fresh, { notBefore });
    await w.certificate(fresh);
    await w.synced(fresh, 'CertificateNotYetValid');
    await w.ready(fresh, 'SecretMissing');
    expect(await w.secret(fresh)).toBeUndefined();
    await w.synced(renewed, 'CertificateNotYetValid');
    await w.holds(renewed, before);
    await w.ready(renewed, 'Valid');

    await w.holds(fresh, first);
    await w.ready(fresh, 'Valid');
    await w.holds(renewed, next);
    await w.synced(renewed, 'Synced');
  });

  test('expired by its own dates: refused', async () => {
    const name = 'expired';
    await w.upload(name, { notBefore: inDays(-100), notAfter: inDays(-1) }, { expires: '2999-12-31' });
    await w.certificate(name);
    await w.synced(name, 'CertificateExpired');
    await w.ready(name, 'SecretMissing');
    expect(await w.secret(name)).toBeUndefined();
  });

  test('expired, as the provider says: refused, and the Secret that is there stays', async () => {
    const name = 'expired-there';
    const issued = await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    await w.upload(name, { notBefore: inDays(-100), notAfter: inDays(-1) });
    await w.synced(name, 'CertificateExpired');
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
  });

  test('ending while it is in place: Ready tells it without anybody asking', async () => {
    const name = 'ending';
    const issued = await w.upload(name, { notAfter: inSeconds(15) });
    await w.certificate(name);
    await w.ready(name, 'Valid');
    await w.ready(name, 'Expired');
    await w.holds(name, issued);
    await w.until(name, ({ status }) => {
      const expiring = status?.conditions?.find(({ type }) => type === 'Expiring');
      expect(expiring).toMatchObject({ status: 'True', reason: 'Expired' });
    });
    const next = await w.upload(name);
    await w.holds(name, next);
    await w.ready(name, 'Valid');
  });

  test('ending soon: told once, and over with the renewal', async () => {
    const name = 'soon';
    await w.upload(name, { notBefore: inDays(-80), notAfter: inDays(10) });
    await w.certificate(name);
    await w.ready(name, 'Valid');
    expect(await w.event(name, 'Expiring')).toMatchObject({ type: 'Warning', count: 1 });
    expect((await w.get(name)).status?.message).toContain('expires in less than 14 days');
    const next = await w.upload(name);
    await w.holds(name, next);
    await w.until(name, ({ status }) => {
      const expiring = status?.conditions?.find(({ type }) => type === 'Expiring');
      expect(expiring).toMatchObject({ status: 'False', reason: 'NotExpiring' });
    });
    expect(await times(name, 'Expiring')).toBe(1);
  });
});

describe.concurrent('a key that the user supplies', () => {
  test('is waited for, used at once, and must fit after a renewal', async () => {
    const name = 'own-key';
    const issued = await w.issue(name);
    w.nhn.upload(name, withoutKey(issued));
    await w.certificate(name, { privateKeySecretRef: { name: 'own-key-of-user' } });
    await w.synced(name, 'PrivateKeyMissing');
    await w.ready(name, 'SecretMissing');

    await w.putSecret('own-key-of-user', { 'tls.key': issued.privateKey });
    await w.holds(name, issued);
    await w.ready(name, 'Valid');

    const next = await w.issue(name);
    w.nhn.upload(name, withoutKey(next));
    await w.synced(name, 'KeyMismatch');
    await w.holds(name, issued);
    await w.ready(name, 'Valid');
    await w.putSecret('own-key-of-user', { 'tls.key': next.privateKey });
    await w.holds(name, next);
    await w.synced(name, 'Synced');
  });

  test('under another key of the Secret, and only when the bundle has none', async () => {
    const name = 'spare-key';
    const issued = await w.upload(name);
    const other = await w.issue(name);
    await w.putSecret('spare', { mine: other.privateKey });
    await w.certificate(name, { privateKeySecretRef: { name: 'spare', key: 'mine' } });
    await w.holds(name, issued);
    w.nhn.upload(name, withoutKey(other));
    await w.holds(name, other);
  });

  test('that is wrong is not used', async () => {
    const name = 'wrong-key';
    const issued = await w.issue(name);
    w.nhn.upload(name, withoutKey(issued));
    await w.certificate(name, { privateKeySecretRef: { name: 'wrong' } });
    const { message } = await w.synced(name, 'PrivateKeyMissing');
    expect(message).toContain('Secret wrong, which privateKeySecretRef names, does not exist or has no key tls.key.');
    await w.putSecret('wrong', { 'tls.key': 'no private key at all' });
    await w.until(name, ({ status }) => {
      const synced = status?.conditions?.find(({ type }) => type === 'Synced');
      expect(['MalformedBundle', 'UnsupportedKey']).toContain(synced?.reason);
    });
    expect(await w.secret(name)).toBeUndefined();
    await w.putSecret('wrong', { 'tls.key': issued.privateKey });
    await w.holds(name, issued);
  });
});

describe.concurrent('an encrypted key', () => {
  test('needs its passphrase, which is used as soon as it is right', async () => {
    const [name, passphrase] = ['encrypted', 'correct horse battery staple'];
    canary(passphrase);
    const issued = await w.issue(name);
    w.nhn.upload(name, withoutKey(issued) + encrypted(issued, passphrase));
    await w.certificate(name);
    await w.synced(name, 'PrivateKeyEncrypted');

    await w.patch(name, { passphraseSecretRef: { name: 'pass' } });
    await w.synced(name, 'PrivateKeyEncrypted');
    await w.putSecret('pass', { passphrase: 'a wrong passphrase, at first' });
    await w.synced(name, 'PrivateKeyEncrypted');
    // With the line end that editors leave behind.
    await w.putSecret('pass', { passphrase: `${passphrase}\n` });
    await w.holds(name, issued);
    await w.ready(name, 'Valid');
  });

  test('that the user supplies is opened too', async () => {
    const [name, passphrase] = ['own-encrypted', 'another long passphrase'];
    canary(passphrase);
    const issued = await w.issue(name);
    w.nhn.upload(name, withoutKey(issued));
    await w.putSecret('own-encrypted-key', { 'tls.key': encrypted(issued, passphrase), secret: passphrase });
    await w.certificate(name, {
      privateKeySecretRef: { name: 'own-encrypted-key' },
      passphraseSecretRef: { name: 'own-encrypted-key', key: 'secret' },
    });
    await w.holds(name, issued);
    await w.ready(name, 'Valid');
  });
});
