import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';

import { Api } from '../../sandbox/control-plane/api.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { FaultyProxy, refusalOf } from '../support/faulty-proxy.ts';
import type { Call } from '../support/kube-call.ts';
import type { OpenWatch } from '../support/open-watch.ts';
import { kubectl } from '../support/kubectl.ts';
import { told } from '../support/told.ts';
import { encoded, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work, and all of them wait for a machine that is busy.
vi.setConfig({ maxConcurrency: 40, testTimeout: 300_000 });

interface Stage extends AsyncDisposable {
  w: World;
  proxy: FaultyProxy;
}

/**
 * A world whose operator speaks to the API server through a proxy of its own.
 * @param uploaded what the provider has from the start, so that nobody waits for a poll
 * @param change of the kubeconfig of the operator
 */
async function stage(
  uploaded: readonly string[] = [],
  change: (kubeconfig: string) => Promise<void> = async () => {},
): Promise<Stage> {
  const proxy = await FaultyProxy.start(inject('kubeconfig'));
  const through = async (kubeconfig: string): Promise<string> => {
    const path = await proxy.kubeconfig(kubeconfig);
    await change(path);
    return path;
  };
  const w = await world({ operator: false, through });
  for (const name of uploaded) await w.upload(name);
  await w.startOperator();
  await w.providerReady('nhn', 'Valid');
  return {
    w,
    proxy,
    async [Symbol.asyncDispose]() {
      await w[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A ProviderCertificate whose Secret is in place. */
async function inPlace(w: World, name: string): Promise<Secret> {
  await w.certificate(name);
  await w.synced(name, 'Synced');
  const secret = await w.secret(name);
  if (secret === undefined) throw new Error(`${name} is Synced without a Secret`);
  return secret;
}

/** What differs is the object alone: somebody deleted the former. */
function isRestored(before: Secret, after: Secret): void {
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(after.data).toEqual(before.data);
}

const applied = (name: string): Partial<Call> => ({ verb: 'apply', resource: 'secrets', name });
const reported = (name: string): Partial<Call> => ({ verb: 'patch', resource: 'providercertificates', name });
const annotation = (secret: Secret, name: 'revision' | 'fingerprint-sha256'): string | undefined =>
  secret.metadata.annotations?.[`provider-certificates.io/${name}`];

describe.concurrent('a write', () => {
  // The 404 is one of something in between, which knows no Secrets.
  const refused = [{ status: 429, retryAfter: 1 }, { status: 500 }, { status: 503 }, { status: 404 }];
  const reports = [
    { how: 'refused', fault: { status: 500 } },
    { how: 'conflict', fault: { status: 409 } },
    { how: 'lost', fault: { drop: 'call' } },
    { how: 'unheard', fault: { drop: 'answer' } },
  ] as const;
  let s: Stage;
  beforeAll(async () => {
    s = await stage([
      ...refused.map(({ status }) => `refused-${status}`),
      'conflicts',
      'lost-calls',
      'lost-answers',
      ...reports.map(({ how }) => `status-${how}`),
    ]);
  });
  afterAll(async () => s[Symbol.asyncDispose]());

  test.concurrent.for(refused)(
    'of a Secret answered with $status is told and tried again; the pair in place is kept',
    async (fault) => {
      const { w, proxy } = s;
      const name = `refused-${fault.status}`;
      const secret = await inPlace(w, name);
      const end = proxy.fault(applied(name), fault);
      const next = await w.upload(name);
      await told(w, name, { reason: 'SecretWriteFailed', seen: `HTTP ${fault.status}`, kept: secret });

      end();
      const { metadata } = await w.holds(name, next);
      expect(metadata.uid).toBe(secret.metadata.uid);
      await w.synced(name, 'Synced');
      await w.ready(name, 'Valid');
    },
  );

  test.concurrent('of a Secret that conflicts again and again is decided anew, without a word about it', async () => {
    const { w, proxy } = s;
    const name = 'conflicts';
    // More than one reconcile puts up with.
    proxy.fault(applied(name), { status: 409 }, 8);
    await inPlace(w, name);
    proxy.fault(applied(name), { status: 409 }, 8);
    await w.holds(name, await w.upload(name));
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
    await w.event(name, 'Rotated');
    expect(await w.reasons(name)).toEqual(['Synced', 'Rotated']);
  });

  test.concurrent('of a Secret that does not reach the server is made again', async () => {
    const { w, proxy } = s;
    const name = 'lost-calls';
    proxy.fault(applied(name), { drop: 'call' }, 2);
    const secret = await inPlace(w, name);
    proxy.fault(applied(name), { drop: 'call' }, 2);
    const { metadata } = await w.holds(name, await w.upload(name));
    expect(metadata.uid).toBe(secret.metadata.uid);
    await w.synced(name, 'Synced');
    await w.event(name, 'Rotated');
    expect(await w.reasons(name)).toEqual(['Synced', 'Rotated']);
  });

  test.concurrent('of a Secret whose answer is lost is found to be done: no second one, no second download', async () => {
    const { w, proxy } = s;
    const name = 'lost-answers';
    proxy.fault(applied(name), { drop: 'answer' }, 1);
    await w.certificate(name);
    const first = await w.secretUntil(name);
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
    expect(await w.secret(name)).toEqual(first);

    proxy.fault(applied(name), { drop: 'answer' }, 1);
    const second = await w.holds(name, await w.upload(name));
    await w.until(name, ({ status }) => expect(status?.syncedRevision).toBe(annotation(second, 'revision')));
    expect(await w.secret(name)).toEqual(second);
    expect(w.nhn.counters.downloadsOf[name]).toBe(2);
  });

  test.concurrent.for(reports)(
    'of a status ($how) is made good, and the Secret does not wait for it',
    async ({ how, fault }) => {
      const { w, proxy } = s;
      const name = `status-${how}`;
      const secret = await inPlace(w, name);
      const end = proxy.fault(reported(name), fault);
      const next = await w.holds(name, await w.upload(name));
      expect(next.metadata.uid).toBe(secret.metadata.uid);
      end();
      await w.until(name, ({ status }) =>
        expect(status?.certificate?.fingerprintSHA256).toBe(annotation(next, 'fingerprint-sha256')),
      );
      await w.synced(name, 'Synced');
      expect(await w.secret(name)).toEqual(next);
      expect(w.nhn.counters.downloadsOf[name]).toBe(2);
    },
  );
});

test.concurrent('a status that conflicts although nothing changed is written soon, not at the next occasion', async () => {
  const name = 'contradicted';
  await using s = await stage([name]);
  const { w, proxy } = s;
  const { metadata } = await w.certificate(name);
  await w.synced(name, 'Synced');
  // When it is no longer new, there is nothing to look at for hours.
  await setTimeout(Date.parse(metadata.creationTimestamp ?? '') + 32_000 - Date.now());
  proxy.fault(reported(name), { status: 409 }, 2);
  const next = await w.holds(name, await w.upload(name));
  await w.until(name, ({ status }) => expect(status?.syncedRevision).toBe(annotation(next, 'revision')));
  expect(proxy.count(reported(name), 409)).toBe(2);
});

test.concurrent('a provider object whose status conflicts although nothing changed', async () => {
  await using s = await stage();
  const { w, proxy } = s;
  proxy.fault({ verb: 'patch', resource: 'certificateproviders' }, { status: 409 }, 2);
  w.nhn.fault({ match: 'list', status: 503 });
  await w.providerReady('nhn', 'ProviderUnavailable');
  proxy.fault({ verb: 'patch', resource: 'certificateproviders' }, { status: 409 }, 2);
  w.nhn.clearFaults();
  await w.providerReady('nhn', 'Valid');
});

test.concurrent('an event whose answer is lost is there once', async () => {
  await using s = await stage(['unheard']);
  const { w, proxy } = s;
  const created = { verb: 'create', resource: 'events' } as const;
  proxy.fault(created, { drop: 'answer' }, 1);
  await inPlace(w, 'unheard');
  await eventually(() => expect(proxy.count(created, 409)).toBe(1), { timeoutMs: 60_000 });
  await eventually(async () => expect(await w.events('unheard')).toMatchObject([{ reason: 'Synced', count: 1 }]));
});

test.concurrent('a write whose answer is lost while the watch is silent is not made twice', async () => {
  const name = 'blind';
  await using s = await stage([name]);
  const { w, proxy } = s;
  for (const watch of proxy.watches({ resource: 'secrets' })) watch.stall();
  proxy.fault(applied(name), { drop: 'answer' }, 1);
  await inPlace(w, name);
  // It is there already.
  expect(proxy.count(applied(name), 201)).toBe(1);
  expect(proxy.count(applied(name), 409)).toBe(1);

  proxy.fault(applied(name), { drop: 'answer' }, 1);
  const second = await w.holds(name, await w.upload(name));
  await w.until(name, ({ status }) => expect(status?.syncedRevision).toBe(annotation(second, 'revision')));
  expect(await w.secret(name)).toEqual(second);
  // The version that it was made on is gone.
  expect(proxy.count(applied(name), 200)).toBe(1);
  expect(proxy.count(applied(name), 409)).toBe(2);
});

test.concurrent('a token that was revoked, and replaced on disk later: nothing is changed between, and nothing missed', async () => {
  const token = (kubeconfig: string): Promise<string> =>
    readFile(kubeconfig, 'utf8').then((text) => accessOf(text).token ?? '');
  let tokenFile = '';
  await using s = await stage(['kept', 'new'], async (kubeconfig) => {
    tokenFile = `${kubeconfig}.token`;
    await writeFile(tokenFile, await token(kubeconfig), { mode: 0o600 });
    const config = JSON.parse(await readFile(kubeconfig, 'utf8')) as { users: [{ user: object }] };
    config.users[0].user = { tokenFile };
    await writeFile(kubeconfig, JSON.stringify(config));
  });
  const { w, proxy } = s;
  const secret = await inPlace(w, 'kept');
  const before = await w.get('kept');
  await kubectl(['-n', w.namespace, 'delete', 'serviceaccount', 'operator']);
  // The server remembers for a while whom it knew.
  const access = {
    ...accessOf(await readFile(inject('kubeconfig'), 'utf8')),
    token: await readFile(tokenFile, 'utf8'),
  };
  const api = new Api(access);
  await eventually(() => expect(api.get('/api')).rejects.toThrow('401'), { timeoutMs: 60_000, intervalMs: 500 });
  await api.close();

  const renewed = await w.upload('kept');
  await w.certificate('new');
  for (const watch of proxy.watches()) watch.cut();
  await eventually(
    () => {
      expect(proxy.count({ verb: 'watch' }, 401)).toBeGreaterThan(0);
      expect(proxy.count(applied('kept'), 401)).toBeGreaterThan(0);
    },
    { timeoutMs: 60_000 },
  );
  expect(await w.secret('kept')).toEqual(secret);
  expect(await w.get('kept')).toEqual(before);
  expect(await w.secret('new')).toBeUndefined();
  expect((await fetch(`${w.operator.url}/healthz`)).status).toBe(200);

  // As `kubectl create token` would write it.
  await writeFile(tokenFile, `${await token(await w.serviceAccount())}\n`);
  await w.holds('kept', renewed);
  for (const name of ['kept', 'new']) {
    await w.synced(name, 'Synced');
    await w.ready(name, 'Valid');
  }
});

describe.concurrent('reads that fail', () => {
  test('at the start: not ready before the lists are complete, and then all is as it was', async () => {
    await using s = await stage(['kept', 'new']);
    const { w, proxy } = s;
    const secret = await inPlace(w, 'kept');
    const before = await w.get('kept');
    expect(await w.operator.stop()).toMatchObject({ code: 0 });

    const lists = (resource: string): Partial<Call> => ({ verb: 'list', resource });
    proxy.fault(lists('secrets'), { status: 500 });
    proxy.fault(lists('providercertificates'), { status: 429, retryAfter: 1 });
    proxy.fault(lists('certificateproviders'), { drop: 'call' });
    const dropped = proxy.count(lists('certificateproviders'));
    const operator = await w.startOperator({ ready: false });
    const probe = async (path: string): Promise<number> => (await fetch(operator.url + path)).status;
    await eventually(() => {
      expect(proxy.count(lists('secrets'), 500)).toBeGreaterThan(1);
      expect(proxy.count(lists('providercertificates'), 429)).toBeGreaterThan(1);
      expect(proxy.count(lists('certificateproviders'))).toBeGreaterThan(dropped + 1);
    });
    expect(await probe('/readyz')).toBe(503);
    expect(await probe('/healthz')).toBe(200);

    proxy.clear();
    await eventually(async () => expect(await probe('/readyz')).toBe(200), { timeoutMs: 60_000 });
    await inPlace(w, 'new');
    expect(await w.get('kept')).toEqual(before);
    expect(await w.secret('kept')).toEqual(secret);
    expect(w.nhn.counters.downloadsOf['kept']).toBe(1);
  });

  test('of a Secret: what cannot be seen is neither written nor downloaded', async () => {
    const faults = {
      refused: { status: 429, retryAfter: 1 },
      failed: { status: 500 },
      lost: { drop: 'answer' },
    } as const;
    const names = Object.keys(faults) as (keyof typeof faults)[];
    await using s = await stage(names);
    const { w, proxy } = s;
    const secrets = await Promise.all(names.map((name) => inPlace(w, name)));
    const before = await Promise.all(names.map((name) => w.get(name)));
    const read = (name: string): Partial<Call> => ({ verb: 'get', resource: 'secrets', name });
    const triedAgain = async (times: number): Promise<void> => {
      const seen = names.map((name) => proxy.count(read(name)));
      await eventually(
        () =>
          names.forEach((name, index) =>
            expect(proxy.count(read(name))).toBeGreaterThanOrEqual((seen[index] ?? 0) + times),
          ),
        { timeoutMs: 60_000 },
      );
    };
    for (const name of names) proxy.fault(read(name), faults[name]);
    await w.operator.kill();
    await w.startOperator();
    await triedAgain(2);
    expect(await Promise.all(names.map((name) => w.get(name)))).toEqual(before);
    const edited: Secret[] = [];
    for (const name of names) edited.push(await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name))) }));
    await triedAgain(1);
    expect(await Promise.all(names.map((name) => w.secret(name)))).toEqual(edited);
    for (const name of names) expect(w.nhn.counters.downloadsOf[name]).toBe(1);

    proxy.clear();
    for (const [index, name] of names.entries()) {
      const secret = secrets[index];
      const repaired = await w.secretUntil(name, ({ data }) => expect(data).toEqual(secret?.data));
      expect(repaired.metadata.uid).toBe(secret?.metadata.uid);
      await w.ready(name, 'Valid');
    }
  });
});

describe.concurrent('watches', () => {
  /** What comes by watch: a new object, one that changed, and a Secret that somebody deleted. */
  async function followed({ w }: Stage, name: string): Promise<void> {
    const secret = await inPlace(w, name);
    await w.deleteSecret(name);
    isRestored(secret, await w.secretUntil(name));
    await w.patch(name, { secretTemplate: { labels: { team: 'a' } } });
    await w.secretUntil(name, ({ metadata }) => expect(metadata.labels).toMatchObject({ team: 'a' }));
    await w.ready(name, 'Valid');
  }

  /** Waits until there are as many as there were, and others. */
  async function replaced({ proxy }: Stage, before: readonly OpenWatch[]): Promise<void> {
    await eventually(
      () => {
        const open = proxy.watches();
        expect(open).toHaveLength(before.length);
        expect(before.filter((watch) => open.includes(watch))).toEqual([]);
      },
      { timeoutMs: 60_000 },
    );
  }

  const spoils: Record<string, (watch: OpenWatch) => void> = {
    cut: (watch) => watch.cut(),
    garbage: (watch) => watch.say(Buffer.from([0, 255, 254, 125, 123, 10])),
    'half an event'(watch) {
      watch.say('{"type":"ADDED","object":{"kind":"Secret","metadata":{"na');
      watch.cut();
    },
    'no event': (watch) => watch.say('{"type":"SURPRISE","object":{}}\n'),
    'error 500': (watch) => watch.tell({ type: 'ERROR', object: refusalOf(500) }),
    'error 410': (watch) => watch.tell({ type: 'ERROR', object: refusalOf(410) }),
  };

  test.for([
    ['cut', 'garbage'],
    ['half an event', 'no event'],
    ['error 500', 'error 410'],
  ])('that are spoilt (%s, then %s) are opened again, and nothing is missed', async (hows) => {
    const names = hows.map((_, round) => `round-${round}`);
    await using s = await stage(['meanwhile', ...names]);
    const { w, proxy } = s;
    await inPlace(w, 'meanwhile');
    for (const [round, how] of hows.entries()) {
      const secret = await w.secretUntil('meanwhile');
      const before = proxy.watches();
      // Our own kinds, our Secrets, and the credentials.
      expect(before).toHaveLength(4);
      const listed = proxy.count({ verb: 'list' });
      for (const watch of before) spoils[how]?.(watch);
      // While nobody watches.
      await w.deleteSecret('meanwhile');
      await followed(s, `round-${round}`);
      isRestored(secret, await w.secretUntil('meanwhile'));
      await replaced(s, before);
      if (how === 'error 410') expect(proxy.count({ verb: 'list' })).toBeGreaterThanOrEqual(listed + before.length);
    }
  });

  test('that fall silent and then end: what they kept to themselves is made good', async () => {
    await using s = await stage(['deleted', 'edited', 'patched', 'new']);
    const { w, proxy } = s;
    const [deleted, edited] = [await inPlace(w, 'deleted'), await inPlace(w, 'edited')];
    await inPlace(w, 'patched');
    const stalled = proxy.watches();
    for (const watch of stalled) watch.stall();
    await w.deleteSecret('deleted');
    await w.patchSecret('edited', { data: encoded(tlsOf(await w.issue('edited'))) });
    await w.patch('patched', { secretTemplate: { labels: { told: 'late' } } });
    await w.certificate('new');
    // A renewal comes by the list of the provider, and needs no watch.
    await w.holds('patched', await w.upload('patched'));
    expect(await w.secret('deleted')).toBeUndefined();
    expect(await w.secret('new')).toBeUndefined();

    for (const watch of stalled) watch.cut();
    isRestored(deleted, await w.secretUntil('deleted'));
    await w.secretUntil('edited', ({ data }) => expect(data).toEqual(edited.data));
    await w.secretUntil('patched', ({ metadata }) => expect(metadata.labels).toMatchObject({ told: 'late' }));
    for (const name of ['new', 'deleted', 'edited', 'patched']) await w.ready(name, 'Valid');
    await replaced(s, stalled);
  });

  test('that fall silent and then are too old: the lists show what is gone', async () => {
    await using s = await stage(['deleted', 'forgotten', 'after']);
    const { w, proxy } = s;
    const deleted = await inPlace(w, 'deleted');
    await inPlace(w, 'forgotten');
    const stalled = proxy.watches();
    for (const watch of stalled) watch.stall();
    await w.deleteSecret('deleted');
    await w.remove('forgotten');
    await w.deleteSecret('forgotten');
    // It must not hear of the Secrets first, or it would restore one for an object that is gone.
    const relisted = { verb: 'list', resource: 'providercertificates' } as const;
    const lists = proxy.count(relisted, 200);
    const expire = (watch: OpenWatch): void => watch.tell({ type: 'ERROR', object: refusalOf(410) });
    for (const watch of proxy.watches({ resource: relisted.resource })) expire(watch);
    await eventually(() => expect(proxy.count(relisted, 200)).toBeGreaterThan(lists));
    await eventually(async () => expect(await w.operator.metrics()).not.toContain('name="forgotten"'));
    for (const watch of stalled) if (watch.call.resource !== relisted.resource) expire(watch);
    isRestored(deleted, await w.secretUntil('deleted'));
    await followed(s, 'after');
    // That one nobody wants any more.
    expect(await w.secret('forgotten')).toBeUndefined();
    await replaced(s, stalled);
  });

  test('that are refused, with 429 and 500, are asked for again', async () => {
    await using s = await stage(['kept', 'after']);
    const { w, proxy } = s;
    const secret = await inPlace(w, 'kept');
    const before = proxy.watches();
    proxy.fault({ verb: 'watch', resource: 'secrets', name: undefined }, { status: 429, retryAfter: 1 }, 2);
    proxy.fault({ verb: 'watch', resource: 'providercertificates' }, { status: 500 }, 2);
    for (const watch of before) watch.cut();
    await w.deleteSecret('kept');
    isRestored(secret, await w.secretUntil('kept'));
    await followed(s, 'after');
    await replaced(s, before);
    expect(proxy.count({ verb: 'watch', resource: 'secrets' }, 429)).toBe(2);
    expect(proxy.count({ verb: 'watch', resource: 'providercertificates' }, 500)).toBe(2);
  });
});
