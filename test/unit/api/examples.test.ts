import { loadAll } from 'js-yaml';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ProviderCertificateSpec } from '../../../src/api/certificate.ts';
import {
  parseCertificateProvider,
  parseCertificateUpload,
  parseClusterCertificateProvider,
  parseProviderCertificate,
  type RawObject,
} from '../../../src/api/parse.ts';
import type { CertificateProviderSpec } from '../../../src/api/provider.ts';

const folder = join(import.meta.dirname, '../../../examples');
const manifests = globSync('**/*.yaml', { cwd: folder }).flatMap((file) =>
  loadAll(readFileSync(join(folder, file), 'utf8')).map(
    (manifest) => [file, manifest as RawObject & { kind: string }] as const,
  ),
);

const parsers: Record<string, (raw: RawObject) => unknown> = {
  CertificateProvider: parseCertificateProvider,
  ClusterCertificateProvider: parseClusterCertificateProvider,
  ProviderCertificate: parseProviderCertificate,
  CertificateUpload: parseCertificateUpload,
};

it.each(manifests)('%s is a good manifest for any namespace', (_file, manifest) => {
  expect(manifest.metadata.namespace).toBeUndefined();
  if (manifest.kind === 'Secret') return;
  expect(parsers[manifest.kind]?.(manifest)).toMatchObject({ value: { kind: manifest.kind, spec: manifest.spec } });
});

it.each(['nhn', 'scp', 'naver'])('the examples for %s use what lies beside them', (cloud) => {
  const beside = manifests.filter(([file]) => file.startsWith(`${cloud}/`)).map(([, manifest]) => manifest);
  const of = (kind: string) => beside.filter((manifest) => manifest.kind === kind);
  const names = (kind: string): Set<string> => new Set(of(kind).map(({ metadata }) => metadata.name));
  const certificates = of('ProviderCertificate').map(({ spec }) => spec as ProviderCertificateSpec);
  expect(new Set(certificates.map(({ providerRef }) => providerRef.name))).toEqual(names('CertificateProvider'));
  const providers = of('CertificateProvider').map(({ spec }) => spec as CertificateProviderSpec);
  const credentials = providers.map(({ nhn, scp, naver }) => (nhn ?? scp ?? naver)?.credentialsSecretRef.name);
  expect(new Set(credentials)).toEqual(names('Secret'));
});
