import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { loadAll } from 'js-yaml';

import { type Clouds, credentials } from './clouds.ts';
import type { ApiObject } from './control-plane/api.ts';
import type { Authority } from './pki/index.ts';

const root = join(import.meta.dirname, '..');
const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

type CloudName = keyof typeof credentials;

/** A cloud to upload to, which may be in another process. */
interface Uploads<Cloud extends { upload(...args: never[]): unknown }> {
  upload(...args: Parameters<Cloud['upload']>): unknown;
}

/** What it takes to prepare for the examples. */
export interface Workshop {
  authority: Authority;
  clouds: { [Name in CloudName]: Uploads<Clouds[Name]> };
  /** Makes an object in the namespace of the examples. */
  create(object: ApiObject): Promise<void>;
}

/** All objects in the YAML files of a folder of this repository. */
export async function manifests(folder: string): Promise<ApiObject[]> {
  const files = (await readdir(join(root, folder))).filter((file) => file.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')));
  return texts.flatMap((text) => loadAll(text) as ApiObject[]);
}

/**
 * The examples of all clouds as they are, but for what can only be known here: the endpoints of the simulated clouds, their
 * credentials, and a poll interval that does not try a spectator's patience. Secrets and providers come first.
 */
export async function examples({
  clouds,
}: {
  clouds: Readonly<Record<CloudName, { url: string }>>;
}): Promise<ApiObject[]> {
  const names: readonly CloudName[] = ['nhn', 'scp', 'naver'];
  const objects = (await Promise.all(names.map((name) => manifests(`examples/${name}`)))).flat();
  const here = objects.map((object) => {
    const cloud = names.find((name) => object.metadata.name === `${name}-credentials`);
    if (cloud !== undefined) return { ...object, stringData: { ...credentials[cloud] } };
    if (object.kind !== 'CertificateProvider') return object;
    const spec = object['spec'] as Partial<Record<CloudName, { apiVersion?: string }>>;
    const placed = names.flatMap((name) => {
      const [settings, { url }] = [spec[name], clouds[name]];
      const tokens = settings?.apiVersion === 'v1.3' ? { tokenEndpoint: url } : {};
      return settings ? [[name, { ...settings, endpoint: url, ...tokens }]] : [];
    });
    return { ...object, spec: { ...Object.fromEntries(placed), pollInterval: '10s' } };
  });
  const order = ['Secret', 'CertificateProvider'];
  const rank = ({ kind }: ApiObject): number => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return here.toSorted((a, b) => rank(a) - rank(b));
}

/** What the examples expect to be there: certificates at the clouds, and Secrets that users make by hand. */
export async function prepare(workshop: Workshop): Promise<void> {
  const { authority } = workshop;
  const { nhn, scp, naver } = workshop.clouds;
  const secret = (name: string, stringData: Record<string, string>, type = 'Opaque'): Promise<void> =>
    workshop.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData });
  const issue = (...dnsNames: string[]) => authority.issue({ dnsNames });

  for (const name of ['www.example.com', 'legacy.example.com', 'docs.example.com']) {
    await nhn.upload(name, (await issue(name)).bundle);
  }
  await nhn.upload('*.example.com', (await issue('*.example.com', 'example.com')).bundle);
  const api = await issue('api.example.com');
  await nhn.upload('api.example.com', api.certificate + api.chain + api.root);
  await secret('api-key', { 'tls.key': api.privateKey });
  const passphrase = 'correct horse battery staple';
  const pay = await issue('pay.example.com');
  const encrypted = pay.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
  await nhn.upload('pay.example.com', pay.certificate + pay.chain + pay.root + encrypted);
  await secret('pay-passphrase', { passphrase });
  const old = await authority.issue({ dnsNames: ['legacy.example.com'], notBefore: daysAgo(80) });
  await secret('legacy-tls', pairOf(old), 'kubernetes.io/tls');

  await scp.upload('shop-2025', await authority.issue({ dnsNames: ['shop.example.com'], notBefore: daysAgo(60) }));
  await scp.upload('intranet-2026', await issue('intranet.example.com'));
  const mail = await issue('mail.example.com');
  // As the official provider says of the real one: the key does not come back.
  await scp.upload('mail-2026', { body: mail.certificate, chain: mail.chain, key: '' });
  await secret('mail-key', { 'tls.key': mail.privateKey });

  const news = await issue('news.example.com');
  await naver.upload('news', news);
  await secret('news-key', { 'tls.key': news.privateKey });
  const blog = await issue('blog.example.com');
  await naver.upload('blog', blog);
  await secret('blog-example-com-tls', pairOf(blog), 'kubernetes.io/tls');
}

/** A certificate as an issuer in the cluster leaves it: cert-manager does the same. */
export async function issueInto(
  world: Pick<Workshop, 'authority'> & { apply(object: ApiObject): Promise<void> },
  name: string,
  domain: string,
): Promise<void> {
  const issued = await world.authority.issue({ dnsNames: [domain] });
  await world.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/tls',
    stringData: pairOf(issued),
  });
}

function pairOf({ certificate, chain, privateKey }: { certificate: string; chain: string; privateKey: string }) {
  return { 'tls.crt': certificate + chain, 'tls.key': privateKey };
}
