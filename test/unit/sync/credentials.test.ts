import { expect, test } from 'vitest';
import { certificateProviders } from '../../../src/api/group.ts';
import type { CertificateProvider } from '../../../src/api/provider.ts';
import { secrets } from '../../../src/kube/objects.ts';
import { failure } from '../providers/model.ts';
import { credentials, minute, world } from './world.ts';

test('credentials that are deleted and made anew during a pause do not end it', async () => {
  const { clock, provider, create, get, remove, statusOf } = await world();
  const ready = async () => {
    const { status } = await get<CertificateProvider>(certificateProviders, 'nhn');
    return status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  };
  provider.fault = () => failure('RateLimited', 30 * minute);
  await clock.advance(4 * minute);
  expect(await ready()).toBe('RateLimited');
  const lists = provider.asked('list');
  await remove(secrets, 'nhn');
  await clock.advance(minute);
  expect(await ready()).toBe('CredentialsMissing');
  provider.fault = () => undefined;
  await create(secrets, 'nhn', credentials);
  await clock.advance(minute);
  expect(await ready()).toBe('RateLimited');
  expect(await statusOf()).toMatchObject({ Ready: 'Valid' });
  expect(provider.asked('list')).toBe(lists);
  await clock.advance(28 * minute);
  expect(provider.asked('list')).toBe(lists + 1);
  expect(await ready()).toBe('Valid');
});
