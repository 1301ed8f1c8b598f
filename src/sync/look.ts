import { type CertificateSettings, type ProviderCertificate, resolveCertificateSpec } from '../api/certificate.ts';
import { refreshAnnotation } from '../api/names.ts';
import { parseProviderCertificate } from '../api/parse.ts';
import { printable } from '../printable.ts';
import { type Clock, dated, dateOf } from '../clock.ts';
import { objectKey } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';
import type { Account } from '../providers/account.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import { type Comparison, type Remote, calmComparison, outcomeOf } from './compare.ts';
import { intactTarget } from './decide.ts';
import { revisionOf } from './schedule.ts';
import type { Proof, Situation } from './situation.ts';
import type { Directory } from './directory.ts';
import type { Holders } from './holder.ts';
import { carries, managedMetadata, sourceOf } from './manifest.ts';
import type { Memories, Memory } from './memory.ts';
import type { SecretReferences } from './references.ts';
import type { Target, Targets } from './target.ts';

/** Everything that one pass looked at. */
export interface View {
  key: string;
  certificate: ProviderCertificate;
  spec: CertificateSettings;
  memory: Memory;
  situation: Situation;
  account: Account | undefined;
  entry: InventoryEntry | undefined;
  /** Stands for all that a refusal depends on. */
  inputs: string;
  /** The refresh annotation, fit for the status. */
  refresh: string | undefined;
}

/** A stored object that does not say what it wants. */
export interface Invalid {
  certificate: ProviderCertificate;
  invalid: string;
}

interface Parts {
  certificates: Store<ProviderCertificate>;
  directory: Directory;
  holders: Holders;
  targets: Targets;
  references: SecretReferences;
  memories: Memories;
  clock: Clock;
  /** Told of each ProviderCertificate that is gone. */
  onGone: (key: string) => void;
}

/** Gathers what decisions rest on, with as few requests as possible: usually none. */
export class Lookout {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** All that a decision about one ProviderCertificate rests on; undefined when there is nothing to decide (any more). */
  async look(key: string, signal: AbortSignal): Promise<View | Invalid | undefined> {
    const { certificates, directory, holders, targets, references, memories, clock, onGone } = this.#parts;
    const stored = certificates.get(key);
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) {
      memories.forget(key);
      references.want(key, []);
      onGone(key);
      return undefined;
    }
    const parsed = parseProviderCertificate(stored);
    if ('message' in parsed) {
      return { invalid: parsed.message, certificate: stored };
    }
    const certificate = parsed.value;
    const now = clock.now();
    const namespace = certificate.metadata.namespace ?? '';
    const spec = resolveCertificateSpec(certificate.spec, certificate.metadata.name);
    const { status } = certificate;
    const memory = memories.of(key, certificate.metadata.uid);
    const source = sourceOf(spec, namespace);
    const shown = status?.conditions?.find(({ type }) => type === 'Synced')?.reason;
    const writtenBefore =
      status?.syncedRevision !== undefined && status.secretName === spec.secretName && !calmComparison.has(shown);

    const generationSeen = status?.observedGeneration === certificate.metadata.generation;
    const asked = certificate.metadata.annotations?.[refreshAnnotation];
    const refresh = asked === undefined ? undefined : printable(asked, 253);
    const refreshWanted = refresh !== undefined && refresh !== (memory.handledRefresh ?? status?.lastHandledRefresh);

    let target: Target;
    let heldBy: string | undefined;
    if (spec.mode === 'Sync') {
      const name = { namespace, name: spec.secretName };
      target = await targets.read(name, {
        expected: writtenBefore,
        adopt: spec.adoptExisting,
        lookAgain: refreshWanted || !generationSeen,
        signal,
      });
      const holder = holders.holder(objectKey(name), target?.ours ? target.origin.holder : undefined);
      heldBy = holder === key ? undefined : holder;
    }

    const answer = directory.lookup(spec.providerRef, namespace, spec.remoteRef);
    const account = 'account' in answer ? answer.account : undefined;
    const selection = 'account' in answer ? answer.selection : undefined;
    const entry = selection !== undefined && 'entry' in selection ? selection.entry : undefined;
    const versions = await this.#keyVersions(key, namespace, spec, signal);
    const own = intactTarget(target);
    const proof = own && this.#proof(certificate, spec, memory, own, account, entry);
    const inputs = JSON.stringify([
      account?.id,
      entry && revisionOf(entry),
      certificate.metadata.generation,
      versions,
      refresh,
      standsAs(target),
    ]);
    return {
      key,
      certificate,
      spec,
      memory,
      account,
      entry,
      inputs,
      refresh,
      situation: {
        now,
        spec,
        source,
        target: target?.ours === false ? { ...target, lookAgainAt: dateOf(clock, target.lookAgainAt) } : target,
        heldBy,
        metadataInOrder:
          own !== undefined &&
          spec.mode === 'Sync' &&
          carries(own.metadata, managedMetadata(certificate, spec, own.origin, own.content.facts)),
        provider: answer,
        proof,
        comparison:
          spec.mode === 'Observe'
            ? await this.#comparison(
                certificate,
                spec,
                memory,
                'pollIntervalMs' in answer ? answer.pollIntervalMs : 0,
                signal,
              )
            : undefined,
        setback: memory.setback?.inputs === inputs ? dated(clock, memory.setback) : undefined,
        contest: dated(clock, memory.contest.standing(clock.elapsed())),
        shown,
        generationSeen,
        writtenBefore,
        judgedCaCertificate: memory.judgedCaCertificate,
        refreshWanted,
      },
    };
  }

  /**
   * When what is in the Secret now was last equal to a download: known to this process, told by the status, or, when the
   * process ended between writing the Secret and its status, by the Secret itself.
   */
  #proof(
    { status }: ProviderCertificate,
    spec: CertificateSettings,
    memory: Memory,
    { metadata, origin, content }: NonNullable<ReturnType<typeof intactTarget>>,
    account: Account | undefined,
    entry: InventoryEntry | undefined,
  ): Proof | undefined {
    const { fingerprintSHA256 } = content.facts;
    if (memory.proof?.fingerprintSHA256 === fingerprintSHA256 && memory.proof.chainDigest === content.chainDigest) {
      const last = entry && account?.lastDownload(entry.id);
      const shared =
        last?.digest === memory.proof.digest &&
        last.revision === entry?.revision &&
        last.at > memory.proof.at &&
        last.at <= this.#parts.clock.now();
      return shared && entry ? { revision: revisionOf(entry), at: last.at } : memory.proof;
    }
    const writtenAt = metadata.managedFields?.find(({ operation }) => operation === 'Apply')?.time;
    const proofs: Proof[] = [{ revision: origin.revision, at: Date.parse(writtenAt ?? '') || 0 }];
    const told = status?.secretName === spec.secretName && status?.certificate?.fingerprintSHA256 === fingerprintSHA256;
    if (told && status.syncedRevision !== undefined) {
      proofs.unshift({ revision: status.syncedRevision, at: Date.parse(status.lastSyncTime ?? '') || 0 });
    }
    return proofs.find(({ revision }) => entry !== undefined && revision === revisionOf(entry)) ?? proofs[0];
  }

  /** What Observe knows; while the Secret is not as the provider has it, it is looked at anew once per poll. */
  async #comparison(
    certificate: ProviderCertificate,
    spec: CertificateSettings,
    memory: Memory,
    pollIntervalMs: number,
    signal: AbortSignal,
  ): Promise<Comparison | undefined> {
    const { namespace = '', generation = 0 } = certificate.metadata;
    const { clock, targets } = this.#parts;
    const now = clock.elapsed();
    const known = memory.comparison?.generation === generation ? memory.comparison : noted(certificate, spec);
    if (known === undefined || spec.secretName === undefined) return known;
    const settled = outcomeOf(known, spec.secretName).reason === 'InSync' || now < known.lookedAt + pollIntervalMs;
    if (known !== memory.comparison || !settled) {
      known.secret = await targets.inspect({ namespace, name: spec.secretName }, signal);
      known.lookedAt = now;
    }
    memory.comparison = known;
    return { ...known, lookedAt: dateOf(clock, known.lookedAt) };
  }

  async #keyVersions(
    key: string,
    namespace: string,
    spec: CertificateSettings,
    signal: AbortSignal,
  ): Promise<(string | undefined)[]> {
    const { references } = this.#parts;
    const names = [spec.privateKeySecretRef, spec.passphraseSecretRef]
      .filter((ref) => ref !== undefined)
      .map(({ name }) => ({ namespace, name }));
    references.want(key, names);
    return Promise.all(names.map((name) => references.version(name, signal)));
  }

  /** Asked right before a write goes out: nothing that was decided upon has changed meanwhile. */
  stillWanted({ key, certificate, spec, account, situation }: View): boolean {
    const { certificates, directory, holders } = this.#parts;
    const namespace = certificate.metadata.namespace ?? '';
    const current = certificates.get(key)?.metadata;
    if (current?.uid !== certificate.metadata.uid || current.generation !== certificate.metadata.generation)
      return false;
    const answer = directory.lookup(spec.providerRef, namespace, spec.remoteRef);
    const noted = situation.target?.ours ? situation.target.origin.holder : undefined;
    return (
      'account' in answer &&
      answer.account === account &&
      holders.holder(`${namespace}/${spec.secretName}`, noted) === key
    );
  }
}

/** What of the Secret in place may turn a verdict. */
function standsAs(target: Target): unknown[] {
  if (target === undefined) return [];
  if (!target.ours) return ['foreign', target.metadata.uid, target.metadata.resourceVersion];
  const { origin, content } = target;
  return [origin.source, origin.fingerprintSHA256, content.intact && content.facts.fingerprintSHA256];
}

/** What the status says of a comparison made before a restart: believed when it was about this spec, and equal or alone. */
function noted(
  { status, metadata }: ProviderCertificate,
  spec: CertificateSettings,
): NonNullable<Memory['comparison']> | undefined {
  const shown = status?.conditions?.find(({ type }) => type === 'Synced');
  const equal =
    shown?.reason === (spec.secretName === undefined ? 'NotCompared' : 'InSync') &&
    shown.observedGeneration === metadata.generation;
  const { certificate, syncedRevision, secretName } = status ?? {};
  const { notBefore, notAfter, ...rest } = certificate ?? {};
  if (!equal || syncedRevision === undefined || secretName !== spec.secretName) return undefined;
  // Cut in the status: not the whole truth.
  if (notBefore === undefined || notAfter === undefined || (rest.dnsNames?.length ?? 0) > 100) return undefined;
  const remote: Remote = { ...rest, notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
  return {
    generation: metadata.generation ?? 0,
    revision: syncedRevision,
    at: Date.parse(status?.lastSyncTime ?? '') || 0,
    remote,
    lookedAt: -Infinity,
  };
}
