import { providerCertificates } from '../../src/api/group.ts';
import { managedLabel, secretAnnotations } from '../../src/api/names.ts';
import { secrets } from '../../src/kube/objects.ts';
import { goodMood } from './cloud.ts';
import type { Flaw } from './pool.ts';
import { fairWeather } from './wire.ts';
import type { World } from './world.ts';

type Action = (world: World) => Promise<void> | void;

const targets = ['s1', 's2', 's3'];
const flaws: readonly Flaw[] = ['other-key', 'no-key', 'cut', 'expired'];

/** Things that happen, and how often compared with others. */
const actions: readonly (readonly [weight: number, name: string, act: Action])[] = [
  [8, 'a certificate is renewed', (world) => upload(world, 'none')],
  [4, 'a flawed bundle is uploaded', (world) => upload(world, world.random.pick(flaws))],
  [2, 'a certificate is removed', (world) => world.cloud.remove(world.random.pick(world.pool.names))],
  [8, 'a ProviderCertificate is created', create],
  [
    3,
    'a ProviderCertificate is deleted',
    async (world) => withCertificate(world, (name) => world.remove(providerCertificates, name)),
  ],
  [
    8,
    'a ProviderCertificate is changed',
    async (world) => withCertificate(world, async (name) => world.change(name, { spec: changeOf(world) })),
  ],
  [3, 'a refresh is asked for', async (world) => withCertificate(world, (name) => world.refresh(name))],
  [3, 'a Secret is deleted', async (world) => withSecret(world, (name) => world.remove(secrets, name))],
  [5, 'a Secret is edited', async (world) => withSecret(world, (name) => world.edit(name, editOf(world)))],
  [2, 'somebody else makes a Secret', makeSecret],
  [2, 'the credentials change', changeCredentials],
  [3, 'the network becomes bad', badWeather],
  [3, 'the cloud is in trouble', badMood],
  [3, 'all is well again', calm],
  [3, 'an operator is killed', (world) => onOperator(world, (process) => process.kill())],
  [2, 'an operator is stopped', (world) => onOperator(world, (process) => process.end())],
  [3, 'an operator gets no time', giveNoTime],
  [4, 'an operator is started', startOperator],
  [2, 'all watches end', cutWatches],
  [3, 'the API server restarts and has forgotten', restart],
];

const total = actions.reduce((sum, [weight]) => sum + weight, 0);

/** Lets things happen, one after another and some at the same time, until the seed has had enough. */
export async function play(world: World): Promise<void> {
  const { random } = world;
  await world.credentials(world.cloud.secret);
  await world.provider(random.pick(['1m', '5m']));
  for (const name of world.pool.names) if (random.chance(0.7)) await upload(world, 'none', name, random.pick([0, 5]));
  for (let left = random.between(1, 3); left > 0; left--) await create(world);
  world.startOperator();
  if (world.leaderElection) world.startOperator();
  await world.pass(random.pick([0, 200, 1_000, 10_000]));
  for (let left = random.between(3, 12); left > 0; left--) {
    await happen(world);
    if (random.chance(0.3)) continue; // and at once the next
    await world.pass(
      random.chance(0.01) ? random.between(1, 4) * 3_600_000 : random.pick([50, 400, 3_000, 20_000, 120_000]),
    );
  }
}

/** No more faults: what is left is what the users want and what the cloud has. */
export async function calm(world: World): Promise<void> {
  world.weather = fairWeather;
  world.invariants.fairWeather({ silenced: world.variation.silent > 0 });
  world.cloud.mood = goodMood;
  await world.credentials(world.cloud.secret);
  world.invariants.forgetDownloads();
}

async function happen(world: World): Promise<void> {
  let at = world.random.next() * total;
  const [, name, act] = actions.find(([weight]) => (at -= weight) < 0) ?? expectNever();
  world.tell(name);
  await act(world);
}

function expectNever(): never {
  throw new Error('the weights do not add up');
}

async function upload(
  world: World,
  flaw: Flaw,
  name = world.random.pick(world.pool.names),
  daysAgo = 0,
): Promise<void> {
  const { random, cloud, pool } = world;
  const held = cloud.held.get(name)?.bundle.generation ?? -1;
  // Mostly the next one; now and then somebody takes an old file.
  const generation = random.chance(0.15)
    ? random.between(0, pool.generations - 1)
    : Math.min(held + 1, pool.generations - 1);
  cloud.upload(pool.bundle(name, generation, flaw), world.day(daysAgo));
  world.invariants.forgetDownloads();
  world.tell(`  ${name}, generation ${generation}, flaw ${flaw}`);
}

async function create(world: World): Promise<void> {
  const { random, pool } = world;
  const name = `c${random.between(1, 5)}`;
  if ((await world.get(providerCertificates, name)) !== undefined) return;
  const spec = {
    remoteRef: { name: random.pick(pool.names) },
    secretName: random.pick(targets),
    ...(random.chance(0.15) && { mode: 'Observe' as const }),
    ...(random.chance(0.2) && { adoptExisting: true }),
    ...(random.chance(0.2) && { allowOlder: true }),
    ...(random.chance(0.1) && { deletionPolicy: 'Delete' as const }),
    ...(random.chance(0.1) && { refreshInterval: '10m' }),
  };
  await world.certificate(name, spec);
  world.tell(`  ${name}: ${JSON.stringify(spec)}`);
}

function changeOf(world: World): object {
  const { random, pool } = world;
  const change = random.pick([
    () => ({ secretName: random.pick(targets) }),
    () => ({ remoteRef: { name: random.pick(pool.names) } }),
    () => ({ suspend: random.chance(0.5) ? true : null }),
    () => ({ mode: random.chance(0.3) ? 'Observe' : null }),
    () => ({ adoptExisting: random.chance(0.5) ? true : null }),
    () => ({ allowOlder: random.chance(0.5) ? true : null }),
    () => ({ deletionPolicy: random.pick(['Retain', 'Delete']) }),
    () => ({ caCertificate: random.pick(['Include', 'Omit']) }),
    () => ({ dnsNames: random.chance(0.5) ? [random.pick(pool.names)] : null }),
    () => ({ secretTemplate: random.chance(0.5) ? { labels: { team: random.pick(['red', 'blue']) } } : null }),
  ])();
  world.tell(`  ${JSON.stringify(change)}`);
  return change;
}

function editOf(world: World): object {
  const { random } = world;
  const edit = random.pick([
    () => ({ data: { 'tls.key': Buffer.from('nonsense').toString('base64') } }),
    () => ({ data: { 'tls.crt': Buffer.from('nonsense').toString('base64') } }),
    () => ({ data: { 'ca.crt': null } }),
    () => ({ metadata: { labels: { [managedLabel]: null } } }),
    () => ({ metadata: { annotations: { [secretAnnotations.certificate]: null } } }),
    () => ({ metadata: { annotations: { [secretAnnotations.source]: 'elsewhere' } } }),
    () => ({ metadata: { annotations: { note: 'mine' } } }),
    () => ({ data: { 'extra.txt': '' } }),
  ])();
  world.tell(`  ${JSON.stringify(edit)}`);
  return edit;
}

async function makeSecret(world: World): Promise<void> {
  const name = world.random.pick(targets);
  if ((await world.get(secrets, name)) !== undefined) return;
  const foreign = Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64');
  const tls = { type: 'kubernetes.io/tls', data: { 'tls.crt': foreign, 'tls.key': foreign } };
  await world.createSecret(name, world.random.chance(0.7) ? tls : { type: 'Opaque', data: { other: foreign } });
  world.tell(`  ${name}`);
}

async function changeCredentials(world: World): Promise<void> {
  const secret = `secret-${world.random.between(1, 9)}`;
  if (world.random.chance(0.5)) world.cloud.secret = secret;
  else await world.credentials(secret);
  world.invariants.forgetDownloads();
}

/** Whoever watched begins again after a second or two. */
function cutWatches(world: World): void {
  world.invariants.newsLate(5_000);
  world.server.cutWatches();
}

function restart(world: World): void {
  cutWatches(world);
  // What happens before anybody is back cannot be told any more.
  world.time.after(world.random.between(0, 500), () => world.server.compact());
}

function badWeather(world: World): void {
  const { random } = world;
  const some = (most: number): number => (random.chance(0.5) ? random.next() * most : 0);
  world.invariants.badWeather();
  const { silent, deadly } = world.variation;
  const [lost, answerLost, refused, slow, cut] = [some(0.3), some(0.3), some(0.3), some(0.3), some(0.2)];
  world.weather = { lost, answerLost, refused, slow, cut, silent, deadly };
}

function badMood(world: World): void {
  const { random } = world;
  const some = (most: number): number => (random.chance(0.5) ? random.next() * most : 0);
  world.cloud.mood = { throttled: some(0.3), failing: some(0.5), forgetful: some(0.3), slow: some(0.3) };
}

function giveNoTime(world: World): void {
  const ms = world.random.between(1_000, 60_000);
  world.invariants.newsLate(ms + 5_000);
  onOperator(world, ({ machine }) => machine.stopFor(ms));
}

function startOperator(world: World): void {
  const room = world.leaderElection ? 3 : 1;
  if (world.alive.length < room) world.startOperator();
}

function onOperator(world: World, act: (process: World['processes'][number]) => void): void {
  if (world.alive.length === 0) return;
  const process = world.random.pick(world.alive);
  world.tell(`  ${process.name}`);
  act(process);
}

async function withCertificate(world: World, act: (name: string) => Promise<void>): Promise<void> {
  const found = await world.certificates();
  if (found.length === 0) return;
  const { name } = world.random.pick(found).metadata;
  world.tell(`  ${name}`);
  await act(name);
}

async function withSecret(world: World, act: (name: string) => Promise<void>): Promise<void> {
  const found = [...(await world.tlsSecrets()).keys()];
  if (found.length === 0) return;
  const name = world.random.pick(found);
  world.tell(`  ${name}`);
  await act(name);
}
