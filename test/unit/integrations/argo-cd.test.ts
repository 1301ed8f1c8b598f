import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LuaFactory } from 'wasmoon';

import type { ProviderCertificate } from '../../../src/api/certificate.ts';
import {
  type ProviderReadyReason,
  providerReadyReasons,
  type ReadyReason,
  readyReasons,
  type SyncedReason,
  syncedReasons,
  type UploadSyncedReason,
  uploadSyncedReasons,
} from '../../../src/api/reasons.ts';
import type { CertificateUpload } from '../../../src/api/upload.ts';
import { nextStatus } from '../../../src/sync/report.ts';
import { nextUploadStatus } from '../../../src/sync/uploads/report.ts';

const script = readFileSync(
  join(import.meta.dirname, '..', '..', '..', 'integrations', 'argo-cd', 'health.lua'),
  'utf8',
);

const interpreter = new LuaFactory();

/** What Argo CD would show. As there, each look has an interpreter of its own and gets the object as plain tables. */
async function health(object: object): Promise<{ status: string; message: string }> {
  const lua = await interpreter.createEngine({ enableProxy: false });
  try {
    lua.global.set('obj', object);
    return lua.doStringSync(script);
  } finally {
    lua.global.close();
  }
}

const fresh: ProviderCertificate = {
  apiVersion: 'provider-certificates.io/v1alpha1',
  kind: 'ProviderCertificate',
  metadata: { name: 'www', namespace: 'shop', uid: 'u', resourceVersion: '1', generation: 3 },
  spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } },
  status: { observedGeneration: -1 },
};

/** With the status that the operator writes for these reasons. */
function certificate(ready: ReadyReason, synced: SyncedReason): ProviderCertificate {
  const status = nextStatus(
    fresh,
    {
      synced: { reason: synced, message: `because of ${synced}` },
      health: { ready: { status: readyReasons[ready].status, reason: ready, message: `because of ${ready}` } },
      secretName: 'www',
    },
    Date.parse('2026-11-23T12:00:00Z'),
  );
  return { ...fresh, status };
}

/** With the status that the operator writes while nothing is at the cloud. */
function upload(synced: UploadSyncedReason): CertificateUpload {
  const { metadata } = fresh;
  const spec = { providerRef: { name: 'scp' }, secretRef: { name: 'www' }, remoteNamePrefix: 'www' };
  const object: CertificateUpload = {
    apiVersion: 'provider-certificates.io/v1alpha1',
    kind: 'CertificateUpload',
    metadata,
    spec,
  };
  const findings = { synced: { reason: synced, message: `because of ${synced}` } };
  return { ...object, status: nextUploadStatus(object, findings, Date.parse('2026-11-23T12:00:00Z')) };
}

function provider(reason: ProviderReadyReason): object {
  const { status } = providerReadyReasons[reason];
  return {
    kind: 'CertificateProvider',
    metadata: { generation: 1 },
    spec: { naver: {} },
    status: {
      observedGeneration: 1,
      message: reason,
      conditions: [{ type: 'Ready', status, reason, message: reason }],
    },
  };
}

const reasons = <T extends object>(list: T): (keyof T)[] => Object.keys(list) as (keyof T)[];

describe('the health of a ProviderCertificate in Argo CD', () => {
  test('is progress until the operator has seen this generation', async () => {
    const seen = certificate('Valid', 'Synced');
    const older = { ...seen, metadata: { ...seen.metadata, generation: 4 } };
    const { status: _, ...without } = fresh;
    for (const object of [fresh, without, older])
      expect(await health(object)).toEqual({
        status: 'Progressing',
        message: 'Waiting for the operator to look at this.',
      });
  });

  test('is good while the Secret is usable, whatever the provider does', async () => {
    for (const synced of reasons(syncedReasons).filter((reason) => reason !== 'Suspended'))
      expect([synced, (await health(certificate('Valid', synced))).status]).toEqual([synced, 'Healthy']);
    expect((await health(certificate('RemoteValid', 'NotCompared'))).status).toBe('Healthy');
  });

  test.each(['SecretMissing', 'SecretInvalid', 'SpecNotMet'] as const)(
    'with %s is progress only while that passes by itself',
    async (ready) => {
      const waiting = [];
      for (const synced of reasons(syncedReasons)) {
        const { status } = await health(certificate(ready, synced));
        expect(['Progressing', 'Degraded']).toContain(status);
        if (status === 'Progressing') waiting.push(synced);
      }
      expect(waiting).toEqual(['Pending', 'RateLimited', 'ProviderUnavailable', 'CertificateNotYetValid']);
    },
  );

  test('of an upload is progress only while what is in its way passes by itself', async () => {
    const waiting = [];
    for (const synced of reasons(uploadSyncedReasons))
      if ((await health(upload(synced))).status === 'Progressing') waiting.push(synced);
    expect(waiting).toEqual(expect.arrayContaining(['Pending', 'RateLimited', 'ProviderUnavailable']));
    expect(waiting).toHaveLength(4);
  });

  test('is bad when the Secret is expired or fought over, also while the provider is away', async () => {
    for (const ready of ['Expired', 'SecretConflict'] as const)
      for (const synced of reasons(syncedReasons))
        expect((await health(certificate(ready, synced))).status).toBe('Degraded');
  });

  test('tells what kubectl tells under STATUS', async () => {
    expect(await health(certificate('SecretMissing', 'CertificateNotFound'))).toEqual({
      status: 'Degraded',
      message: 'because of CertificateNotFound',
    });
    expect(await health(certificate('Valid', 'KeyMismatch'))).toEqual({
      status: 'Healthy',
      message: 'because of KeyMismatch',
    });
  });

  test('is suspended when the object is', async () => {
    const suspended = certificate('Valid', 'Suspended');
    suspended.spec = { ...suspended.spec, suspend: true };
    expect((await health(suspended)).status).toBe('Suspended');
  });

  test('is progress before the first comparison of mode Observe', async () => {
    expect((await health(certificate('NotCompared', 'Pending'))).status).toBe('Progressing');
  });
});

test('a provider object is bad unless it is Ready, or what is wrong passes by itself', async () => {
  const shown = Object.groupBy(
    await Promise.all(
      reasons(providerReadyReasons).map(async (reason) => ({ reason, is: (await health(provider(reason))).status })),
    ),
    ({ is }) => is,
  );
  expect(shown['Healthy']?.map(({ reason }) => reason)).toEqual(['Valid']);
  expect(shown['Progressing']?.map(({ reason }) => reason)).toEqual(['RateLimited', 'ProviderUnavailable']);
  expect(shown['Degraded']?.length).toBe(reasons(providerReadyReasons).length - 3);
});
