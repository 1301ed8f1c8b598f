import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Authority, createAuthority } from '../../../sandbox/pki/index.ts';
import { toYamlStream } from '../../../src/cli/documents.ts';
import { canaries } from '../providers/support.ts';

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pcert-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function written(directory: string, name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

export const authority = async (): Promise<Authority> => (await createAuthority()).intermediate();

/** A provider object for a simulator, with its credentials, in a file. */
export function config(
  directory: string,
  cloud: 'nhn' | 'scp' | 'naver',
  { url }: { url: string },
  more: object = {},
): string {
  const { appKey, accessKeyId, secretAccessKey, accessKey, secretKey } = canaries;
  const provider = {
    apiVersion: 'provider-certificates.io/v1alpha1',
    kind: 'CertificateProvider',
    metadata: { name: cloud },
    spec: { [cloud]: { endpoint: url, credentialsSecretRef: { name: 'credentials' }, ...more } },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'credentials' },
    stringData: cloud === 'nhn' ? { appKey, accessKeyId, secretAccessKey } : { accessKey, secretKey },
  };
  return written(directory, `${cloud}.yaml`, toYamlStream([provider, secret]));
}
