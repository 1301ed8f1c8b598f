import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchEvent } from '../../../src/kube/answers.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { isExpired } from '../../../src/kube/errors.ts';
import { namespaces, secrets } from '../../../src/kube/objects.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import type { ModelApiServer, StoredVersion } from '../../simulation/api-server.ts';
import { ManualClock } from '../../support/clock.ts';
import { base64, Bench, data, signal } from '../../support/conformance/bench.ts';
import type { Any } from '../../support/conformance/bench.ts';
import { ModelCandidate } from '../../support/model-candidate.ts';

/** What a simulation does with the model that nobody can do with a real API server. */
describe('the model', () => {
  const clock = new ManualClock();
  let candidate: ModelCandidate;
  let server: ModelApiServer;
  let bench: Bench;
  let client: KubeClient;
  beforeEach(async () => {
    candidate = new ModelCandidate(clock);
    ({ server } = candidate);
    bench = await Bench.make(candidate);
    ({ client } = bench);
  });

  const watch = (resourceVersion: string): AsyncGenerator<WatchEvent<KubeObject>> =>
    client.watch(secrets, { resourceVersion, timeoutSeconds: 60, signal });

  it('shows an observer each version that is stored, before the writer has the answer', async () => {
    const seen: StoredVersion[] = [];
    const end = server.observe((version) => seen.push(version));
    const made = bench.secret('web', 'one', data({ key: 'x' }));
    expect(seen).toHaveLength(1);
    const first = await made;
    const second = await bench.patch(secrets, 'web', data({ key: 'y' }));
    await bench.patch(secrets, 'web', data({ key: 'y' })); // nothing new
    await bench.delete(secrets, 'web');
    end();
    await bench.secret('web', 'one');
    expect(seen).toEqual([
      { resource: secrets, before: undefined, after: first },
      { resource: secrets, before: first, after: second },
      { resource: secrets, before: second, after: undefined },
    ]);
  });

  it('shows it copies', async () => {
    server.observe(({ after }) => delete (after as Any | undefined)?.data);
    await bench.secret('web', 'one', data({ key: 'x' }));
    expect((await bench.get(secrets, 'web')).data).toEqual({ key: base64('x') });
  });

  it('gives each watch and each list copies', async () => {
    const { metadata } = await bench.secret('old', 'one');
    const [one, other] = [watch(metadata.resourceVersion), watch(metadata.resourceVersion)];
    await bench.secret('web', 'one', data({ key: 'x' }));
    const next = async (events: typeof one): Promise<Any> => (await events.next()).value.object;
    delete (await next(one)).data;
    expect((await next(other)).data).toEqual({ key: base64('x') });
    for (const _ of [1, 2]) {
      const { value } = await client.pages<Any>(secrets, { labelSelector: '', signal }).next();
      const listed = (value as { items: Any[] }).items.find(({ metadata }) => metadata.name === 'web');
      expect(listed?.data).toEqual({ key: base64('x') });
      delete listed?.data;
    }
  });

  it('tells watches on demand how far they are, and ends them', async () => {
    const { metadata } = await bench.secret('web', 'one');
    const events = watch(metadata.resourceVersion);
    const first = events.next();
    const { metadata: latest } = await bench.create(namespaces, 'elsewhere');
    server.bookmark();
    const bookmark = { type: 'BOOKMARK', resourceVersion: latest.resourceVersion };
    expect(await first).toEqual({ done: false, value: bookmark });
    await bench.secret('last', 'one');
    server.cutWatches();
    await bench.secret('unseen', 'one');
    expect(await events.next()).toMatchObject({ value: { type: 'ADDED', object: { metadata: { name: 'last' } } } });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('forgets on demand what was: lists must begin anew, and watches of older versions', async () => {
    for (const name of ['a', 'b', 'c']) await bench.secret(name, 'one');
    const pages = client.pages(secrets, { limit: 1, signal });
    await pages.next();
    await bench.secret('d', 'one');
    const rest = client.pages(secrets, { limit: 1, signal });
    await rest.next();
    server.compact();
    const error: unknown = await pages.next().catch((error: unknown) => error);
    expect(isExpired(error)).toBe(true);
    expect(error).toMatchObject({ status: 410, reason: 'Expired' });
    expect(await rest.next()).toMatchObject({ value: { items: [{ metadata: { name: 'b' } }] } });
  });

  it('does the same in every run', async () => {
    const run = async (): Promise<unknown> => {
      const other = await Bench.make(new ModelCandidate(clock));
      await other.secret('web', 'one', data({ key: 'x' }));
      await other.certificate('web');
      return [await other.get(secrets, 'web'), await other.patch(secrets, 'web', data({ key: 'y' }))];
    };
    expect(await run()).toEqual(await run());
  });

  it.each([
    ['a field', () => bench.secret('web', 'one', { stringData: { key: 'x' } }), 'stringData'],
    ['a selector', () => client.pages(secrets, { labelSelector: 'team in (a, b)', signal }).next(), 'team in'],
    ['a watch from nowhere', () => watch('0').next(), 'version'],
  ])('says that it does not know %s: a test must not pass because of that', async (_, call, about) => {
    const error: unknown = await call().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).name).toBe('Error');
    expect((error as Error).message).toContain(about);
  });
});
