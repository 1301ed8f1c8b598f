import type { CertificateSettings, ProviderCertificate } from '../api/certificate.ts';
import { type InPlace, judge } from '../certificate/gate.ts';
import type { Verdict } from '../certificate/verdict.ts';
import type { Clock } from '../clock.ts';
import type { ReconcileOptions } from '../controller/controller.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import { objectKey } from '../kube/objects.ts';
import type { Account } from '../providers/account.ts';
import type { Download } from '../providers/bundles.ts';
import { AccountUnavailable, ProviderError } from '../providers/errors.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import { type Announcement, changes } from './announce.ts';
import { SecretRefused, type Writer } from './apply.ts';
import { type Remote, listedFacts } from './compare.ts';
import { type Decision, edited, intactTarget } from './decide.ts';
import { revisionOf } from './schedule.ts';
import type { Proof, Situation } from './situation.ts';
import type { View } from './look.ts';
import { findSecret } from './secret.ts';
import { type Mishap, setbackAfter } from './setback.ts';
import { asSyncedReason } from './directory.ts';
import { type Targets, otherManager } from './target.ts';

interface Parts {
  client: KubeClient;
  targets: Targets;
  writer: Writer;
  /** Asked right before a write: whether everything that was decided upon still stands. */
  stillWanted: (view: View) => boolean;
  announce: (certificate: ProviderCertificate, event: Announcement) => void;
  /** Told of each Secret that was written: our own writes are in the cache at once, and no watch tells of them. */
  onWritten: (certificateKey: string, secretKey: string) => void;
  clock: Clock;
  random: () => number;
}

type ActOptions = Pick<ReconcileOptions, 'signal' | 'apart'>;

/** What the user supplies besides the bundle. */
interface UserKeys {
  privateKey?: Buffer;
  passphrase?: string;
}

/** Does what was decided. What comes of it, good or bad, is left in the memory and the caches, where the next look finds it. */
export class Actor {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Carries out a decision. Throws SecretChanged when the next look will find something else. */
  async act(view: View, decision: Exclude<Decision, { action: 'none' }>, o: ActOptions): Promise<void> {
    const { signal } = o;
    if (decision.action === 'rewrite') return this.#rewrite(view, decision.repair, signal);
    const { account, entry } = view;
    if (account === undefined || entry === undefined) throw new Error('a download needs an account and an entry');
    const listed = decision.action === 'compare' ? listedFacts(entry) : undefined;
    if (listed !== undefined) {
      const proof = { revision: revisionOf(entry), at: this.#parts.clock.now() };
      return this.#compare(view, listed, proof, signal);
    }
    const inPlace = decision.action === 'download' ? placeOf(view.situation) : undefined;
    const judged = await this.#download(view, account, entry, decision, inPlace, o);
    if (judged === undefined) return;
    const { verdict, download } = judged;
    if (!verdict.accepted) {
      this.#setBack(view, { kind: 'refusal', ...verdict });
      return;
    }
    const { pair } = verdict;
    try {
      // What is kept of a download may be from before the clock was set back.
      const at = Math.min(download.at, this.#parts.clock.now());
      const proof = { revision: revisionOf(entry), at, digest: download.digest };
      if (decision.action === 'compare') await this.#compare(view, pair.facts, proof, signal);
      else if (await this.#write(view, decision, verdict, proof, signal)) settle(view);
    } finally {
      pair.privateKey.fill(0);
    }
  }

  /** Downloads and judges; a mishap on the way is remembered, and answered with undefined. */
  async #download(
    view: View,
    account: Account,
    entry: InventoryEntry,
    decision: Decision,
    inPlace: ReturnType<typeof placeOf>,
    { signal, apart }: ActOptions,
  ): Promise<{ verdict: Verdict; download: Pick<Download, 'at' | 'digest'> } | undefined> {
    const { spec } = view;
    const urgent = decision.action === 'download' && decision.urgent;
    let download: Download;
    let keys: UserKeys = {};
    try {
      download = await apart(() => account.download(entry, { urgent, fresh: view.situation.refreshWanted, signal }));
      if (spec.privateKeySecretRef || spec.passphraseSecretRef) {
        // Read as late as can be, and then the bundle is asked for again: it is at hand, or was wiped meanwhile.
        keys = await this.#userKeys(view, signal);
        download = await account.download(entry, { urgent, signal });
      }
    } catch (error) {
      keys.privateKey?.fill(0);
      if (!(error instanceof ProviderError)) throw error;
      // Nothing is known about the certificate; the next look finds what the account met.
      if (error instanceof AccountUnavailable) return undefined;
      this.#setBack(view, {
        kind: error.concernsCertificate ? 'refusal' : 'failure',
        reason: asSyncedReason(error.reason),
        message: error.message,
        retryAfterMs: error.retryAfterMs,
      });
      return undefined;
    }
    const { dnsNames, allowOlder, allowIncompleteChain, caCertificate } = spec;
    const verdict = judge({
      parts: download.parts,
      ...keys,
      dnsNames,
      allowOlder,
      allowIncompleteChain,
      caCertificate,
      ...(inPlace && { inPlace }),
      now: this.#parts.clock.now(),
    });
    keys.privateKey?.fill(0);
    if (verdict.accepted) return { verdict, download };
    const message = [verdict.message, ...missingKeys(spec, keys)].join(' ');
    return { verdict: { ...verdict, message }, download };
  }

  async #userKeys({ spec, certificate }: View, signal: AbortSignal): Promise<UserKeys> {
    const namespace = certificate.metadata.namespace ?? '';
    const [privateKey, passphrase] = await Promise.all([
      this.#secretValue(namespace, spec.privateKeySecretRef, signal),
      this.#secretValue(namespace, spec.passphraseSecretRef, signal),
    ]);
    return {
      ...(privateKey && { privateKey }),
      ...(passphrase && { passphrase: passphrase.toString().replace(/\r?\n$/, '') }),
    };
  }

  /** Writes the pair, or only takes note when the Secret already holds it under the right names; false: it was not taken. */
  async #write(
    view: View,
    { repair }: { repair: boolean },
    { pair, findings }: Extract<Verdict, { accepted: true }>,
    proof: Proof & { digest: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { spec, certificate, memory, situation } = view;
    const { target, source } = situation;
    if (spec.mode !== 'Sync') throw new Error('only Sync writes');
    const own = intactTarget(target);
    const equal =
      own !== undefined &&
      own.content.chainDigest === pair.chainDigest &&
      own.content.facts.fingerprintSHA256 === pair.facts.fingerprintSHA256;
    if (!equal || edited(own) || !situation.metadataInOrder || own.origin.source !== source) {
      const written = await this.#tryWriting(view, () =>
        this.#parts.writer.pair({ certificate, spec, target, signal }, pair, { source, revision: proof.revision }, () =>
          this.#parts.stillWanted(view),
        ),
      );
      if (!written) return false;
      if (repair) this.#repaired(view);
      for (const event of changes(spec.secretName, target, pair, findings)) this.#parts.announce(certificate, event);
    }
    memory.proof = { ...proof, fingerprintSHA256: pair.facts.fingerprintSHA256, chainDigest: pair.chainDigest };
    memory.judgedCaCertificate = spec.caCertificate;
    return true;
  }

  async #rewrite(view: View, repair: boolean, signal: AbortSignal): Promise<void> {
    const { certificate, spec, situation } = view;
    const target = intactTarget(situation.target);
    if (target === undefined || spec.mode !== 'Sync') throw new Error('only an intact Secret is rewritten');
    const written = await this.#tryWriting(view, () =>
      this.#parts.writer.metadata({ certificate, spec, target, signal }, () => this.#parts.stillWanted(view)),
    );
    if (!written) return;
    view.memory.setback = undefined;
    if (repair) this.#repaired(view);
  }

  /** What the API server refuses is remembered and shown; what cut the way to it is left to the queue's back-off. */
  async #tryWriting(view: View, write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      const { namespace } = view.certificate.metadata;
      this.#parts.onWritten(view.key, objectKey({ namespace, name: view.spec.secretName ?? '' }));
      return true;
    } catch (error) {
      if (error instanceof SecretRefused)
        this.#setBack(view, { kind: 'refusal', reason: 'SecretConflict', message: error.message });
      else if (error instanceof KubeError && error.status !== undefined) {
        this.#setBack(view, {
          kind: 'failure',
          reason: 'SecretWriteFailed',
          message: `The API server did not take the Secret: ${error.message}`,
          retryAfterMs: error.retryAfterMs,
        });
      } else throw error;
      return false;
    }
  }

  async #compare(view: View, remote: Remote, proof: Proof, signal: AbortSignal): Promise<void> {
    const { spec, certificate, memory } = view;
    const { namespace = '', generation = 0 } = certificate.metadata;
    const secret =
      spec.secretName === undefined
        ? undefined
        : await this.#parts.targets.inspect({ namespace, name: spec.secretName }, signal);
    memory.comparison = { ...proof, generation, remote, secret, lookedAt: this.#parts.clock.elapsed() };
    settle(view);
  }

  #repaired({ spec, situation, memory }: View): void {
    const manager = situation.target === undefined ? 'Somebody' : otherManager(situation.target.metadata);
    memory.contest.repaired(spec.secretName ?? '', manager, this.#parts.clock.elapsed());
  }

  #setBack({ memory, inputs, refresh, situation: { provider } }: View, mishap: Mishap): void {
    const pollIntervalMs = 'lastGood' in provider ? provider.pollIntervalMs : undefined;
    memory.setback = setbackAfter(memory.setback, { ...mishap, pollIntervalMs }, inputs, this.#parts);
    // After a failure it still is to be done, when the time has come.
    if (refresh !== undefined && mishap.kind === 'refusal') memory.handledRefresh = refresh;
  }

  async #secretValue(
    namespace: string,
    ref: { name: string; key: string } | undefined,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    if (ref === undefined) return undefined;
    const secret = await findSecret(this.#parts.client, { namespace, name: ref.name }, signal);
    const value = secret?.data?.[ref.key];
    return value === undefined ? undefined : Buffer.from(value, 'base64');
  }
}

/** What the spec promises and the cluster does not have: the likely reason why a bundle was refused. */
function missingKeys({ privateKeySecretRef, passphraseSecretRef }: CertificateSettings, keys: UserKeys): string[] {
  const named = [
    { field: 'privateKeySecretRef', ref: privateKeySecretRef, value: keys.privateKey },
    { field: 'passphraseSecretRef', ref: passphraseSecretRef, value: keys.passphrase },
  ];
  return named.flatMap(({ field, ref, value }) =>
    ref === undefined || value !== undefined
      ? []
      : [`Secret ${ref.name}, which ${field} names, does not exist or has no key ${ref.key}.`],
  );
}

/** What was to be done is done. */
function settle({ memory, refresh }: View): void {
  memory.setback = undefined;
  if (refresh !== undefined) memory.handledRefresh = refresh;
}

/** What the gate compares a candidate with: a pair of the same source, or one that is to be adopted. */
function placeOf({ target, source }: Situation): InPlace | undefined {
  if (target === undefined) return undefined;
  if (!target.ours) {
    const adopted = target.adoption && 'content' in target.adoption ? target.adoption.content : undefined;
    return adopted?.intact ? { facts: adopted.facts, asRecorded: true } : undefined;
  }
  const own = intactTarget(target);
  return own?.origin.source === source ? { facts: own.content.facts, asRecorded: !edited(own) } : undefined;
}
