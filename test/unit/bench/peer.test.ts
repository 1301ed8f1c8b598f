import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readPeer } from '../../bench/peer.ts';

const provider = {
  url: 'http://127.0.0.1:1',
  appKey: 'app',
  accessKeyId: '1234',
  secretAccessKey: 'secret',
};
const place = { namespace: 'bench', provider, pollInterval: '10s', clusterWide: false };

const description = `
name: other
command: [./other, --kubeconfig=$(KUBECONFIG), --port=$(PORT)]
definitions: crds
setup: |
  apiVersion: v1
  kind: Secret
  metadata: {name: credentials, namespace: $(NAMESPACE)}
  stringData: {id: $(ACCESS_KEY_ID), key: $(SECRET_ACCESS_KEY)}
  ---
  apiVersion: other.io/v1
  kind: Store
  metadata: {name: nhn}
  spec: {url: '$(PROVIDER_URL)/appkeys/$(APP_KEY)/{{ .remoteRef.key }}'}
certificate: |
  apiVersion: other.io/v1
  kind: Wanted
  metadata: {name: $(NAME), namespace: $(NAMESPACE)}
  spec: {every: $(POLL_INTERVAL), keys: [$(REMOTE)], replicas: 1}
ready: '{.status.phase}=Ready'
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peer-'));
  await mkdir(join(folder, 'crds'));
  await writeFile(join(folder, 'crds', 'b.yaml'), 'metadata: {name: b}\n---\n');
  await writeFile(join(folder, 'crds', 'a.yml'), 'metadata: {name: a}\n');
  await writeFile(join(folder, 'crds', 'README'), 'a: b: c');
});
afterAll(() => rm(folder, { recursive: true }));

async function peerOf(text: string): ReturnType<typeof readPeer> {
  const file = join(folder, 'peer.yaml');
  await writeFile(file, text);
  return readPeer(file);
}

test('a peer is run and used as its file says', async () => {
  const peer = await peerOf(description);
  expect(peer.name).toBe('other');
  expect((await peer.definitions()).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect(peer.program({ kubeconfig: '/config', port: 1234, home: '/home' })).toMatchObject({
    file: join(folder, 'other'),
    args: ['--kubeconfig=/config', '--port=1234'],
    env: { HOME: '/home' },
  });
  expect(peer.setup(place)).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'credentials', namespace: 'bench' },
      stringData: { id: '1234', key: 'secret' },
    },
    {
      apiVersion: 'other.io/v1',
      kind: 'Store',
      metadata: { name: 'nhn' },
      spec: { url: 'http://127.0.0.1:1/appkeys/app/{{ .remoteRef.key }}' },
    },
  ]);
  const certificate = peer.certificate({ namespace: 'team-1', name: 'web', remote: 'www.example.com' }, place);
  expect(certificate).toEqual({
    apiVersion: 'other.io/v1',
    kind: 'Wanted',
    metadata: { name: 'web', namespace: 'team-1' },
    spec: { every: '10s', keys: ['www.example.com'], replicas: 1 },
  });
  expect(peer.isReady(certificate)).toBe(false);
  expect(peer.isReady({ ...certificate, status: { phase: 'Ready' } })).toBe(true);
});

test('says which placeholder stands for nothing', async () => {
  const peer = await peerOf(description.replace('$(NAMESPACE)}\n  stringData', '$(NAME)}\n  stringData'));
  expect(() => peer.setup(place)).toThrow('$(NAME) stands for nothing here');
});

test.each([
  ['a field that is missing', description.replace(/^name: .*\n/m, ''), /peer\.yaml: .*expected string.*name$/],
  ['a field that nobody knows', `${description}version: 1\n`, /peer\.yaml: .*version/],
  ['a condition that nobody can read', description.replace('{.status.phase}', 'phase'), 'is not a condition'],
])('refuses %s', async (_, text, message) => {
  await expect(peerOf(text)).rejects.toThrow(message);
});

test('the peer that is in the repository can be read', async () => {
  const peer = await readPeer(join(import.meta.dirname, '../../bench/peers/external-secrets.yaml'));
  expect(peer.setup(place)).toMatchObject([{ kind: 'Secret' }, { kind: 'ClusterSecretStore' }]);
  expect(peer.certificate({ namespace: 'bench', name: 'web', remote: 'web.example.com' }, place)).toMatchObject({
    kind: 'ExternalSecret',
    spec: { target: { name: 'web' }, data: [{ remoteRef: { key: 'web.example.com' } }] },
  });
});
