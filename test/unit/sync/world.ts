import { onTestFinished } from 'vitest';
import { createAuthority } from '../../../sandbox/pki/index.ts';
import type { ProviderCertificate } from '../../../src/api/certificate.ts';
import { certificateProviders, providerCertificates } from '../../../src/api/group.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { type KubeObject, type Resource, apiVersionOf, secrets } from '../../../src/kube/objects.ts';
import type { Wire } from '../../../src/kube/transport.ts';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';
import { Operator } from '../../../src/sync/operator.ts';
import { ModelApiServer } from '../../simulation/api-server.ts';
import { ManualClock } from '../../support/clock.ts';
import { ModelProvider } from '../providers/model.ts';
import { entryOf, quiet } from '../providers/support.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;
export const name = 'www';

const begins = Date.UTC(2026, 0, 1);
const authority = await createAuthority({ notBefore: new Date(begins - day) });
const { certificate, root, privateKey } = await authority.issue({
  dnsNames: ['www.example.com'],
  notBefore: new Date(begins - day),
  notAfter: new Date(begins + 2 * day),
});
export const bundle = certificate + root + privateKey;
export const bundleWithoutKey = certificate + root;
const dataOf = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
export const credentials = { type: 'Opaque', data: dataOf({ appKey: 'a', accessKeyId: 'b', secretAccessKey: 'c' }) };
/** The same pair as somebody else would write it. */
export const foreignSecret = {
  type: 'kubernetes.io/tls',
  data: dataOf({ 'tls.crt': certificate, 'tls.key': privateKey }),
};

/** An operator, a cloud and a cluster, in which one certificate was written a minute ago, unless `foreign` is in its place. */
export async function world(spec: object = {}, foreign?: object) {
  const clock = new ManualClock(begins);
  const server = new ModelApiServer({ clock });
  const user = new KubeClient(server.as('somebody'), { clock });
  const stop = new AbortController();
  const o = { signal: stop.signal };
  const namespace = 'default';
  const create = (resource: Resource, of: string, fields: object): Promise<unknown> => {
    const head = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { namespace, name: of } };
    return user.create(resource, { ...head, ...fields }, o);
  };
  await create(secrets, 'nhn', credentials);
  await create(certificateProviders, 'nhn', { spec: { nhn: { credentialsSecretRef: { name: 'nhn' } } } });
  if (foreign !== undefined) await create(secrets, name, foreign);
  await create(providerCertificates, name, { spec: { providerRef: { name: 'nhn' }, remoteRef: { name }, ...spec } });

  const provider = new ModelProvider(clock);
  provider.entries = [entryOf(name)];
  provider.bundle = () => bundle;
  const requests: string[] = [];
  const held = new Map<string, Promise<void>>();
  const wire: Wire = {
    call: async (request, signal) => {
      requests.push(request.operation);
      await held.get(request.operation);
      return server.call(request, signal);
    },
    stream: (request, signal) => server.stream(request, signal),
  };
  const operator = new Operator({
    client: new KubeClient(wire, { clock }),
    clock,
    logger: quiet,
    endpoints: new Endpoints(),
    uploads: true,
    providerFor: () => ({ ...nhn, connect: () => provider, manage: () => provider.manager }),
    random: () => 0,
    watchNamespaces: ['default'],
    concurrency: 4,
    instance: 'operator',
    observer: { reconciled: () => {}, providerCalled: () => {}, certificate: () => {} },
  });
  const ended = operator.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await clock.advance(10_000);
    await ended;
  });
  const get = <T extends KubeObject>(resource: Resource, of: string): Promise<T> =>
    user.get<T>(resource, { namespace, name: of }, o);
  const statusOf = async (of = name): Promise<Record<string, string | undefined>> => {
    const { status = {} } = await get<ProviderCertificate>(providerCertificates, of);
    const { conditions = [], lastCheckTime, lastSyncTime } = status;
    const reasons = Object.fromEntries(conditions.map(({ type, reason }) => [type, reason]));
    return { ...reasons, lastCheckTime, lastSyncTime };
  };
  const change = (resource: Resource, patch: object, of = name): Promise<unknown> =>
    user.mergePatch(resource, { namespace, name: of }, patch, o);
  const remove = (resource: Resource, of: string): Promise<unknown> =>
    user.delete(resource, { namespace, name: of }, o);
  /** Requests of this kind do not reach the API server before the returned function is called. */
  const hold = (operation: string): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held.set(operation, promise);
    return () => {
      held.delete(operation);
      resolve();
    };
  };
  const set = (ms: number): void => clock.set(clock.now() + ms);
  await clock.advance(minute);
  return { clock, provider, requests, create, get, change, remove, statusOf, hold, set };
}
