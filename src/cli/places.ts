import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { oneLine } from '../certificate/certificate.ts';
import { judge } from '../certificate/gate.ts';
import { inspectPair } from '../certificate/inspect.ts';
import { quoted } from '../printable.ts';
import { isNotFound } from '../kube/errors.ts';
import { objectKey, type Secret, secrets } from '../kube/objects.ts';
import { ProviderError } from '../providers/errors.ts';
import { revisionOf } from '../sync/schedule.ts';
import { conditionOf, type Stored } from './certificates.ts';
import { type Cluster, explained } from './cluster.ts';
import type { Found, Place } from './comparison.ts';
import { roughly } from './duration.ts';
import { RemoteAccount } from './remote-account.ts';
import { type Endpoint, servedBy } from './served.ts';

/** What a Secret holds. Throws Failure when it may not be read. */
export async function inSecret(
  { client }: Pick<Cluster, 'client'>,
  ref: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<Place & { dnsNames: readonly string[] }> {
  const name = `Secret ${objectKey(ref)}`;
  let secret: Secret;
  try {
    secret = await client.get<Secret>(secrets, ref, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw explained(error, name);
    return { name, found: { nothing: `${name} does not exist.` }, dnsNames: [] };
  }
  const bytes = (key: string): Buffer => Buffer.from(secret.data?.[key] ?? '', 'base64');
  const privateKey = bytes('tls.key');
  const content = inspectPair({ certificates: bytes('tls.crt'), privateKey });
  privateKey.fill(0);
  if (!content.intact)
    return { name, found: { nothing: `${name} holds no usable pair: ${content.message}.` }, dnsNames: [] };
  return { name, found: content.facts, dnsNames: content.facts.dnsNames };
}

/** What a server sends. Throws Failure. */
export async function atEndpoint(
  endpoint: Endpoint,
  { serverName, dnsNames }: { serverName: string | undefined; dnsNames: readonly string[] },
): Promise<Place> {
  const { host, port } = endpoint;
  // An address alone does not tell a server which of its certificates is wanted.
  const asked = serverName ?? (isIP(host) === 0 ? host : dnsNames.find((name) => !name.startsWith('*')));
  const served = await servedBy(endpoint, asked);
  const name = `The endpoint ${host}:${port}`;
  // Which of two certificates is newer says nothing when they are for different sites.
  if (dnsNames.length > 0 && !dnsNames.some((dnsName) => covers(served, dnsName))) {
    const other = quoted(oneLine(served.subject));
    const nothing = `${name} sends a certificate of ${other}, which has none of these names: it is another server, or needs --server-name.`;
    return { name, found: { nothing } };
  }
  const found = {
    fingerprintSHA256: served.fingerprint256,
    notBefore: served.validFromDate.getTime(),
    notAfter: served.validToDate.getTime(),
  };
  return { name, found };
}

function covers(certificate: X509Certificate, dnsName: string): boolean {
  // A wildcard covers what a wildcard does.
  return certificate.checkHost(dnsName.replace(/^\*/, 'x')) !== undefined;
}

const provider = 'The provider';

/**
 * What the provider has, as far as the operator has told: when it last found Secret and provider equal, and the provider has
 * listed no other revision since, it is the certificate in the status.
 */
export function atProviderByStatus(object: Stored, now: number): Place {
  const { remote, syncedRevision, certificate, lastCheckTime } = object.status ?? {};
  const synced = conditionOf(object, 'Synced');
  const said = synced === undefined ? 'The operator has not looked yet' : `${synced.reason}: ${synced.message}`;
  const at = Date.parse(lastCheckTime ?? '');
  const source = `the operator${Number.isNaN(at) ? '' : `, ${roughly(Math.max(now - at, 0))} ago`}`;
  const nothing = (why: string): Place => ({ name: provider, source, found: { nothing: `${why} ${said}` } });
  if (remote === undefined) return nothing('The operator has seen no such certificate at the provider.');
  const { id = '', name = '', revision = '' } = remote;
  const listed = revisionOf({ id, name, revision });
  if (syncedRevision === undefined) return nothing('What the provider has was never found equal to the Secret.');
  if (listed !== syncedRevision)
    return nothing('The Secret is behind: the provider lists another certificate than the one that it was made from.');
  const { fingerprintSHA256, notBefore = '', notAfter = '' } = certificate ?? {};
  if (synced?.status !== 'True' || fingerprintSHA256 === undefined)
    return nothing('What the provider has is not known now; --download asks it.');
  const found: Found = { fingerprintSHA256, notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
  return { name: provider, source, found };
}

/**
 * What the provider has, asked now. A certificate that it does not hand out is known by the status alone. Throws Failure.
 */
export async function atProvider(
  account: RemoteAccount,
  object: Stored,
  keys: { privateKey?: Buffer; passphrase?: string },
  now: number,
): Promise<Place> {
  const { inventory } = await account.list();
  const entry = RemoteAccount.selected(inventory, object.spec?.remoteRef ?? {});
  if (entry.withheld) return atProviderByStatus(object, now);
  let parts: Uint8Array[] = [];
  try {
    parts = await account.download(entry);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { name: provider, found: { nothing: `${provider} does not give the certificate: ${error.message}` } };
  }
  const { dnsNames = [] } = object.spec ?? {};
  const verdict = judge({ parts, ...keys, dnsNames, caCertificate: 'Omit', now });
  for (const part of parts) part.fill(0);
  keys.privateKey?.fill(0);
  if (!verdict.accepted) {
    const { reason, message } = verdict;
    return {
      name: provider,
      found: { nothing: `What ${provider.toLowerCase()} has is refused: ${reason}: ${message}` },
    };
  }
  verdict.pair.privateKey.fill(0);
  return { name: provider, found: verdict.pair.facts };
}
