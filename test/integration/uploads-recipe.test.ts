import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { loadAll } from 'js-yaml';
import { expect, test } from 'vitest';

import type { KubeObject } from '../../src/kube/objects.ts';
import { kubectl } from '../support/kubectl.ts';
import { UploadWorld } from '../support/uploads.ts';

type Manifest = KubeObject & { spec: Record<string, unknown> };

test('the recipe from cert-manager to a cloud does what it says, as it is written', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/uploads.md'), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, yaml = '']) => loadAll(yaml) as Manifest[]);
  const recipe = Object.fromEntries(blocks.map((manifest) => [manifest.kind, manifest]));
  const { Certificate: certificate, CertificateProvider: provider, CertificateUpload: upload } = recipe;
  const secret = String(certificate?.spec['secretName']);

  await using u = await UploadWorld.start();
  const { namespace } = u.world;
  // Only the cloud is another one: it has the same name, region and credentials.
  expect(provider?.spec['scp']).toEqual({ region: 'kr-west1', credentialsSecretRef: { name: 'scp-credentials' } });
  expect(provider?.metadata.name).toBe('scp');
  const leaf = new X509Certificate((await u.issueInto(secret, 'app.example.com')).certificate);
  await kubectl(['apply', '-n', namespace, '-f', '-'], { input: upload! });
  const { status } = await u.uploaded('app-example-com', leaf);
  expect(u.scp.registered.map(({ id, name }) => ({ id, name }))).toEqual([
    { id: status.remote?.id, name: expect.stringMatching(/^app-[0-9a-f]{8}$/) },
  ]);
  const shown = await kubectl(['get', 'cupload', '-n', namespace]);
  expect(shown.split('\n')[0]?.trim().split(/\s+/)).toEqual(['NAME', 'READY', 'EXPIRES', 'REMOTE', 'STATUS', 'AGE']);
  expect(shown).toContain(`The provider holds it as ${status.remote?.name}`);

  const renewed = new X509Certificate((await u.issueInto(secret, 'app.example.com')).certificate);
  await u.uploaded('app-example-com', renewed);
});
