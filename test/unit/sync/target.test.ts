import { beforeEach, describe, expect, test } from 'vitest';
import type { ProviderCertificate } from '../../../src/api/certificate.ts';
import { systemClock } from '../../../src/clock.ts';
import type { KubeObject, ObjectMeta } from '../../../src/kube/objects.ts';
import { Store } from '../../../src/kube/store.ts';
import { Holders } from '../../../src/sync/holder.ts';
import { type Target, Targets } from '../../../src/sync/target.ts';
import { clientOf, forever, sendJson, silent, startServer, statusBody } from '../kube/support.ts';

const metadata: ObjectMeta = { namespace: 'ns', name: 'www', uid: 'u', resourceVersion: '1' };
const secret = (resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { ...metadata, resourceVersion },
});
const certificate = (resourceVersion: string, secretName = 'www'): ProviderCertificate => ({
  apiVersion: 'provider-certificates.io/v1alpha1',
  kind: 'ProviderCertificate',
  metadata: { ...metadata, resourceVersion },
  spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' }, secretName },
});

/** What is known of Secret ns/www, at an API server where somebody else has it, or nobody. */
async function scene(answer: 'foreign' | 'absent') {
  const server = await startServer((_, response) => {
    if (answer === 'foreign') sendJson(response, 200, secret('1'));
    else sendJson(response, 404, statusBody(404, 'NotFound', 'secrets "www" not found'));
  });
  const certificates = new Store<ProviderCertificate>({ logger: silent });
  const store = new Store<KubeObject>({ logger: silent });
  const holders = new Holders(certificates, { onRival: () => {}, onUnclaimed: (key) => targets.forget(key) });
  const targets = new Targets({ client: clientOf(server), store, holders, clock: systemClock });
  const name = { namespace: 'ns', name: 'www' };
  const read = (): Promise<Target> =>
    targets.read(name, { expected: false, adopt: false, lookAgain: false, signal: forever });
  /** How many requests it costs to see whether there is one. */
  const look = async (): Promise<number> => {
    const before = server.requests.length;
    await read();
    return server.requests.length - before;
  };
  const suspect = (): void => targets.suspect(name);
  return { server, certificates, store, suspect, read, look };
}

describe('a Secret that left the watch', () => {
  let s: Awaited<ReturnType<typeof scene>>;
  beforeEach(async () => {
    s = await scene('absent');
    return () => s.server[Symbol.asyncDispose]();
  });

  test('is asked for by whoever wants it, once', async () => {
    s.certificates.upsert(undefined, certificate('1'));
    s.store.upsert(undefined, secret('1'));
    s.store.remove(undefined, secret('2'));
    expect([await s.look(), await s.look()]).toEqual([1, 0]);
  });

  test.each<[string, () => void]>([
    ['when nobody wants it', () => s.certificates.remove(undefined, certificate('2'))],
    ['when it is another that is wanted', () => s.certificates.upsert(undefined, certificate('2', 'other'))],
  ])('is forgotten %s, whatever came first', async (_, leave) => {
    const remove = (): void => {
      s.store.upsert(undefined, secret('1'));
      s.store.remove(undefined, secret('2'));
    };
    for (const turn of [
      [remove, leave],
      [leave, remove],
    ]) {
      s.certificates.upsert(undefined, certificate('1'));
      for (const happens of turn) happens();
      expect(await s.look()).toBe(0);
    }
  });

  test('is not remembered for a write that comes to its end afterwards', async () => {
    s.suspect();
    expect(await s.look()).toBe(0);
  });
});

test('a Secret of somebody else is remembered for as long as somebody wants the name', async () => {
  const s = await scene('foreign');
  await using _ = s.server;
  s.certificates.upsert(undefined, certificate('1'));
  s.suspect();
  expect([await s.look(), await s.look()]).toEqual([1, 0]);
  s.certificates.remove(undefined, certificate('2'));
  s.certificates.upsert(undefined, certificate('3'));
  expect(await s.read()).toBeUndefined();
});
