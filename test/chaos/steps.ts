import type { Fault as CloudFault } from '../../sandbox/providers/fault.ts';
import { certificateProviders, providerCertificates } from '../../src/api/group.ts';
import { refreshAnnotation, secretAnnotations, secretLabels } from '../../src/api/names.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { type ObjectName, type Resource, secrets } from '../../src/kube/objects.ts';
import { refusalOf } from '../support/faulty-proxy.ts';
import type { OpenWatch } from '../support/open-watch.ts';
import { encoded, tlsOf } from '../support/world.ts';
import type { Cast } from './cast.ts';
import type { Random } from './random.ts';
import { breakages, type Source } from './source.ts';
import { providers, type Seat } from './stage.ts';
import type { Subject } from './subject.ts';

/** What a step works with. */
export interface Scene {
  cast: Cast;
  /** Its own, so that what it does depends on its place in the plan alone. */
  random: Random;
  /** Waits so many milliseconds, or until all faults are to end. */
  hold(ms: number): Promise<void>;
  /** Whether the API server is somebody's already. */
  apiServer: { busy: boolean };
}

/** Does something, and undoes it where that is due. Throws NoOccasion when it cannot be done just now. */
type Step = (scene: Scene) => Promise<void>;

/** Somebody else is at it, or what would come of it could not be foretold. */
export class NoOccasion extends Error {}

const { signal } = new AbortController();
const seconds = (random: Random, least: number, most: number): number => random.between(least * 10, most * 10) * 100;
const clouds = ['nhn', 'scp', 'naver'] as const;

/** What changes at the clouds. */
const uploads = {
  rotate: (scene) =>
    withSource(scene, async (source) => {
      await source.rotate();
      await supplyKeys(scene.cast, source);
    }),
  break: (scene) =>
    withSettled(scene, async (source) => {
      await source.spoil(scene.random.pick(breakages));
      await supplyKeys(scene.cast, source);
    }),
  remove: (scene) => withSettled(scene, async (source) => source.remove()),
} satisfies Record<string, Step>;

const cloudFaults: readonly CloudFault[] = [
  { status: 429 },
  { status: 429, retryAfter: 2 },
  { status: 500 },
  { status: 503 },
  { status: 403 },
  { status: 401 },
  { reset: true },
  { cut: true },
  { stall: 'headers' },
  { stall: 'body' },
  { dripMs: 50 },
  { latencyMs: 1_500 },
  { body: '<!DOCTYPE html><title>Maintenance</title>', headers: { 'content-type': 'text/html' } },
  { body: Buffer.alloc(10 * 2 ** 20, '{') },
];

/** What goes wrong at the clouds. */
const outages = {
  async 'cloud-fault'({ cast, random, hold }) {
    const cloud = cast.stage.clouds[random.pick(clouds)];
    const match = random.pick([undefined, 'list', 'download', random.pick(cast.sources).name]);
    const fault = random.pick(cloudFaults);
    const end = cloud.fault({ ...fault, ...(match !== undefined && { match }) });
    await hold(seconds(random, 1, 8));
    end();
    if (fault.stall !== undefined || fault.dripMs !== undefined) cloud.dropConnections();
  },
  async 'clock-skew'({ cast, random, hold }) {
    const cloud = cast.stage.clouds[random.pick(['scp', 'naver'] as const)];
    cloud.clockOffsetMs = random.pick([-600_000, 600_000]);
    await hold(seconds(random, 1, 8));
    cloud.clockOffsetMs = 0;
  },
  async 'tokens-revoked'({ cast }) {
    cast.stage.clouds.nhn.revokeTokens();
  },
  async 'wrong-credentials'({ cast, random, hold }) {
    const { stage } = cast;
    const [namespace, cloud] = [random.pick(cast.namespaces), random.pick(clouds)];
    const key = { nhn: 'secretAccessKey', scp: 'secretKey', naver: 'secretKey' }[cloud];
    await stage.insist(() => stage.putCredentials(namespace, cloud, { [key]: 'not-the-right-one' }));
    await hold(seconds(random, 1, 10));
    await stage.insist(() => stage.putCredentials(namespace, cloud));
  },
  async 'no-credentials'({ cast, random, hold }) {
    const { stage } = cast;
    const [namespace, cloud] = [random.pick(cast.namespaces), random.pick(clouds)];
    await remove(cast, secrets, { namespace, name: `${cloud}-credentials` });
    await hold(seconds(random, 1, 10));
    await stage.insist(() => stage.putCredentials(namespace, cloud));
  },
  async 'no-provider'({ cast, random, hold }) {
    const { stage } = cast;
    const namespace = random.pick(cast.namespaces);
    const name = random.pick([providers.nhn, providers.tokens, providers.scp, providers.naver]);
    await remove(cast, certificateProviders, { namespace, name });
    await hold(seconds(random, 1, 8));
    await stage.insist(() => stage.putProvider(namespace, name));
  },
} satisfies Record<string, Step>;

/** What people do to Secrets and objects. */
const people = {
  'delete-secret': (scene) =>
    touch(scene, async ({ namespace, secretName, secretKey }) => {
      const { stage, deletions } = scene.cast;
      await stage.insist(() => {
        deletions.set(secretKey, (deletions.get(secretKey) ?? 0) + 1);
        return removeNow(scene.cast, secrets, { namespace, name: secretName });
      });
    }),
  'edit-secret': (scene) =>
    touch(scene, async (subject) => {
      const { stage } = scene.cast;
      const other = await stage.authority.issue({ dnsNames: [subject.source.domain] });
      const gone = (keys: readonly string[]): object => Object.fromEntries(keys.map((key) => [key, null]));
      const patch = scene.random.pick([
        { data: encoded(tlsOf(other)) },
        { data: encoded({ 'tls.key': other.privateKey }) },
        { data: encoded({ 'tls.crt': '' }) },
        { metadata: { labels: gone(Object.keys(secretLabels)) } },
        { metadata: { annotations: gone(Object.values(secretAnnotations)) } },
        { metadata: { annotations: { [secretAnnotations.notAfter]: 'for ever' } } },
      ]);
      const name = { namespace: subject.namespace, name: subject.secretName };
      await stage.insist(() => stage.client.mergePatch(secrets, name, patch, { signal }));
    }),
  'delete-certificate': (scene) =>
    alone(scene, async (subject) => {
      const { cast, random, hold } = scene;
      await remove(cast, providerCertificates, { namespace: subject.namespace, name: subject.name });
      await hold(seconds(random, 1, 15));
      await cast.stage.insist(() => subject.put());
    }),
  'create-certificate': (scene) =>
    alone(scene, async (subject) => {
      const another = scene.cast.another(subject);
      another.busy = true;
      await scene.cast.stage.insist(() => another.put());
      another.busy = false;
    }),
  'patch-certificate': (scene) =>
    alone(scene, async (subject) => {
      subject.round++;
      subject.deletionPolicy = scene.random.pick(['Retain', 'Delete']);
      await scene.cast.stage.insist(() => subject.put());
    }),
  'rename-secret': (scene) =>
    alone(scene, async (subject) => {
      if (subject.source.remote.kind !== 'good') throw new NoOccasion();
      subject.secretName = `${subject.name}-renamed-${++subject.round}`;
      await scene.cast.stage.insist(() => subject.put());
    }),
  'suspend-certificate': (scene) =>
    alone(scene, async (subject) => {
      const { cast, random, hold } = scene;
      subject.suspended = true;
      await cast.stage.insist(() => subject.put());
      await hold(seconds(random, 1, 15));
      subject.suspended = false;
      await cast.stage.insist(() => subject.put());
    }),
  'refresh-certificate': (scene) =>
    alone(scene, async ({ namespace, name }) => {
      const { cast, random } = scene;
      const patch = { metadata: { annotations: { [refreshAnnotation]: String(random.next()) } } };
      await cast.stage.insist(() =>
        cast.stage.client.mergePatch(providerCertificates, { namespace, name }, patch, { signal }),
      );
    }),
} satisfies Record<string, Step>;

const calls = [
  { verb: 'apply', resource: 'secrets' },
  { verb: 'get', resource: 'secrets' },
  { verb: 'patch', resource: 'providercertificates' },
  { verb: 'patch', resource: 'certificateproviders' },
  { verb: 'create', resource: 'events' },
  { verb: 'update', resource: 'leases' },
  { verb: 'list' },
  { verb: 'watch' },
  {},
] as const;

const noises: readonly ((watch: OpenWatch) => void)[] = [
  (watch) => watch.say(Buffer.from([0, 255, 254, 125, 123, 10])),
  (watch) => {
    watch.say('{"type":"ADDED","object":{"kind":"Secret","metadata":{"na');
    watch.cut();
  },
  (watch) => watch.tell({ type: 'ERROR', object: refusalOf(410) }),
  (watch) => watch.tell({ type: 'ERROR', object: refusalOf(500) }),
];

/** What happens to the API server, and on the way to it. */
const server = {
  'kill-server': (scene) =>
    withServer(scene, async () => {
      const { controlPlane } = scene.cast.stage;
      await controlPlane.kill();
      await scene.hold(seconds(scene.random, 0, 12));
      await controlPlane.restart();
    }),
  'freeze-server': (scene) =>
    withServer(scene, async () => {
      const { controlPlane } = scene.cast.stage;
      controlPlane.pause();
      await scene.hold(seconds(scene.random, 1, 8));
      controlPlane.resume();
    }),
  async refuse({ cast, random, hold }) {
    const fault = random.pick([{ status: 429, retryAfter: 1 }, { status: 409 }, { status: 500 }, { status: 503 }]);
    const end = seatOf(cast, random).proxy.fault(random.pick(calls), fault, random.between(1, 20));
    await hold(seconds(random, 1, 5));
    end();
  },
  async delay({ cast, random, hold }) {
    const end = seatOf(cast, random).proxy.fault(random.pick(calls), { delayMs: random.between(50, 2_000) });
    await hold(seconds(random, 1, 5));
    end();
  },
  async 'lose-calls'({ cast, random, hold }) {
    const end = seatOf(cast, random).proxy.fault(random.pick(calls), { drop: 'call' }, random.between(1, 10));
    await hold(seconds(random, 1, 5));
    end();
  },
  async 'lose-answers'({ cast, random, hold }) {
    const end = seatOf(cast, random).proxy.fault(random.pick(calls), { drop: 'answer' }, random.between(1, 10));
    await hold(seconds(random, 1, 5));
    end();
  },
  async 'cut-off'({ cast, random, hold }) {
    const { proxy } = seatOf(cast, random);
    const end = proxy.fault({}, { drop: 'call' });
    for (const watch of proxy.watches()) watch.cut();
    await hold(seconds(random, 2, 15));
    end();
  },
  async 'cut-watches'({ cast, random }) {
    for (const watch of someOf(seatOf(cast, random).proxy.watches(), random)) watch.cut();
  },
  async 'silence-watches'({ cast, random, hold }) {
    const watches = someOf(seatOf(cast, random).proxy.watches(), random);
    for (const watch of watches) watch.stall();
    await hold(seconds(random, 2, 15));
    for (const watch of watches) watch.cut();
  },
  async 'garble-watches'({ cast, random }) {
    for (const watch of someOf(seatOf(cast, random).proxy.watches(), random)) random.pick(noises)(watch);
  },
} satisfies Record<string, Step>;

/** What happens to operators. */
const operators = {
  async 'kill-operator'({ cast, random }) {
    seatOf(cast, random).replica.signal('SIGKILL');
  },
  async 'end-operator'({ cast, random }) {
    seatOf(cast, random).replica.signal('SIGTERM');
  },
  async 'freeze-operator'({ cast, random, hold }) {
    const { replica } = seatOf(cast, random);
    replica.signal('SIGSTOP');
    await hold(seconds(random, 1, 25));
    replica.signal('SIGCONT');
  },
} satisfies Record<string, Step>;

export const steps = { ...uploads, ...outages, ...people, ...server, ...operators } satisfies Record<string, Step>;
export type StepName = keyof typeof steps;

/** How often each is done, of some 200. */
export const weights: Record<StepName, number> = {
  rotate: 32,
  break: 14,
  remove: 4,
  'cloud-fault': 34,
  'clock-skew': 3,
  'tokens-revoked': 2,
  'wrong-credentials': 4,
  'no-credentials': 3,
  'no-provider': 2,
  'delete-secret': 12,
  'edit-secret': 14,
  'delete-certificate': 6,
  'create-certificate': 5,
  'patch-certificate': 8,
  'rename-secret': 3,
  'suspend-certificate': 4,
  'refresh-certificate': 5,
  'kill-server': 3,
  'freeze-server': 3,
  refuse: 14,
  delay: 6,
  'lose-calls': 8,
  'lose-answers': 10,
  'cut-off': 2,
  'cut-watches': 6,
  'silence-watches': 5,
  'garble-watches': 6,
  'kill-operator': 5,
  'end-operator': 3,
  'freeze-operator': 3,
};

function seatOf({ stage }: Cast, random: Random): Seat {
  return random.pick(stage.seats);
}

/** Half of them on average, and often all. */
function someOf<T>(list: readonly T[], random: Random): T[] {
  const share = random.pick([0.3, 0.6, 1]);
  return list.filter(() => random.next() < share);
}

function usersOf({ subjects }: Cast, source: Source): Subject[] {
  return subjects.filter((subject) => subject.source === source);
}

/** A source whose users have what it had, so that it does not matter for the end how far the operator is. */
function withSettled(scene: Scene, act: (source: Source) => Promise<void>): Promise<void> {
  return withSource(scene, async (source) => {
    const users = usersOf(scene.cast, source);
    if (users.some(({ busy }) => busy)) throw new NoOccasion();
    for (const user of users) user.busy = true;
    try {
      const settled = source.remote.kind !== 'good' || (await allAreWhole(users));
      if (!settled) throw new NoOccasion();
      await act(source);
    } finally {
      for (const user of users) user.busy = false;
    }
  });
}

async function withSource({ cast, random }: Scene, act: (source: Source) => Promise<void>): Promise<void> {
  const source = random.pick(cast.sources);
  if (source.busy) throw new NoOccasion();
  source.busy = true;
  await act(source).finally(() => (source.busy = false));
}

async function allAreWhole(subjects: readonly Subject[]): Promise<boolean> {
  const whole = await Promise.all(subjects.map((subject) => subject.isWhole().catch(() => false)));
  return whole.every(Boolean);
}

async function supplyKeys(cast: Cast, source: Source): Promise<void> {
  const [user] = usersOf(cast, source);
  await cast.stage.insist(async () => user?.putKey());
}

/** Whoever is at a ProviderCertificate has it alone. */
async function alone({ cast, random }: Scene, act: (subject: Subject) => Promise<void>): Promise<void> {
  const subject = random.pick(cast.subjects);
  if (subject.busy) throw new NoOccasion();
  subject.busy = true;
  await act(subject).finally(() => (subject.busy = false));
}

/** Lays hands on a Secret. */
function touch(scene: Scene, act: (subject: Subject) => Promise<void>): Promise<void> {
  return alone(scene, async (subject) => {
    if (!(await subject.mayTouch().catch(() => false))) throw new NoOccasion();
    await act(subject);
  });
}

async function withServer({ apiServer }: Scene, act: () => Promise<void>): Promise<void> {
  if (apiServer.busy) throw new NoOccasion();
  apiServer.busy = true;
  await act().finally(() => (apiServer.busy = false));
}

function remove(cast: Cast, resource: Resource, name: ObjectName): Promise<void> {
  return cast.stage.insist(() => removeNow(cast, resource, name));
}

async function removeNow({ stage }: Cast, resource: Resource, name: ObjectName): Promise<void> {
  await stage.client.delete(resource, name, { signal }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
