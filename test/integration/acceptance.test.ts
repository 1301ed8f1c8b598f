import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, get as request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { setTimeout } from 'node:timers/promises';

import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { Api } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import type { Issued } from '../../sandbox/pki/index.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { Observer } from '../support/observer.ts';
import { ofOperator, type Requests, requestsOf, since, writes } from '../support/requests.ts';
import { runFolders } from '../support/run.ts';
import { textOf, type World, world } from '../support/world.ts';

const names = Array.from({ length: 50 }, (_, index) => `certificate-${index}`);
/** Poll interval, and by how much it may be shorter so that accounts do not stay in step. */
const shortestPollMs = 10_000 * 0.9;

let controlPlane: ControlPlane;
let w: World;
let observer: Observer;

/** An API server that only this operator and these tests use: what it counts is theirs. */
beforeAll(async () => {
  controlPlane = await startControlPlane();
  const admin = { kubeconfig: controlPlane.adminKubeconfig };
  const definitions = await customResourceDefinitions();
  await kubectl(['apply', '--server-side', '-f', '-'], { ...admin, input: definitions.map(withoutRules) });
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all'], admin);
  w = await world({ ...admin, clusterWide: true, operator: false });
  await w.certificate('old', { remoteRef: { name: 'old', id: 'old' } });
  await kubectl(['apply', '--server-side', '-f', '-'], { ...admin, input: definitions });
  await eventually(async () => {
    await expect(w.certificate('new', { remoteRef: { name: 'new', id: 'new' } })).rejects.toThrow('exactly one');
  });
  for (const name of ['old', ...names]) await w.upload(name);
  const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
  const ours = '/apis/provider-certificates.io/v1alpha1';
  const read = ['/api/v1/events', `${ours}/providercertificates`, `${ours}/certificateproviders`];
  for (const path of read) await eventually(() => api.get(path));
  observer = await Observer.start(api, runFolders(inject('runDirectory')), read);
  await w.startOperator();
});

afterAll(async () => {
  await w?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

async function customResourceDefinitions(): Promise<object[]> {
  const folder = join(import.meta.dirname, '..', '..', 'crds');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  return Promise.all(files.map(async (file) => load(await readFile(join(folder, file), 'utf8')) as object));
}

/** As an earlier release might have had it. */
function withoutRules(definition: object): object {
  const stripped = JSON.stringify(definition, (key, value: unknown) =>
    key === 'x-kubernetes-validations' ? undefined : value,
  );
  return JSON.parse(stripped) as object;
}

function counted(): Promise<Requests> {
  return requestsOf(controlPlane);
}

/** Waits until what came after `before` is as expected, and then did not change for a moment. */
async function settled(before: Requests, expected: Requests): Promise<void> {
  await eventually(async () => expect(since(before, await counted())).toEqual(expected));
  await setTimeout(1_000);
  expect(since(before, await counted())).toEqual(expected);
}

/** Waits until an operator that was started anew has looked at everything and has nothing to do. */
async function lookedAtAll(): Promise<void> {
  const { lists } = w.nhn.counters;
  await eventually(() => expect(w.nhn.counters.lists).toBeGreaterThan(lists));
  await eventually(async () => {
    const metrics = await w.operator.metrics();
    const told =
      metrics.match(/^provider_certificates_certificate_condition\{.*condition="Ready",status="True"\} 1$/gm) ?? [];
    expect(told.length).toBeGreaterThanOrEqual(names.length);
    expect(metrics).toMatch(/^provider_certificates_workqueue_depth(\{.*\})? 0$/m);
  });
  await setTimeout(1_000);
}

/** What a client gets to see that trusts the root only. */
async function handshake(secret: Secret, issued: Issued, name: string): Promise<X509Certificate | undefined> {
  const server = createServer({ cert: textOf(secret, 'tls.crt'), key: textOf(secret, 'tls.key') }, (_, response) =>
    response.end('hello'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    return await new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, servername: name, ca: issued.root, agent: false }, (response) => {
        const socket = response.socket as TLSSocket;
        expect(socket.authorized).toBe(true);
        resolve(socket.getPeerX509Certificate());
        response.destroy();
      }).on('error', reject);
    });
  } finally {
    server.close();
  }
}

// One after the other: each begins where the former has left off.
describe('the operator', () => {
  test('tells of an object that predates a rule, and serves it once it is put right', async () => {
    const { message, status } = await w.synced('old', 'InvalidSpec');
    expect(status).toBe('False');
    expect(message).toMatch(
      /spec\.remoteRef.*exactly one of name, id and commonName must be set.*until it is corrected/,
    );
    await w.ready('old', 'SpecNotMet');
    expect(await w.secret('old')).toBeUndefined();
    await w.patch('old', { remoteRef: { id: null } });
    await w.synced('old', 'Synced');
    await w.ready('old', 'Valid');
  });

  test('makes three requests for each of 50 new certificates, and one download', async () => {
    await w.event('old', 'Synced');
    await eventually(async () => expect(await w.events('nhn', 'CertificateProvider')).toHaveLength(1));
    w.nhn.resetCounters();
    const before = await counted();
    await Promise.all(names.map((name) => w.certificate(name)));
    for (const name of names) await w.synced(name, 'Synced');
    await settled(before, {
      'POST providercertificates': names.length,
      'APPLY secrets': names.length,
      'PATCH providercertificates/status': names.length,
      'POST events': names.length,
    });
    expect(w.nhn.counters.downloadsOf).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
  });

  test('for a minute without news reads and writes nothing, and lists once per poll', async () => {
    const before = await counted();
    w.nhn.resetCounters();
    const began = Date.now();
    await setTimeout(60_000);
    const polls = Math.ceil((Date.now() - began) / shortestPollMs);
    expect(since(before, await counted())).toEqual({});
    const { lists, requests } = w.nhn.counters;
    expect(requests).toBe(lists);
    expect(lists).toBeGreaterThanOrEqual(1);
    expect(lists).toBeLessThanOrEqual(polls);
  });

  test.each([
    { how: 'by SIGTERM', end: async () => expect(await w.operator.stop()).toEqual({ code: 0, signal: null }) },
    { how: 'by kill -9', end: () => w.operator.kill() },
  ])('ended $how and started again, downloads and writes nothing, and reads each Secret once', async ({ end }) => {
    await end();
    w.nhn.resetCounters();
    const before = await counted();
    await w.startOperator();
    await lookedAtAll();
    const { 'GET secrets': reads = 0, ...others } = ofOperator(since(before, await counted()));
    expect(others).toEqual({});
    // Those of 51 certificates, and the credentials.
    expect(reads).toBeLessThanOrEqual(names.length + 2);
    expect(w.nhn.counters.downloads).toBe(0);
  });

  test('writes of an outage only on the provider object: that it began, and that it is over', async () => {
    const before = await counted();
    w.nhn.fault({ status: 503 });
    await w.providerReady('nhn', 'ProviderUnavailable');
    await setTimeout(30_000);
    w.nhn.clearFaults();
    await w.providerReady('nhn', 'Valid');
    await eventually(async () =>
      expect(writes(since(before, await counted()))).toEqual({
        'PATCH certificateproviders/status': 2,
        'POST events': 2,
      }),
    );
    expect(w.nhn.counters.downloads).toBe(0);
  });

  test('downloads a certificate once for ten that want it, and again once after a renewal; servers work with both', async () => {
    const name = 'shared';
    const issued = await w.upload(name);
    const copies = Array.from({ length: 10 }, (_, index) => `shared-${index}`);
    await Promise.all(copies.map((copy) => w.certificate(copy, { remoteRef: { name } })));
    for (const copy of copies) await w.holds(copy, issued);
    for (const copy of copies) await w.synced(copy, 'Synced');
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
    const before = await handshake(await w.holds('shared-0', issued), issued, 'shared.example.com');
    expect(before?.fingerprint256).toBe(new X509Certificate(issued.certificate).fingerprint256);

    const next = await w.upload(name);
    for (const copy of copies) await w.holds(copy, next);
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
    const after = await handshake(await w.holds('shared-0', next), next, 'shared.example.com');
    expect(after?.fingerprint256).toBe(new X509Certificate(next.certificate).fingerprint256);
  });

  test('was allowed all that it asked for, with the rights that it is given', async () => {
    const refused = (await controlPlane.metrics())
      .split('\n')
      .filter((line) => line.startsWith('apiserver_request_total{') && line.includes('code="403"'));
    expect(refused).toEqual([]);
  });

  test('is read with kubectl', async () => {
    const table = async (kind: string): Promise<string[]> => {
      const { adminKubeconfig: kubeconfig } = controlPlane;
      return (await kubectl(['-n', w.namespace, 'get', kind], { kubeconfig })).split('\n');
    };
    const [head, ...rows] = await table('pcert');
    expect(head).toMatch(/^NAME +READY +EXPIRES +SECRET +STATUS +AGE$/);
    expect(rows.find((row) => row.startsWith('shared-0'))).toMatch(
      /^shared-0 +True +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +shared-0 +Secret shared-0 holds what the provider has, valid until .* +\d+[sm]/,
    );
    const [title, provider] = await table('cprov');
    expect(title).toMatch(/^NAME +READY +TYPE +CERTIFICATES +CHECKED +MESSAGE +AGE$/);
    expect(provider).toMatch(/^nhn +True +NHN +52 +.* +52 certificates listed\. +/);
  });

  test('outlives its API server, and makes good what happened meanwhile', async () => {
    w.nhn.resetCounters();
    await controlPlane.kill();
    const next = await w.upload('certificate-0');
    const { lists } = w.nhn.counters;
    // It finds out while there is nobody to tell.
    await eventually(() => expect(w.nhn.counters.lists).toBeGreaterThan(lists));
    await eventually(() => expect(w.nhn.counters.downloadsOf).toHaveProperty('certificate-0'));
    expect((await fetch(`${w.operator.url}/healthz`)).status).toBe(200);
    await controlPlane.restart();
    await w.holds('certificate-0', next);
    expect(await w.operator.stop()).toEqual({ code: 0, signal: null });
  });

  test('never wrote a pair that does not fit, nor one that cannot be loaded', async () => {
    expect(await observer.stop()).toEqual([]);
  });
});
