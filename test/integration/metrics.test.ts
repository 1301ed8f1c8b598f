import { X509Certificate } from 'node:crypto';

import { expect, test } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { readExposition } from '../support/exposition.ts';
import { leader } from '../support/leader.ts';
import type { Operator } from '../support/operator.ts';
import { world } from '../support/world.ts';

/** What an operator tells of something, by the name of the metric without our prefix; labels as a query does. */
async function gauges(operator: Operator, labels: Record<string, string> = {}): Promise<Record<string, number>> {
  const samples = readExposition(await operator.metrics()).filter(({ labels: its }) =>
    Object.entries(labels).every(([name, value]) => its[name] === value),
  );
  return Object.fromEntries(
    samples.map(({ name, labels: { condition, status, reason, result, operation, code }, value }) => {
      const more = [condition, status, reason, result, operation, code].filter((it) => it !== undefined);
      return [[name.replace(/^provider_certificates_/, ''), ...more].join(' '), value];
    }),
  );
}

const seconds = (date: string | undefined): number => Date.parse(date ?? '') / 1_000;

test('the leader tells how certificates and providers are, and the standby nothing of them', async () => {
  await using w = await world({ operator: false, args: ['--leader-elect'] });
  const { namespace, nhn } = w;
  // By an hour: this machine is ahead of it.
  nhn.clockOffsetMs = -3_600_000;
  await w.credentials('locked', { ...w.access, secretAccessKey: 'wrong' });
  await w.provider('locked', nhn);
  const issued = await w.upload('web');
  const kept = await w.upload('refused');
  await using leading = await w.startOperator();
  await leader([leading]);
  await using standby = await w.startOperator();
  for (const name of ['web', 'refused']) await w.certificate(name);
  for (const name of ['web', 'refused']) await w.synced(name, 'Synced');
  await w.providerReady('locked', 'AuthenticationFailed');

  // One that ends later, but whose key is another.
  const next = await w.issue('refused', { notAfter: new Date(Date.now() + 300 * 86_400_000) });
  nhn.upload('refused', next.bundle.replace(next.privateKey, kept.privateKey));
  await w.synced('refused', 'KeyMismatch');

  const dates = ({ certificate }: { certificate: string }): object => {
    const { validFrom, validTo } = new X509Certificate(certificate);
    return {
      certificate_not_before_timestamp_seconds: seconds(validFrom),
      certificate_expiration_timestamp_seconds: seconds(validTo),
    };
  };
  expect(await gauges(leading, { namespace, name: 'web' })).toEqual({
    ...dates(issued),
    certificate_last_success_timestamp_seconds: seconds((await w.get('web')).status?.lastSyncTime),
    certificate_renewed_elsewhere: 0,
    'certificate_condition Ready True': 1,
    'certificate_condition Ready False': 0,
    'certificate_condition Ready Unknown': 0,
    'certificate_condition Synced True': 1,
    'certificate_condition Synced False': 0,
    'certificate_condition Synced Unknown': 0,
    'certificate_condition Expiring True': 0,
    'certificate_condition Expiring False': 1,
    'certificate_condition Expiring Unknown': 0,
    'certificate_status_info Synced': 1,
  });
  expect(await gauges(leading, { namespace, name: 'refused' })).toMatchObject({
    ...dates(kept),
    certificate_renewed_elsewhere: 1,
    'certificate_condition Ready True': 1,
    'certificate_condition Synced True': 0,
    'certificate_condition Synced False': 1,
    'certificate_status_info KeyMismatch': 1,
  });

  const ofProvider = (name: string): Record<string, string> => ({ kind: 'CertificateProvider', namespace, name });
  const listed = await gauges(leading, ofProvider('nhn'));
  expect(listed).toEqual({ provider_ready: 1, provider_last_success_timestamp_seconds: expect.any(Number) });
  // By the clock of this machine, and in seconds.
  const { lastCheckTime } = (await w.providerStatus('nhn')) as { lastCheckTime?: string };
  expect(listed['provider_last_success_timestamp_seconds']).toBeGreaterThanOrEqual(seconds(lastCheckTime) - 1);
  expect(listed['provider_last_success_timestamp_seconds']).toBeLessThanOrEqual(Date.now() / 1_000);
  expect(await gauges(leading, ofProvider('locked'))).toEqual({ provider_ready: 0 });
  const atCloud = await gauges(leading, { provider: 'nhn' });
  expect(Math.round((atCloud['clock_skew_seconds'] ?? 0) / 60)).toBe(60);
  expect(atCloud).toMatchObject({ 'provider_requests_total list 200': expect.any(Number), provider_in_flight: 0 });
  expect(atCloud['provider_requests_total download 200']).toBe(nhn.counters.downloads);

  nhn.fault({ match: 'download', stall: 'body' });
  await w.upload('stalled');
  await w.certificate('stalled');
  await eventually(async () =>
    expect(await gauges(leading, { provider: 'nhn' })).toMatchObject({ provider_in_flight: 1 }),
  );
  const { provider_in_flight_limit: limit = 0 } = await gauges(leading, { provider: 'nhn' });
  expect(limit).toBeGreaterThanOrEqual(1);
  expect(limit).toBeLessThanOrEqual(128); // two accounts

  expect(await gauges(leading)).toMatchObject({ leader: 1 });
  const told = Object.keys(await gauges(standby));
  expect(await gauges(standby)).toMatchObject({ leader: 0 });
  expect(told.filter((name) => /^(certificate_|provider_|clock_skew|reconcile_total)/.test(name))).toEqual([]);
});

test('an operator that may ask any host says so when it starts, and no other does', async () => {
  const warnings = async (args: readonly string[]): Promise<unknown[]> => {
    await using w = await world({ args });
    const lines = await w.operator.logs();
    return lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  };
  expect(await warnings(['--allow-endpoint', '*'])).toEqual([
    expect.stringMatching(/^--allow-endpoint \* lets everybody .* any https host$/),
  ]);
  expect(await warnings([])).toEqual([]);
});
