import { beforeAll, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../../../sandbox/pki/index.ts';
import type { Simulator } from '../../../sandbox/providers/simulator.ts';
import type { InventoryEntry } from '../../../src/providers/inventory.ts';
import type { NewCertificate } from '../../../src/providers/manager.ts';
import type { ProviderSpec } from '../../../src/providers/provider.ts';
import { providerFor } from '../../../src/providers/registry.ts';
import {
  call,
  canaries,
  connectTo,
  managerOf,
  naverSimulator,
  pairOf,
  recordingHttp,
  scpSimulator,
  simulator,
} from './support.ts';

let authority: Authority;
beforeAll(async () => {
  authority = await (await createAuthority()).intermediate();
});

const scpOperations = [
  'GET /v1/certificatemanager',
  'GET /v1/certificatemanager/{id}',
  'POST /v1/certificatemanager',
  'POST /v1/certificatemanager/self-sign',
  'POST /v1/certificatemanager/check-duplication',
  'POST /v1/certificatemanager/check-validation',
  'DELETE /v1/certificatemanager/{id}',
];

/** The tables of operations in the guides of the clouds, version by version. */
const guides: Record<
  string,
  { start(): Promise<Simulator>; spec(endpoint: string): ProviderSpec; version?: string; operations: string[] }
> = {
  'NHN Cloud v1.1': {
    start: async () => {
      const provider = await simulator();
      provider.upload('www', (await authority.issue()).bundle);
      return provider;
    },
    spec: (endpoint) => ({ nhn: { endpoint, apiVersion: 'v1.1' } }),
    operations: [
      'GET /certmanager/v1.1/appkeys/{appKey}/certificates',
      'GET /certmanager/v1.1/appkeys/{appKey}/certificates/{id}/files',
    ],
  },
  ...Object.fromEntries(
    (['v1.2', 'v1.1', 'v1.0'] as const).map((apiVersion) => [
      `Samsung Cloud Platform ${apiVersion}`,
      {
        start: scpSimulator,
        spec: (endpoint: string) => ({ scp: { endpoint, apiVersion, region: 'kr-west1' } }),
        version: `certificatemanager ${apiVersion.slice(1)}`,
        operations: scpOperations,
      },
    ]),
  ),
  'NAVER Cloud v1': {
    start: naverSimulator,
    spec: (endpoint) => ({ naver: { endpoint, apiVersion: 'v1' } }),
    operations: [
      'GET /api/v1/certificates',
      'POST /api/v1/certificate/withExternal',
      'DELETE /api/v1/certificate/{id}',
    ],
  },
  /** Of v2 what certificates need that were issued elsewhere. */
  'NAVER Cloud v2': {
    start: naverSimulator,
    spec: (endpoint) => ({ naver: { endpoint, apiVersion: 'v2' } }),
    operations: [
      'GET /api/v2/certificate/certificates',
      'GET /api/v2/certificate/exportCertificate/{id}/chain',
      'POST /api/v2/certificate/withExternal',
      'DELETE /api/v2/certificate/deleteCertificate/{id}',
    ],
  },
};

test.each(Object.entries(guides))('every operation of %s is used, and no other', async (_, guide) => {
  const provider = await guide.start();
  const spec = guide.spec(provider.url);
  const { http, sent } = recordingHttp();
  const client = connectTo(spec, { http });
  const ids = new Set<string>();
  const named = async (name: string): Promise<NewCertificate> => ({
    name,
    ...pairOf(await authority.issue()),
    scp: { timezone: 'Asia/Seoul' },
  });
  const download = async (entry: InventoryEntry): Promise<void> => {
    ids.add(entry.id);
    if (entry.withheld === undefined) expect(await client.download(entry, call())).not.toEqual([]);
  };

  if (providerFor(spec).manage) {
    const manager = managerOf(spec, { http });
    expect(await manager.isNameFree('www', call())).toBe(true);
    const certificate = await named('www');
    await manager.validate?.(certificate, call());
    const entry = await manager.create(certificate, call());
    await download(entry);
    await manager.replace?.(entry, await named('www'), call());
    await manager.selfSign?.(
      {
        name: 'self',
        commonName: 'www.example.com',
        organization: 'Sandbox',
        notBefore: '2026-01-01',
        notAfter: '2036-12-31',
        scp: { timezone: 'Asia/Seoul' },
      },
      call(),
    );
    expect((await manager.list(call(), { name: 'www' })).map(({ id }) => id)).toEqual([entry.id]);
    await manager.delete(entry, call());
    expect(await client.list(call())).toHaveLength(manager.selfSign ? 1 : 0);
  } else {
    const [entry = expect.fail('nothing is listed')] = await client.list(call());
    await download(entry);
  }

  const used = sent.map(({ method = 'GET', path }) => {
    const segments = path.replace(/\?.*/, '').split('/');
    const known = segments.map((one) => (ids.has(one) ? '{id}' : one === canaries.appKey ? '{appKey}' : one));
    return `${method} ${known.join('/')}`;
  });
  expect(new Set(used)).toEqual(new Set(guide.operations));
  if (guide.version) for (const { headers } of sent) expect(headers['scp-api-version']).toBe(guide.version);
  expect(provider.counters.refused).toBe(0);
});
