import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import type { ApiObject } from './control-plane/api.ts';
import { render } from './table.ts';
import { type World, examples } from './world.ts';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

const certificate = 'www-example-com';

/** Shows what the operator does, step by step. Throws with one sentence when it does not do it. */
export async function tour(world: World, say: (line: string) => void): Promise<void> {
  say('\n1. Applying examples/nhn: credentials, a provider, and certificates that are wanted as Secrets.');
  await prepare(world);
  for (const object of await examples(world)) await world.apply(object);
  const wanted = (await world.list('ProviderCertificate')).items;
  await follow(world, say, wanted.length);

  say('\n2. A TLS server with that Secret, and a client that trusts the root certificate only:');
  say(`   ${await handshake(world)}`);

  say('\n3. Somebody renews www.example.com at the provider. It is listed every 10 s here, every 5 min by default.');
  const renewed = await world.upload('www.example.com');
  const fingerprint = new X509Certificate(renewed.certificate).fingerprint256;
  await until('the Secret to follow the renewal', async () => (await served(world)).fingerprint256 === fingerprint);
  say(`   The Secret followed: ${await handshake(world)}`);

  say('\n4. Somebody uploads a bundle with the key of another certificate.');
  const before = await world.get('Secret', certificate);
  const other = await world.authority.issue({ dnsNames: ['www.example.com'] });
  const broken = await world.authority.issue({ dnsNames: ['www.example.com'] });
  world.nhn.upload('www.example.com', broken.certificate + broken.chain + other.privateKey);
  await until(
    'the broken bundle to be refused',
    async () => (await condition(world, 'Synced')).reason === 'KeyMismatch',
  );
  const after = await world.get('Secret', certificate);
  if (JSON.stringify(after['data']) !== JSON.stringify(before['data']))
    throw new Error('The Secret was changed by a broken bundle');
  say(`   It was refused, and the Secret is as it was (still ${(await condition(world, 'Ready')).reason}):`);
  say(`   ${(await condition(world, 'Synced')).message}`);

  say('\n5. The bundle is put right.');
  await world.upload('www.example.com');
  // A refused bundle is looked at again when the provider lists something new: here, at the next poll.
  await until('the Secret to be in sync again', async () => (await condition(world, 'Synced')).status === 'True');
  say('');
  say(await table(world));
}

/** What the examples expect to be there: certificates at the provider, and Secrets that users make by hand. */
async function prepare(world: World): Promise<void> {
  for (const name of ['www.example.com', 'legacy.example.com']) await world.upload(name);
  const wildcard = await world.authority.issue({ dnsNames: ['*.example.com', 'example.com'] });
  world.nhn.upload('*.example.com', wildcard.bundle);

  const secret = (name: string, stringData: Record<string, string>, type = 'Opaque'): Promise<void> =>
    world.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData });
  const api = await world.authority.issue({ dnsNames: ['api.example.com'] });
  world.nhn.upload('api.example.com', api.certificate + api.chain + api.root);
  await secret('api-key', { 'tls.key': api.privateKey });

  const passphrase = 'correct horse battery staple';
  const pay = await world.authority.issue({ dnsNames: ['pay.example.com'] });
  const encrypted = pay.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
  world.nhn.upload('pay.example.com', pay.certificate + pay.chain + pay.root + encrypted);
  await secret('pay-passphrase', { passphrase });

  const old = await world.authority.issue({
    dnsNames: ['legacy.example.com'],
    notBefore: new Date(Date.now() - 80 * 86_400_000),
  });
  const legacy = { 'tls.crt': old.certificate + old.chain, 'tls.key': old.privateKey };
  await world.api.post('/api/v1/namespaces/default/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'legacy-tls' },
    type: 'kubernetes.io/tls',
    stringData: legacy,
  });
}

/** Prints the table whenever it changes, until every certificate is Ready. */
async function follow(world: World, say: (line: string) => void, wanted: number): Promise<void> {
  let shown = '';
  await until('all certificates to be Ready', async () => {
    const now = await table(world);
    if (now !== shown) say(`\n${now}`);
    shown = now;
    const { items } = await world.list('ProviderCertificate');
    return items.filter((item) => conditionOf(item, 'Ready')?.status === 'True').length === wanted;
  });
}

async function table(world: World): Promise<string> {
  const { items } = await world.list('ProviderCertificate');
  const rows = items.map((item) => {
    const status = (item['status'] ?? {}) as {
      certificate?: { notAfter?: string };
      secretName?: string;
      message?: string;
    };
    return [
      item.metadata.name,
      conditionOf(item, 'Ready')?.status ?? '',
      status.certificate?.notAfter ?? '',
      status.secretName ?? '',
      status.message ?? '',
    ];
  });
  return render(['NAME', 'READY', 'EXPIRES', 'SECRET', 'STATUS'], rows);
}

/** The certificate that a TLS server shows that was given the Secret. */
async function served(world: World): Promise<X509Certificate> {
  const { data } = (await world.get('Secret', certificate)) as ApiObject & { data: Record<string, string> };
  const pem = (key: string): Buffer => Buffer.from(data[key] ?? '', 'base64');
  const server = createServer({ cert: pem('tls.crt'), key: pem('tls.key') }).on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await new Promise<X509Certificate>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const socket = connect(
        { host: '127.0.0.1', port, servername: 'www.example.com', ca: world.authority.root },
        () => {
          const shown = socket.getPeerX509Certificate();
          socket.destroy();
          if (shown) resolve(shown);
          else reject(new Error('The TLS server shows no certificate'));
        },
      );
      socket.on('error', reject);
    });
  } finally {
    server.close();
  }
}

async function handshake(world: World): Promise<string> {
  const { serialNumber, validTo } = await served(world);
  return `verified as www.example.com: serial number ${serialNumber}, valid until ${new Date(validTo).toISOString()}`;
}

async function condition(world: World, type: string): Promise<Condition> {
  const found = conditionOf(await world.get('ProviderCertificate', certificate), type);
  return found ?? { type, status: 'Unknown', reason: '', message: '' };
}

function conditionOf(item: ApiObject, type: string): Condition | undefined {
  return (item['status'] as { conditions?: Condition[] } | undefined)?.conditions?.find((one) => one.type === type);
}

/** Waits for what should happen soon; a minute is more than any of it takes. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); await setTimeout(200)) {
    if (Date.now() > end) throw new Error(`Waited a minute in vain for ${what}`);
  }
}
