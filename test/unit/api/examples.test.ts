import { loadAll } from 'js-yaml';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ProviderCertificateSpec } from '../../../src/api/certificate.ts';
import { parseCertificateProvider, parseProviderCertificate, type RawObject } from '../../../src/api/parse.ts';
import type { CertificateProviderSpec } from '../../../src/api/provider.ts';

const folder = join(import.meta.dirname, '../../../examples');
const manifests = globSync('**/*.yaml', { cwd: folder }).flatMap((file) =>
  loadAll(readFileSync(join(folder, file), 'utf8')).map(
    (manifest) => [file, manifest as RawObject & { kind: string }] as const,
  ),
);

it.each(manifests)('%s is a good manifest for any namespace', (_file, manifest) => {
  expect(manifest.metadata.namespace).toBeUndefined();
  if (manifest.kind === 'Secret') return;
  const parse = manifest.kind === 'ProviderCertificate' ? parseProviderCertificate : parseCertificateProvider;
  expect(parse(manifest)).toMatchObject({ value: { kind: manifest.kind, spec: manifest.spec } });
});

const names = (kind: string): string[] =>
  manifests.filter(([, manifest]) => manifest.kind === kind).map(([, manifest]) => manifest.metadata.name);

const specs = <Spec>(kind: string): Spec[] =>
  manifests.filter(([, manifest]) => manifest.kind === kind).map(([, manifest]) => manifest.spec as Spec);

it('the certificates use the provider, and the provider the credentials, that lie beside them', () => {
  const used = specs<ProviderCertificateSpec>('ProviderCertificate').map(({ providerRef }) => providerRef.name);
  expect(new Set(used)).toEqual(new Set(names('CertificateProvider')));
  const credentials = specs<CertificateProviderSpec>('CertificateProvider').map(
    ({ nhn }) => nhn?.credentialsSecretRef.name,
  );
  expect(credentials).toEqual(names('Secret'));
});
