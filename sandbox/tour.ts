import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import type { ApiObject } from './control-plane/api.ts';
import { examples, issueInto, manifests, prepare } from './examples.ts';
import { render } from './table.ts';
import type { World } from './world.ts';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** Shows what the operator does, step by step. Throws with one sentence when it does not do it. */
export async function tour(world: World, say: (line: string) => void): Promise<void> {
  const { nhn, scp, naver } = world.clouds;
  const renew = (name: string) => world.authority.issue({ dnsNames: [name] });

  say(
    '\n1. Applying the examples: credentials, providers at three clouds, and certificates that are wanted as Secrets.',
  );
  await prepare(world);
  for (const object of await examples(world)) await world.apply(object);
  const wanted = (await world.list('ProviderCertificate')).items;
  await follow(world, say, wanted.length);

  say('\n2. A TLS server with the Secret of www.example.com, and a client that trusts the root certificate only:');
  say(`   ${await handshake(world, 'www.example.com')}`);

  say('\n3. Renewals. The clouds are asked every 10 s here, every 5 min by default.');
  say('   At NHN Cloud the file of www.example.com is replaced:');
  const www = await renew('www.example.com');
  nhn.upload('www.example.com', www.bundle);
  await untilServed(world, 'www.example.com', www.certificate);
  say(`   ${await handshake(world, 'www.example.com')}`);
  say(
    '   At Samsung Cloud Platform a renewal is another certificate, shop-2026 beside shop-2025, with the same common name:',
  );
  const shop = await renew('shop.example.com');
  scp.upload('shop-2026', shop);
  await untilServed(world, 'shop.example.com', shop.certificate);
  say(`   ${await handshake(world, 'shop.example.com')}`);
  say('   At NAVER Cloud blog.example.com is renewed, but its Secret is only observed:');
  naver.upload('blog-2', await world.authority.issue({ dnsNames: ['blog.example.com'], notBefore: new Date() }));
  await until(
    'the difference to be seen',
    async () => (await condition(world, 'blog.example.com', 'Synced')).reason === 'Differs',
  );
  say(`   ${(await condition(world, 'blog.example.com', 'Synced')).message}`);

  say('\n4. Somebody uploads a bundle for www.example.com with the key of another certificate.');
  const before = await secretOf(world, 'www.example.com');
  const broken = await renew('www.example.com');
  nhn.upload('www.example.com', broken.certificate + broken.chain + shop.privateKey);
  await until(
    'the broken bundle to be refused',
    async () => (await condition(world, 'www.example.com', 'Synced')).reason === 'KeyMismatch',
  );
  const after = await secretOf(world, 'www.example.com');
  if (JSON.stringify(after.data) !== JSON.stringify(before.data))
    throw new Error('The Secret was changed by a broken bundle');
  say(
    `   It was refused, and the Secret is as it was (still ${(await condition(world, 'www.example.com', 'Ready')).reason}):`,
  );
  say(`   ${(await condition(world, 'www.example.com', 'Synced')).message}`);

  say('\n5. The bundle is put right.');
  nhn.upload('www.example.com', (await renew('www.example.com')).bundle);
  // A refused bundle is looked at again when the provider lists something new: here, at the next poll.
  await until(
    'the Secret to be in sync again',
    async () => (await condition(world, 'www.example.com', 'Synced')).status === 'True',
  );
  say('');
  say(await table(world));

  say('\n6. The other direction: app.example.com is issued in the cluster, as by cert-manager, and renewed there.');
  await issueInto(world, 'app-example-com-tls', 'app.example.com');
  for (const object of await manifests('examples/upload')) await world.apply(object);
  const first = await uploaded(world);
  await issueInto(world, 'app-example-com-tls', 'app.example.com');
  const second = await uploaded(world, first);
  for (const [index, name] of ['Samsung Cloud Platform', 'NAVER Cloud'].entries())
    say(`   ${name} holds ${second[index]}, and ${first[index]} as the one before.`);
}

/** Waits until both uploads are at their clouds, under other names than before. @returns the names */
async function uploaded(world: World, before: readonly string[] = []): Promise<string[]> {
  let names: string[] = [];
  await until('the certificate to be uploaded', async () => {
    const { items } = await world.list('CertificateUpload');
    const synced = items.filter((item) => conditionOf(item, 'Synced')?.status === 'True');
    names = ['app-example-com', 'app-example-com-naver'].flatMap((name) => {
      const found = synced.find(({ metadata }) => metadata.name === name);
      return (found?.['status'] as { remote?: { name: string } } | undefined)?.remote?.name ?? [];
    });
    return names.length === 2 && names.every((name) => !before.includes(name));
  });
  return names;
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
      (item['spec'] as { providerRef: { name: string } }).providerRef.name,
      conditionOf(item, 'Ready')?.status ?? '',
      status.certificate?.notAfter ?? '',
      status.secretName ?? '',
      status.message ?? '',
    ];
  });
  return render(['NAME', 'PROVIDER', 'READY', 'EXPIRES', 'SECRET', 'STATUS'], rows);
}

/** The examples are named after the domain that they are about. */
function objectName(domain: string): string {
  return domain.replaceAll('.', '-');
}

async function secretOf(world: World, domain: string): Promise<ApiObject & { data: Record<string, string> }> {
  return (await world.get('Secret', objectName(domain))) as ApiObject & { data: Record<string, string> };
}

async function untilServed(world: World, domain: string, certificate: string): Promise<void> {
  const { fingerprint256 } = new X509Certificate(certificate);
  await until(
    'the Secret to follow the renewal',
    async () => (await served(world, domain)).fingerprint256 === fingerprint256,
  );
}

/** The certificate that a TLS server shows that was given the Secret. */
async function served(world: World, domain: string): Promise<X509Certificate> {
  const { data } = await secretOf(world, domain);
  const pem = (key: string): Buffer => Buffer.from(data[key] ?? '', 'base64');
  const server = createServer({ cert: pem('tls.crt'), key: pem('tls.key') }).on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await new Promise<X509Certificate>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const socket = connect({ host: '127.0.0.1', port, servername: domain, ca: world.authority.root }, () => {
        const shown = socket.getPeerX509Certificate();
        socket.destroy();
        if (shown) resolve(shown);
        else reject(new Error('The TLS server shows no certificate'));
      });
      socket.on('error', reject);
    });
  } finally {
    server.close();
  }
}

async function handshake(world: World, domain: string): Promise<string> {
  const { serialNumber, validTo } = await served(world, domain);
  return `verified as ${domain}: serial number ${serialNumber}, valid until ${new Date(validTo).toISOString()}`;
}

async function condition(world: World, domain: string, type: string): Promise<Condition> {
  const found = conditionOf(await world.get('ProviderCertificate', objectName(domain)), type);
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
