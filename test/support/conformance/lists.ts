import { beforeAll, expect, it } from 'vitest';
import { providerCertificates } from '../../../src/api/group.ts';
import type { Page } from '../../../src/kube/answers.ts';
import type { Selection } from '../../../src/kube/client.ts';
import { isExpired } from '../../../src/kube/errors.ts';
import { secrets } from '../../../src/kube/objects.ts';
import type { Resource } from '../../../src/kube/objects.ts';
import { isNewer } from '../../../src/kube/versions.ts';
import type { Candidate } from '../api-conformance.ts';
import { Bench, data, signal } from './bench.ts';
import type { Any } from './bench.ts';

export function lists(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  async function pages(
    resource: Resource,
    options: Selection & { limit?: number; metadataOnly?: boolean },
    between: (nth: number) => Promise<unknown> = async () => {},
  ): Promise<Page<Any>[]> {
    const found: Page<Any>[] = [];
    for await (const page of bench.client.pages<Any>(resource, { namespace: bench.namespace, ...options, signal })) {
      found.push(page);
      await between(found.length);
    }
    return found;
  }
  const names = ({ items }: Page<Any>): string[] => items.map(({ metadata }) => metadata.name);

  it('is in the order of the names', async () => {
    for (const name of ['c', 'a', 'b.c', 'b', 'b-c']) {
      await bench.create(secrets, name, { ...data({ key: name }), metadata: { labels: { list: 'order' } } });
    }
    const [page] = await pages(secrets, { labelSelector: 'list=order' });
    expect(page && names(page)).toEqual(['a', 'b', 'b-c', 'b.c', 'c']);
    expect(page?.items[0]).toEqual(await bench.get(secrets, 'a'));
  });

  it('shows one moment on all its pages', async () => {
    const all = Array.from({ length: 7 }, (_, nth) => `page-${nth}`);
    const metadata = { labels: { list: 'paged' } };
    for (const name of all) await bench.create(secrets, name, { metadata });
    const selection = { labelSelector: 'list=paged', limit: 3 };
    const found = await pages(secrets, { ...selection, metadataOnly: true }, async (nth) => {
      if (nth > 1) return;
      await bench.create(secrets, 'page-1a', { metadata });
      await bench.create(secrets, 'page-9', { metadata });
      await bench.patch(secrets, 'page-4', { metadata: { labels: { list: null } } });
      await bench.patch(secrets, 'page-5', { metadata: { annotations: { late: 'x' } } });
      await bench.delete(secrets, 'page-6');
    });
    expect(found.map(names)).toEqual([all.slice(0, 3), all.slice(3, 6), all.slice(6)]);
    expect(found.flatMap(({ items }) => items).every(({ metadata }) => !metadata.annotations)).toBe(true);
    expect(new Set(found.map(({ resourceVersion }) => resourceVersion)).size).toBe(1);
    const now = await pages(secrets, selection);
    expect(now.flatMap(names)).toEqual(['page-0', 'page-1', 'page-1a', 'page-2', 'page-3', 'page-5', 'page-9']);
    expect(isNewer(now[0]?.resourceVersion ?? '', found[0]?.resourceVersion ?? '')).toBe(true);
  });

  it('holds what a selector asks for', async () => {
    await bench.create(secrets, 'picked', { metadata: { labels: { list: 'picked', team: 'a' } } });
    await bench.create(secrets, 'other', { metadata: { labels: { list: 'picked', team: 'b' } } });
    const both = await pages(secrets, { labelSelector: 'list=picked' });
    expect(both.flatMap(names)).toEqual(['other', 'picked']);
    const one = await pages(secrets, { labelSelector: 'list=picked,team=a' });
    expect(one.flatMap(names)).toEqual(['picked']);
    const named = await pages(secrets, { fieldSelector: 'metadata.name=other' });
    expect(named.flatMap(names)).toEqual(['other']);
  });

  it('of nothing has a version all the same, not older than the last write', async () => {
    const { metadata } = await bench.create(secrets, 'last', data({ key: 'x' }));
    for (const metadataOnly of [false, true]) {
      const [page, ...more] = await pages(secrets, { labelSelector: 'list=empty', metadataOnly });
      expect(page).toEqual({ items: [], resourceVersion: expect.any(String), continue: undefined });
      expect(isNewer(metadata.resourceVersion, page?.resourceVersion ?? '')).toBe(false);
      expect(more).toEqual([]);
    }
  });

  it('of metadata holds nothing else', async () => {
    await bench.create(secrets, 'quiet', { ...data({ key: 'x' }), metadata: { labels: { list: 'quiet' } } });
    const [page] = await pages(secrets, { labelSelector: 'list=quiet', metadataOnly: true });
    const { metadata } = await bench.get(secrets, 'quiet');
    expect(page?.items).toEqual([{ apiVersion: 'v1', kind: 'Secret', metadata }]);
  });

  it('of one namespace or of all, and of custom resources', async () => {
    const elsewhere = await Bench.make(candidate);
    const team = `t-${bench.namespace}`;
    const metadata = { labels: { team } };
    await bench.certificate('here', { metadata });
    const there = await elsewhere.certificate('there', { metadata });
    const one = await pages(providerCertificates, { labelSelector: `team=${team}` });
    expect(one.flatMap(names)).toEqual(['here']);
    const all = await pages(providerCertificates, { namespace: undefined, labelSelector: `team=${team}` });
    expect(all.flatMap(names).sort()).toEqual(['here', 'there']);
    const found = all.flatMap(({ items }) => items).find(({ metadata }) => metadata.name === 'there');
    expect(found).toEqual(there);
  });

  it('from a page that makes no sense is refused, and not because it is too old', async () => {
    const answer = bench.client.pages(secrets, {
      namespace: bench.namespace,
      fieldSelector: 'metadata.colour=red',
      signal,
    });
    const error: unknown = await answer.next().catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'KubeError', status: 400, reason: 'BadRequest' });
    expect(isExpired(error)).toBe(false);
  });
}
