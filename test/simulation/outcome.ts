import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { certificateProviders } from '../../src/api/group.ts';
import { secretAnnotations } from '../../src/api/names.ts';
import type { Secret } from '../../src/kube/objects.ts';
import type { ProviderObject } from '../../src/sync/directory.ts';
import { Violation, isOurs } from './invariants.ts';
import type { Bundle, Flaw, KnownPair } from './pool.ts';
import { type World, keyOf } from './world.ts';

const reasonOf: Record<Exclude<Flaw, 'none'>, string> = {
  'other-key': 'KeyMismatch',
  'no-key': 'PrivateKeyMissing',
  cut: 'MalformedBundle',
  expired: 'CertificateExpired',
};

/**
 * What must hold when nothing went wrong for long enough: every ProviderCertificate shows what it would show if nothing had
 * ever gone wrong, and every Secret that somebody wants holds what the cloud has. Written from the contract, without a look
 * at how the operator decides.
 */
export async function checkOutcome(world: World): Promise<void> {
  const certificates = await world.certificates();
  const found = await world.tlsSecrets();
  const provider = await world.get<ProviderObject>(certificateProviders, 'nhn');
  const ready = provider?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True' || ready.reason !== 'Valid')
    throw new Violation(`the provider ends up wrong: it shows ${ready?.reason ?? 'nothing'}`);
  for (const certificate of certificates) {
    const problem = wrongWith(world, certificate, certificates, found);
    if (problem !== undefined) {
      const shown = certificate.status?.conditions?.map(
        ({ type, reason, message }) => `${type}=${reason} (${message})`,
      );
      throw new Violation(
        `${certificate.metadata.name} ends up wrong: ${problem}; it shows ${shown?.join('; ') ?? 'nothing'}`,
      );
    }
  }
}

function wrongWith(
  world: World,
  certificate: ProviderCertificate,
  all: readonly ProviderCertificate[],
  secrets: ReadonlyMap<string, Secret>,
): string | undefined {
  const { spec, metadata, status } = certificate;
  const synced = status?.conditions?.find(({ type }) => type === 'Synced');
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (status?.observedGeneration !== metadata.generation) return 'its status speaks of an earlier spec';
  const expect = (...reasons: string[]): string | undefined =>
    reasons.includes(synced?.reason ?? '') ? undefined : `Synced should be ${reasons.join(' or ')}`;

  if (spec.suspend) return expect('Suspended');
  const name = spec.secretName ?? metadata.name;
  const secret = secrets.get(name);
  const held = world.cloud.held.get(spec.remoteRef.name ?? '');
  const pair = world.invariants.pairIn(secret);
  const refusals = refusalsOf(spec, held?.bundle);
  if (spec.mode === 'Observe') {
    if (held === undefined || refusals.length > 0) return expect(...refusals);
    // What others do to a Secret that was as it should be is seen with the next news from the provider, or the next
    // refresh; what was not as it should be is looked at with each list.
    return expect('InSync', secret === undefined ? 'SecretMissing' : isSame(pair, held.bundle) ? 'InSync' : 'Differs');
  }

  const noted = secret?.metadata.annotations?.[secretAnnotations.certificate];
  if (holderOf(all, name, secret && isOurs(secret) ? noted : undefined) !== metadata.name)
    return expect('SecretConflict');
  // Somebody else's Secret is found out by trying to write, for which there must be something to write.
  if (secret !== undefined && !isOurs(secret)) {
    const plain = secret.type === 'kubernetes.io/tls' && !('extra.txt' in (secret.data ?? {}));
    const takeOver = spec.adoptExisting && plain && status?.syncedRevision === undefined;
    return takeOver && refusals.length === 0
      ? 'it should have taken the Secret over'
      : expect('SecretConflict', ...refusals);
  }
  if (held === undefined || refusals.length > 0) return expect(...refusals);
  if (synced?.reason === 'OlderThanCurrent') {
    const older = pair !== undefined && pair.name === held.bundle.name && held.bundle.generation < pair.generation;
    return older && !spec.allowOlder ? undefined : 'what the cloud has is not older';
  }
  if (synced?.reason === 'SecretConflict') return 'nobody is in its way any more';
  if (secret === undefined) return 'its Secret is missing';
  if (!isSame(pair, held.bundle)) return `its Secret holds ${JSON.stringify(pair)}, not what the cloud has`;
  if (ready?.reason !== 'Valid') return 'Ready should be Valid';
  if ('ca.crt' in (secret.data ?? {}) !== (spec.caCertificate !== 'Omit')) return 'ca.crt is not as the spec wants it';
  return expect('Synced');
}

/** Why what the cloud has cannot be used; several when it is wrong in several ways. */
function refusalsOf({ dnsNames = [] }: ProviderCertificate['spec'], bundle: Bundle | undefined): string[] {
  if (bundle === undefined) return ['CertificateNotFound'];
  return [
    ...(bundle.flaw === 'none' ? [] : [reasonOf[bundle.flaw]]),
    ...(dnsNames.some((name) => name !== bundle.name) ? ['NamesNotCovered'] : []),
  ];
}

function isSame(pair: KnownPair | undefined, bundle: { name: string; generation: number }): boolean {
  return pair?.name === bundle.name && pair.generation === bundle.generation;
}

/** The one that is named on the Secret as long as it wants it, else the oldest. */
function holderOf(
  all: readonly ProviderCertificate[],
  secretName: string,
  noted: string | undefined,
): string | undefined {
  const claimants = all.filter(
    ({ spec, metadata }) => spec.mode !== 'Observe' && (spec.secretName ?? metadata.name) === secretName,
  );
  const named = claimants.find(({ metadata }) => keyOf(metadata.name) === noted);
  const oldest = claimants.toSorted(
    ({ metadata: a }, { metadata: b }) =>
      (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '') || a.uid.localeCompare(b.uid),
  )[0];
  return (named ?? oldest)?.metadata.name;
}
