import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Api } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { createAuthority, type Issued } from '../../sandbox/pki/index.ts';
import { findCanaries, rememberCanaries } from '../support/canaries.ts';
import { eventually } from '../support/eventually.ts';
import { FaultyProxy, refusalOf } from '../support/faulty-proxy.ts';
import { Observer } from '../support/observer.ts';
import { type RunFolders, runFolders } from '../support/run.ts';

/** What the observer would report here must not fail the run, so it looks at a control plane of its own. */
let controlPlane: ControlPlane;
let api: Api;
let one: Issued;
let other: Issued;
let folders: RunFolders;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
  const authority = await createAuthority();
  one = await authority.issue({ dnsNames: ['one.example.com'] });
  other = await authority.issue({ dnsNames: ['other.example.com'] });
  folders = runFolders(join(controlPlane.directory, 'run'));
});

afterAll(async () => {
  await api.close();
  await controlPlane.stop();
});

function write(name: string, manager: string, data: { certificate?: string; privateKey?: string }): Promise<unknown> {
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'default', name },
    type: 'kubernetes.io/tls',
    data: {
      ...(data.certificate && { 'tls.crt': base64(data.certificate) }),
      ...(data.privateKey && { 'tls.key': base64(data.privateKey) }),
    },
  };
  return api.apply('/api/v1/namespaces/default/secrets', body, manager);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const ours = 'provider-certificates';

describe('the observer of Secrets', () => {
  test('finds every mismatch that the operator writes, however short it lasts, and no other', async () => {
    const observer = await Observer.start(api, folders, []);
    await write('good', ours, one);
    await write('good', ours, other);
    await write('foreign', 'somebody', { certificate: one.certificate, privateKey: other.privateKey });
    await write('edited', ours, one);
    await write('edited', 'somebody', { privateKey: other.privateKey });
    await write('short', ours, { certificate: one.certificate, privateKey: other.privateKey });
    await write('short', ours, one);
    await write('unreadable', ours, { certificate: 'nothing', privateKey: one.privateKey });
    await write('unreadable', ours, one);
    expect(await observer.stop()).toEqual([
      expect.stringMatching(/^Secret default\/short, version \d+: the key does not match the certificate$/),
      expect.stringMatching(/^Secret default\/unreadable, version \d+: the pair cannot be read: /),
    ]);
    expect(observer.summary).toMatch(/^7 versions .*, 4 different pairs$/);
  });

  test('goes on after a restart of the API server', async () => {
    const observer = await Observer.start(api, folders, []);
    await controlPlane.restart();
    await write('late', ours, { certificate: other.certificate, privateKey: one.privateKey });
    expect(await observer.stop()).toEqual([expect.stringContaining('Secret default/late')]);
    await write('late', ours, one);
  });

  test('finds what no watch told it in the versions that the server still has', async () => {
    await using proxy = await FaultyProxy.start(controlPlane.adminKubeconfig);
    const through = await proxy.kubeconfig(controlPlane.adminKubeconfig);
    const far = new Api(accessOf(await readFile(through, 'utf8')));
    const observer = await Observer.start(far, folders, []);
    const [watch] = await eventually(() => {
      expect(proxy.watches()).toHaveLength(1);
      return proxy.watches();
    });
    watch?.stall();
    await write('missed', ours, { certificate: other.certificate, privateKey: one.privateKey });
    await write('missed', ours, one);
    watch?.tell({ type: 'ERROR', object: refusalOf(410) });
    expect(await observer.stop()).toEqual([expect.stringContaining('Secret default/missed')]);
    expect([...(observer.uids.get('default/missed') ?? [])]).toHaveLength(1);
    await far.close();
  });

  test('remembers private keys and credentials, and writes down what users read', async () => {
    const observer = await Observer.start(api, folders, ['/api/v1/events']);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: 'credentials' } };
    await api.apply('/api/v1/namespaces/default/secrets', { ...secret, data: { appKey: base64('Tz7dP3kQvx90Lm') } });
    expect(await findCanaries(folders)).toEqual([]);
    await api.apply('/api/v1/namespaces/default/events', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: 'leak' },
      involvedObject: { kind: 'Secret', namespace: 'default', name: 'credentials' },
      reason: 'Leak',
      message: 'GET https://api.example.com/appkeys/Tz7dP3kQvx90Lm/certificates',
    });
    await write('good', ours, one);
    appendFileSync(join(folders.logs, 'operator.log'), `fine\n${JSON.stringify({ body: one.privateKey })}\n`);
    expect(await observer.stop()).toEqual([]);
    expect(await findCanaries(folders)).toEqual([
      'a secret is in operator.log, line 2',
      expect.stringMatching(/^a secret is in objects\.jsonl, line \d+$/),
    ]);
  });
});

describe('the search for canaries', () => {
  const secret = 'Zq8/h+2wRk1xVb==';
  const pem = `-----BEGIN PRIVATE KEY-----\n${'MIGHAgEAMBMGByqGSM49'.repeat(3)}\n${'Wq0Yx7aPz3'.repeat(6)}\n-----END PRIVATE KEY-----\n`;

  test.each([
    ['as it is', `before ${secret} after`],
    ['in a URL', `/v1/${encodeURIComponent(secret)}/x`],
    ['in Base64', base64(secret)],
    ['within something in Base64', base64(`user:${secret}@host`)],
    ['one byte later', base64(`user1:${secret}@host`)],
    ['two bytes later', base64(`user12:${secret}@host`)],
    ['a line of a key', 'Wq0Yx7aPz3'.repeat(6)],
    ['a key in JSON', JSON.stringify({ pem })],
    ['a Secret', base64(pem)],
  ])('finds a secret: %s', async (_how, text) => {
    expect(await search(text)).toHaveLength(1);
  });

  test('finds nothing where there is nothing', async () => {
    expect(await search('-----BEGIN PRIVATE KEY-----\nZq8/h+2wRk1\n\n')).toEqual([]);
  });

  test('refuses what would be found by chance', () => {
    expect(() => rememberCanaries(folders.canaries, ['short'])).toThrow('at least 12 characters');
  });

  async function search(text: string): Promise<string[]> {
    const directory = mkdtempSync(join(tmpdir(), 'canaries-'));
    try {
      const folders = runFolders(directory);
      rememberCanaries(folders.canaries, [secret, pem]);
      writeFileSync(join(folders.logs, 'operator.log'), text);
      return await findCanaries(folders);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
});
