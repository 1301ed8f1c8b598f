import { expect, inject, test, vi } from 'vitest';

import { managedLabel } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { readExposition } from '../support/exposition.ts';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { world } from '../support/world.ts';

vi.setConfig({ testTimeout: 120_000 });

test('two watched namespaces: both are served, a third is not even asked about, and of Secrets only metadata are watched', async () => {
  await using proxy = await FaultyProxy.start(inject('kubeconfig'));
  await using w = await world({ operator: false, through: (kubeconfig) => proxy.kubeconfig(kubeconfig) });
  const [second, third] = [await w.neighbour(), await w.neighbour()];
  await w.upload('web');
  for (const one of [second, third]) {
    await one.credentials('nhn', one.access);
    await one.provider('nhn', one.nhn);
  }
  const seen = proxy.record();
  await w.startOperator({ alsoWatch: [second.namespace] });
  const all = [w, second, third];
  for (const one of all) await one.certificate('web');
  for (const one of [w, second]) await one.synced('web', 'Synced');
  const next = await w.upload('web');
  for (const one of [w, second]) await one.holds('web', next);
  expect(await w.secret('web', third.namespace)).toBeUndefined();
  // What the definition itself says of what nobody has looked at.
  expect((await third.get('web')).status).toMatchObject({ observedGeneration: -1 });
  expect((await third.providerStatus('nhn'))?.conditions).toBeUndefined();

  const namespaces = new Set(seen.map(({ call: { namespace } }) => namespace));
  expect(namespaces).toEqual(new Set([w.namespace, second.namespace]));
  const watched = seen.filter(({ call }) => call.resource === 'secrets' && /^(list|watch)$/.test(call.verb));
  for (const { call, url, accept } of watched) {
    expect(accept?.split(',').map((type) => /;as=(\w+);/.exec(`${type};`)?.[1])).toEqual(
      accept?.split(',').map(() => (call.verb === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata')),
    );
    const query = new URLSearchParams(url.slice(url.indexOf('?')));
    // By our label, or one by its name: credentials.
    const selected = query.get('labelSelector') ?? query.get('fieldSelector');
    expect([`${managedLabel}=true`, 'metadata.name=nhn-credentials']).toContain(selected);
  }
  for (const selector of [`labelSelector=${encodeURIComponent(`${managedLabel}=true`)}`, 'fieldSelector='])
    for (const verb of ['list', 'watch'])
      expect(watched.filter(({ call, url }) => call.verb === verb && url.includes(selector)).length).toBeGreaterThan(1);
});

const names = [
  'say "cheese"',
  "it's; $(touch /tmp/x) `id` && true",
  String.raw`two\nlines {"level":"fatal"}`,
  'right\u{202E}left',
  '../../../certificates/admin',
  '..%2f..%2fadmin?x=1#y',
  '인증서 🔐',
  'x'.repeat(253),
];

test('names and texts that try to break out stay texts: in paths, logs, metrics, messages and Secrets', async () => {
  await using w = await world({ operator: false });
  const uploaded = new Map<string, Awaited<ReturnType<typeof w.issue>>>();
  for (const [index, name] of names.entries()) {
    const issued = await w.issue(`hostile-${index}`);
    w.nhn.upload(name, issued.bundle);
    uploaded.set(name, issued);
  }
  const annotations = { 'example.com/note': 'a "b" \\n \n\u{202E}c 🔐 {}' };
  const labels = { 'example.com/team': 'a_b.C-1' };
  await w.startOperator();
  const keyOf = (index: number): string => `hostile-${index}`;
  for (const [index, name] of names.entries())
    await w.certificate(keyOf(index), { remoteRef: { name }, secretTemplate: { annotations, labels } });
  // What is listed under no such name: the message has to speak of it.
  for (const [index, name] of names.entries())
    await w.certificate(`missing-${index}`, { remoteRef: { name: `${name.slice(0, -2)}zz` } });

  for (const [index, name] of names.entries()) {
    await w.holds(keyOf(index), uploaded.get(name)!);
    await w.synced(keyOf(index), 'Synced');
    expect((await w.secret(keyOf(index)))?.metadata).toMatchObject({ annotations, labels });
    const { message } = await w.synced(`missing-${index}`, 'CertificateNotFound');
    expect(message).not.toMatch(/[\n\u{202E}]/u);
  }
  // Each by its own name, and nothing but lists and these.
  expect(w.nhn.counters).toMatchObject({ refused: 0, downloads: names.length });
  expect(w.nhn.counters.downloadsOf).toEqual(Object.fromEntries(names.map((name) => [name.normalize('NFC'), 1])));
  expect(w.nhn.counters.requests).toBe(w.nhn.counters.lists + w.nhn.counters.downloads);

  const samples = readExposition(await w.operator.metrics());
  const told = samples.filter(({ name }) => name === 'provider_certificates_certificate_renewed_elsewhere');
  expect(told).toHaveLength(2 * names.length);
  await eventually(async () => {
    for (const line of await w.operator.rawLogs())
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) });
  });
  const levels = new Set((await w.operator.logs()).map(({ level }) => level));
  expect([...levels].toSorted()).toEqual(['debug', 'info']);
});
