import { expect, test } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import { refreshAnnotation } from '../../../src/api/names.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { ProviderError } from '../../../src/providers/errors.ts';
import { minute, name, world } from './world.ts';

test('who looked at a Secret before its rival had written it is told of the write', async () => {
  const { clock, create, change, hold, statusOf } = await world();
  const providerRef = { name: 'nhn' };
  await create(providerCertificates, 'first', { spec: { providerRef, remoteRef: { name: 'missing' } } });
  await clock.advance(minute);
  await create(providerCertificates, 'second', { spec: { providerRef, remoteRef: { name }, secretName: 'shared' } });
  const release = hold('apply secrets default/shared');
  await clock.advance(1_000);
  await change(providerCertificates, { spec: { secretName: 'shared' } }, 'first');
  await clock.advance(1_000);
  expect(await statusOf('first')).toMatchObject({ Synced: 'CertificateNotFound' });
  release();
  await clock.advance(1_000);
  expect(await statusOf('second')).toMatchObject({ Synced: 'Synced' });
  expect(await statusOf('first')).toMatchObject({ Synced: 'SecretConflict' });
});

test('what becomes due while a slow look goes on is done at its end', async () => {
  const { clock, change, provider, hold, statusOf } = await world();
  const broken = new ProviderError({ reason: 'InvalidResponse', message: 'This is no bundle.' });
  provider.fault = ({ operation }) => (operation === 'download' ? broken : undefined);
  await change(providerCertificates, { metadata: { annotations: { [refreshAnnotation]: 'now' } } });
  await clock.advance(500);
  expect(await statusOf()).toMatchObject({ Synced: 'InvalidResponse' });
  const asked = provider.asked('download');
  provider.fault = () => undefined;
  const release = hold(`get secrets default/${name}`);
  await change(secrets, { metadata: { annotations: { note: 'mine' } } });
  await clock.advance(10_000);
  expect(provider.asked('download')).toBe(asked);
  release();
  await clock.advance(1_000);
  expect(provider.asked('download')).toBe(asked + 1);
  expect(await statusOf()).toMatchObject({ Synced: 'Synced' });
});
