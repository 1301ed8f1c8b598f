import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

describe.concurrent('mode Observe', () => {
  test('without a Secret speaks of the certificate at the provider, and downloads it once', async () => {
    const name = 'alone';
    await w.upload(name, { dnsNames: ['alone.example.com'] });
    await w.certificate(name, { mode: 'Observe' });
    expect(await w.ready(name, 'RemoteValid')).toMatchObject({ status: 'True' });
    expect(await w.synced(name, 'NotCompared')).toMatchObject({ status: 'Unknown' });
    const { status } = await w.get(name);
    expect(status?.certificate?.dnsNames).toEqual(['alone.example.com']);
    expect(status).not.toHaveProperty('secretName');
    expect(await w.secret(name)).toBeUndefined();

    await w.upload(name, { dnsNames: ['alone.example.com', 'more.example.com'] });
    await w.until(name, (found) => expect(found.status?.certificate?.dnsNames).toContain('more.example.com'));
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
    expect(await w.secret(name)).toBeUndefined();
  });

  test('without a Secret tells what is wrong with the certificate at the provider', async () => {
    const name = 'alone-broken';
    w.nhn.upload(name, 'no certificate at all');
    await w.certificate(name, { mode: 'Observe' });
    await w.synced(name, 'MalformedBundle');
    await w.ready(name, 'NotCompared');
    await w.upload(name);
    await w.ready(name, 'RemoteValid');
    await w.synced(name, 'NotCompared');
  });

  test('compares a Secret of somebody, and never touches it', async () => {
    const name = 'compared';
    const issued = await w.upload(name);
    const before = await w.createSecret(name, tlsOf(issued));
    await w.certificate(name, { mode: 'Observe', secretName: name });
    await w.synced(name, 'InSync');
    await w.ready(name, 'Valid');

    const next = await w.upload(name);
    expect(await w.synced(name, 'Differs')).toMatchObject({ status: 'False' });
    await w.ready(name, 'Valid');
    expect(await w.secret(name)).toEqual(before);

    // Somebody puts it right: looked at again once per poll.
    await w.deleteSecret(name);
    await w.synced(name, 'SecretMissing');
    await w.ready(name, 'SecretMissing');
    const after = await w.createSecret(name, tlsOf(next));
    await w.synced(name, 'InSync');
    await w.ready(name, 'Valid');
    expect(await w.secret(name)).toEqual(after);
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
  });

  test('says that a Secret is of no use', async () => {
    const name = 'useless';
    const issued = await w.upload(name);
    const { privateKey } = await w.issue(name);
    await w.createSecret(name, { 'tls.crt': issued.certificate, 'tls.key': privateKey });
    await w.certificate(name, { mode: 'Observe', secretName: name });
    await w.synced(name, 'Differs');
    await w.ready(name, 'SecretInvalid');
  });

  test('looks again at a Secret in sync when asked', async () => {
    const name = 'asked';
    const issued = await w.upload(name);
    await w.createSecret(name, tlsOf(issued));
    await w.certificate(name, { mode: 'Observe', secretName: name });
    await w.synced(name, 'InSync');
    await w.deleteSecret(name);
    const value = await w.refresh(name);
    await w.synced(name, 'SecretMissing');
    await w.until(name, ({ status }) => expect(status?.lastHandledRefresh).toBe(value));
  });

  test('does not get in the way of one that syncs', async () => {
    const name = 'beside';
    const issued = await w.upload(name);
    await w.certificate('beside-observer', { mode: 'Observe', secretName: name, remoteRef: { name } });
    await w.synced('beside-observer', 'SecretMissing');
    await w.certificate(name);
    await w.holds(name, issued);
    await w.ready(name, 'Valid');
    await w.synced('beside-observer', 'InSync');
    await w.ready('beside-observer', 'Valid');
  });

  test('checks dnsNames of the certificate at the provider', async () => {
    const name = 'observed-names';
    const issued = await w.upload(name);
    await w.createSecret(name, tlsOf(issued));
    await w.certificate(name, { mode: 'Observe', secretName: name, dnsNames: ['extra.example.com'] });
    await w.synced(name, 'NamesNotCovered');
  });
});
