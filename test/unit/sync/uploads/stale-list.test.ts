import { expect, test } from 'vitest';
import { certificateUploads } from '../../../../src/api/group.ts';
import type { CertificateUpload } from '../../../../src/api/upload.ts';
import { secrets } from '../../../../src/kube/objects.ts';
import { foreignSecret, minute, world } from '../world.ts';

test('a list that was begun before an upload does not pass for one that must show it', async () => {
  const { clock, provider, create, get } = await world();
  provider.latencyMs = minute;
  await clock.advance(4 * minute);
  expect(provider.running).toBe(1);
  await create(secrets, 'issued', foreignSecret);
  const spec = { providerRef: { name: 'nhn' }, secretRef: { name: 'issued' }, remoteNamePrefix: 'up' };
  await create(certificateUploads, 'issued', { spec });
  await clock.advance(10_000);
  expect(provider.asked('create')).toBe(1);
  // The list that is under way ends, then another one, and then the download that tells what it shows.
  await clock.advance(3 * minute);
  expect(provider.asked('list')).toBe(3);
  expect(provider.asked('create')).toBe(1);
  const { status } = await get<CertificateUpload>(certificateUploads, 'issued');
  expect(status?.conditions?.find(({ type }) => type === 'Synced')).toMatchObject({ reason: 'Uploaded' });
});
