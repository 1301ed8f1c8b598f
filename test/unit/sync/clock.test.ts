import { describe, expect, test } from 'vitest';
import { certificateProviders, providerCertificates } from '../../../src/api/group.ts';
import type { ProviderCertificate } from '../../../src/api/certificate.ts';
import type { CertificateProvider } from '../../../src/api/provider.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { entryOf } from '../providers/support.ts';
import { bundle, bundleWithoutKey, credentials, day, foreignSecret, hour, minute, name, world } from './world.ts';

describe('a clock that is set back by a day', () => {
  test('leaves no date in the future for long, and refreshes go on', async () => {
    const { clock, provider, get, statusOf, set } = await world({ refreshInterval: '2h' });
    expect(await statusOf()).toMatchObject({ Ready: 'Valid', Synced: 'Synced' });
    expect(provider.asked('download')).toBe(1);
    set(-day);
    await clock.advance(hour + 5 * minute);
    const { lastCheckTime = '', lastSyncTime = '' } = await statusOf();
    expect(Date.parse(lastCheckTime)).toBeLessThanOrEqual(clock.now());
    expect(Date.parse(lastSyncTime)).toBeLessThanOrEqual(clock.now());
    const { status } = await get<CertificateProvider>(certificateProviders, 'nhn');
    expect(Date.parse(status?.lastCheckTime ?? '')).toBeLessThanOrEqual(clock.now());
    expect(provider.asked('download')).toBe(2);
    await clock.advance(2 * hour);
    expect(provider.asked('download')).toBe(3);
  });

  test('does not confuse what was downloaded a moment ago', async () => {
    const { clock, provider, change, statusOf, set } = await world();
    provider.entries = [{ ...entryOf(name), revision: '2' }];
    await clock.advance(4 * minute);
    expect(provider.asked('download')).toBe(2);
    set(-day);
    await change(providerCertificates, { metadata: { annotations: { again: '1' } } });
    await clock.advance(10_000);
    expect(Date.parse((await statusOf())['lastSyncTime'] ?? '')).toBeLessThanOrEqual(clock.now());
    expect(provider.asked('download')).toBe(2);
  });
});

describe.each([
  ['back', -day],
  ['forward', day],
])('a clock that is set %s by a day', (_, ms) => {
  test('makes nobody wait longer, or for less, before a refused bundle is looked at again', async () => {
    const { clock, provider, statusOf, set } = await world();
    provider.bundle = () => bundleWithoutKey;
    provider.entries = [{ ...entryOf(name), revision: '2' }];
    await clock.advance(4.5 * minute);
    expect(await statusOf()).toMatchObject({ Synced: 'PrivateKeyMissing' });
    const asked = provider.asked('download');
    set(ms);
    provider.bundle = () => bundle;
    await clock.advance(0.4 * minute);
    expect(provider.asked('download')).toBe(asked);
    await clock.advance(0.2 * minute);
    expect(provider.asked('download')).toBe(asked + 1);
    expect(await statusOf()).toMatchObject({ Synced: 'Synced' });
  });

  test('does not hold up a Secret of somebody else that is gone', async () => {
    const { clock, remove, statusOf, set } = await world({}, foreignSecret);
    expect(await statusOf()).toMatchObject({ Synced: 'SecretConflict' });
    await remove(secrets, name);
    set(ms);
    await clock.advance(6 * minute);
    expect(await statusOf()).toMatchObject({ Synced: 'Synced' });
  });

  test('makes nobody wait longer, or for less, before an edited Secret is put right again', async () => {
    const { clock, change, statusOf, set } = await world();
    const edit = async (): Promise<void> => {
      await change(secrets, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'me' } } });
      await clock.advance(1_000);
    };
    for (let times = 0; times < 4; times++) await edit();
    expect(await statusOf()).toMatchObject({ Synced: 'SecretConflict' });
    set(ms);
    await clock.advance(50_000);
    expect(await statusOf()).toMatchObject({ Synced: 'SecretConflict' });
    await clock.advance(20_000);
    expect(await statusOf()).toMatchObject({ Synced: 'Synced' });
  });
});

test('a clock that is behind that of the API server does not keep a new object waiting for its first status', async () => {
  const { clock, provider, create, get, set } = await world();
  provider.latencyMs = minute;
  await create(secrets, 'other', { ...credentials, data: { ...credentials.data, appKey: 'eA==' } });
  await create(certificateProviders, 'other', { spec: { nhn: { credentialsSecretRef: { name: 'other' } } } });
  await create(providerCertificates, 'new', { spec: { providerRef: { name: 'other' }, remoteRef: { name } } });
  set(-hour);
  await clock.advance(6_000);
  const { status } = await get<ProviderCertificate>(providerCertificates, 'new');
  expect(status?.conditions?.find(({ type }) => type === 'Synced')?.reason).toBe('Pending');
});

describe('what a date decides', () => {
  test('is looked at each hour, without a request where nothing is to be done', async () => {
    const { clock, requests } = await world();
    requests.length = 0;
    await clock.advance(3 * hour);
    expect(requests.filter((operation) => !operation.includes('certificateproviders'))).toEqual([]);
  });

  test('follows a clock that is set, within an hour and in both directions', async () => {
    const { clock, statusOf, set } = await world({ refreshInterval: '0s' });
    set(3 * day);
    await clock.advance(hour);
    expect(await statusOf()).toMatchObject({ Ready: 'Expired', Expiring: 'Expired' });
    set(-3 * day);
    await clock.advance(hour);
    expect(await statusOf()).toMatchObject({ Ready: 'Valid' });
  });
});
