import { expect, expectTypeOf, test } from 'vitest';
import {
  type ProviderReadyReason,
  type SyncedReason,
  providerReadyReasons,
  syncedReasons,
} from '../../../src/api/reasons.ts';
import { type ManagementReason, managementReasons } from '../../../src/providers/errors.ts';
import { asProviderReason, asSyncedReason } from '../../../src/sync/directory.ts';

test('what a provider says while it is read is told in its own words where the kinds have them', () => {
  expect(asSyncedReason('CertificateRevoked')).toBe('CertificateRevoked');
  expect(asSyncedReason('EndpointNotAllowed')).toBe('ProviderNotReady');
  expect(asProviderReason('EndpointNotAllowed')).toBe('EndpointNotAllowed');
  expect(asProviderReason('CertificateRevoked')).toBe('InvalidResponse');
});

test('no reason of management shows on a ProviderCertificate or a provider object', () => {
  expectTypeOf<ManagementReason & (SyncedReason | ProviderReadyReason)>().toBeNever();
  for (const reason of managementReasons) {
    expect(syncedReasons).not.toHaveProperty(reason);
    expect(providerReadyReasons).not.toHaveProperty(reason);
    expect([asSyncedReason(reason), asProviderReason(reason)]).toEqual(['ProviderNotReady', 'InvalidResponse']);
  }
});
