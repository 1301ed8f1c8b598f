import type { Command } from 'commander';
import { instant } from '../../printable.ts';
import { type Secret, secrets } from '../../kube/objects.ts';
import { addEndpointFlag } from '../account-flags.ts';
import { getCertificate, type Stored } from '../certificates.ts';
import { type Cluster, type ClusterFlags, connect, explained, objectNames } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { differences, type Place } from '../comparison.ts';
import { Failure } from '../failure.ts';
import { atEndpoint, atProvider, atProviderByStatus, inSecret } from '../places.ts';
import { RemoteAccount } from '../remote-account.ts';
import { readEndpoint } from '../served.ts';
import type { Shell } from '../shell.ts';
import { sourceInCluster } from '../source.ts';
import { type Cell, line, table } from '../text.ts';

interface Flags extends ClusterFlags {
  endpoint?: string;
  serverName?: string;
  download?: boolean;
  allowEndpoint?: string[];
}

export const addVerify: AddCommand = (parent, pcert) => {
  const command = parent
    .command('verify <name>')
    .summary('compare Secret, provider and what a server serves')
    .description(
      'Compares, by fingerprint, the certificate in the Secret, the one at the provider and the one that a server sends, ' +
        'and says which one is behind. Exits with 1 when they are not the same. Of the provider it knows what the operator ' +
        'last saw there; with --download it asks for the certificate itself, for which you must be allowed to read the ' +
        'credentials Secret.',
    )
    .option('--endpoint <host:port>', 'the TLS server that should serve it')
    .option(
      '--server-name <name>',
      'what to ask that server for (default: its host, for an address a name of the Secret)',
    )
    .option('--download', 'download the certificate from the provider, with the credentials of its provider object');
  addEndpointFlag(command);
  command.action(async (name: string, _: object, command: Command) => {
    pcert.ended((await verify(name, command.optsWithGlobals<Flags>(), pcert.shell)) ? 0 : 1);
  });
  addExamples(command, pcert, [
    ['Secret and provider', 'verify www-example-com'],
    ['And what visitors get', 'verify www-example-com --endpoint www.example.com:443'],
    [
      'One server behind a load balancer',
      'verify www-example-com --endpoint 10.0.0.7:8443 --server-name www.example.com',
    ],
    ['Ask the provider now', 'verify www-example-com --download'],
  ]);
};

/** @returns whether all places have the same certificate */
async function verify(name: string, flags: Flags, shell: Shell): Promise<boolean> {
  objectNames([name]);
  const endpoint = flags.endpoint === undefined ? undefined : readEndpoint(flags.endpoint);
  const { signal } = new AbortController();
  const now = shell.now();
  await using cluster = await connect(flags, shell);
  const object = await getCertificate(cluster, name, signal);
  const { mode = 'Sync', secretName = mode === 'Sync' ? name : undefined } = object.spec ?? {};
  if (secretName === undefined && endpoint === undefined)
    throw new Failure(`${name} only observes the provider and names no Secret: --endpoint is needed to compare with.`);

  const secret =
    secretName === undefined
      ? undefined
      : await inSecret(cluster, { namespace: cluster.namespace, name: secretName }, signal);
  const { dnsNames = object.spec?.dnsNames ?? [] } = secret ?? {};
  const places: Place[] = [
    flags.download ? await askProvider(cluster, object, flags, shell, signal) : atProviderByStatus(object, now),
    ...(secret ? [secret] : []),
    ...(endpoint ? [await atEndpoint(endpoint, { serverName: flags.serverName, dnsNames })] : []),
  ];
  const layout = layoutFor(shell.out, shell);
  shell.out.write(table(['WHERE', 'ISSUED', 'ENDS', 'SHA-256'], places.map(row), layout));
  const said = differences(places);
  for (const sentence of said) shell.out.write(line(sentence, 'red', layout));
  if (said.length === 0) shell.out.write(line('All have the same certificate.', 'green', layout));
  return said.length === 0;
}

function row({ name, source, found }: Place): Cell[] {
  const where = source === undefined ? name : `${name} (${source})`;
  if ('nothing' in found) return [where, '-', '-', '-'];
  return [where, instant(found.notBefore), instant(found.notAfter), found.fingerprintSHA256];
}

async function askProvider(
  cluster: Cluster,
  object: Stored,
  { allowEndpoint: allow = [] }: Flags,
  shell: Shell,
  signal: AbortSignal,
): Promise<Place> {
  const { spec } = object;
  const { kind = 'CertificateProvider', name = '' } = spec?.providerRef ?? {};
  const source = await sourceInCluster(cluster, { kind, name }, signal);
  await using account = await RemoteAccount.open(source, { allow, env: shell.env });
  const [key, passphrase] = await Promise.all([
    valueOf(cluster, spec?.privateKeySecretRef, 'tls.key', signal),
    valueOf(cluster, spec?.passphraseSecretRef, 'passphrase', signal),
  ]);
  const keys = {
    ...(key && { privateKey: key }),
    ...(passphrase && { passphrase: passphrase.toString('utf8').replace(/\r?\n$/, '') }),
  };
  return await atProvider(account, object, keys, shell.now());
}

/** A value of a Secret of the user. */
async function valueOf(
  { client, namespace }: Cluster,
  ref: { name: string; key?: string } | undefined,
  defaultKey: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (ref === undefined) return undefined;
  const { name, key = defaultKey } = ref;
  const secret = await client.get<Secret>(secrets, { namespace, name }, { signal }).catch((error: unknown) => {
    throw explained(error, `Secret ${namespace}/${name}`);
  });
  return Buffer.from(secret.data?.[key] ?? '', 'base64');
}
