import { refreshAnnotation } from '../../api/names.ts';
import { parseCertificateUpload } from '../../api/parse.ts';
import { type CertificateUpload, type UploadSettings, resolveUploadSpec } from '../../api/upload.ts';
import { printable } from '../../printable.ts';
import { type Clock, dated, dateOf } from '../../clock.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Store } from '../../kube/store.ts';
import type { Account } from '../../providers/account.ts';
import { type Directory, providerKeyFor } from '../directory.ts';
import type { SecretReferences } from '../references.ts';
import { findSecret } from '../secret.ts';
import { candidateOf, judgeSecret } from './candidate.ts';
import { ledgerOf, stillListed } from './ledger.ts';
import type { UploadMemory } from './memory.ts';
import { asUploadReason } from './reasons.ts';
import type { Candidate, Destination, UploadProblem, UploadSituation } from './situation.ts';

/** Everything that one pass looked at. */
export interface UploadView {
  key: string;
  upload: CertificateUpload;
  spec: UploadSettings;
  /** Kind and name of the provider object. */
  provider: string;
  memory: UploadMemory;
  situation: UploadSituation;
  account: Account | undefined;
  /** Stands for all that a setback depends on. */
  inputs: string;
  /** The refresh annotation, fit for the status. */
  refresh: string | undefined;
}

/** A stored object that does not say what it wants. */
export interface InvalidUpload {
  key: string;
  upload: CertificateUpload;
  memory: UploadMemory;
  invalid: string;
}

interface Parts {
  client: KubeClient;
  uploads: Store<CertificateUpload>;
  directory: Directory;
  references: SecretReferences;
  clock: Clock;
}

/** Gathers what decisions about uploads rest on: the Secret is read when it changed, all else is at hand. */
export class UploadLookout {
  readonly #parts: Parts;
  readonly #memories = new Map<string, UploadMemory>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Undefined when there is nothing to decide (any more). Throws KubeError. */
  async look(key: string, signal: AbortSignal): Promise<UploadView | InvalidUpload | undefined> {
    const { uploads, references, clock } = this.#parts;
    const stored = uploads.get(key);
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) {
      this.#memories.delete(key);
      references.want(key, []);
      return undefined;
    }
    const memory = this.#memoryOf(key, stored.metadata.uid);
    const parsed = parseCertificateUpload(stored);
    if ('message' in parsed) return { key, upload: stored, memory, invalid: parsed.message };
    const upload = parsed.value;
    const { metadata, status } = upload;
    const namespace = metadata.namespace ?? '';
    const spec = resolveUploadSpec(upload.spec);
    const provider = providerKeyFor(spec.providerRef, namespace);

    const secretName = { namespace, name: spec.secretName };
    references.want(key, spec.suspend ? [] : [secretName]);
    const version = spec.suspend ? undefined : await references.version(secretName, signal);
    const now = clock.now();
    const candidate: Candidate = spec.suspend
      ? { reason: 'Suspended', message: '' }
      : await this.#candidate(memory, spec, secretName, version, now, signal);
    const { account, destination } = this.#destination(spec, namespace, candidate);

    const remembered = memory.ledger?.provider === provider ? memory.ledger.ledger : ledgerOf(status, provider);
    const ledger = account?.inventory ? stillListed(remembered, account.inventory) : remembered;
    const asked = metadata.annotations?.[refreshAnnotation];
    const refresh = asked === undefined ? undefined : printable(asked, 253);
    const inputs = JSON.stringify([account?.id, version, metadata.generation, refresh]);
    const { sent } = memory;
    return {
      key,
      upload,
      spec,
      provider,
      memory,
      account,
      inputs,
      refresh,
      situation: {
        now,
        spec,
        candidate,
        destination,
        ledger,
        unseen: sent !== undefined && sent.account === account?.id && account.lists.known <= sent.lists,
        setback: memory.setback?.inputs === inputs ? dated(clock, memory.setback) : undefined,
        kept: new Map(Array.from(memory.kept, ([id, at]) => [id, dateOf(clock, at)])),
      },
    };
  }

  /** Asked right before something is sent: nothing that was decided upon has changed meanwhile. */
  stillWanted({ key, upload, spec, account, situation }: UploadView): boolean {
    const { uploads, directory } = this.#parts;
    const { uid, generation, namespace = '' } = upload.metadata;
    const current = uploads.get(key)?.metadata;
    const name = 'name' in situation.candidate ? situation.candidate.name : undefined;
    const destination = directory.destination(spec.providerRef, namespace, name);
    return (
      current?.uid === uid &&
      current.generation === generation &&
      destination !== undefined &&
      'account' in destination &&
      destination.account === account
    );
  }

  /** Judges the Secret when it changed, or when time, or a clock that was set back, has turned the verdict. */
  async #candidate(
    memory: UploadMemory,
    spec: UploadSettings,
    secretName: { namespace: string; name: string },
    version: string | undefined,
    now: number,
    signal: AbortSignal,
  ): Promise<Candidate> {
    const inputs = JSON.stringify([secretName, version, spec.remoteNamePrefix]);
    const { judged } = memory;
    const holds = judged?.inputs === inputs && judged.at <= now && now < turnOf(judged.candidate);
    if (version !== undefined && holds) return judged.candidate;
    const secret = await findSecret(this.#parts.client, secretName, signal);
    const verdict = judgeSecret(secret, { name: spec.secretName, now });
    if ('pair' in verdict) verdict.pair.privateKey.fill(0);
    const candidate = candidateOf(verdict, spec.remoteNamePrefix);
    memory.judged = { inputs, candidate, at: now };
    return candidate;
  }

  #destination(
    { providerRef }: UploadSettings,
    namespace: string,
    candidate: Candidate,
  ): { account?: Account; destination: Destination | UploadProblem } {
    const name = 'name' in candidate ? candidate.name : undefined;
    const found = this.#parts.directory.destination(providerRef, namespace, name);
    if (found === undefined) return { destination: {} };
    if ('reason' in found) return { destination: { ...found, reason: asUploadReason(found.reason) } };
    const { account, fault } = found;
    const names = account.uploadNames;
    const refusal =
      names === undefined
        ? 'This cloud takes no uploads: providerRef must name an account of Samsung Cloud Platform or NAVER Cloud.'
        : name !== undefined && !names.pattern.test(name)
          ? `With this cloud a name must have ${names.means}, and ${name} would not: set another remoteNamePrefix of at most ${names.longest - 9} characters.`
          : undefined;
    return {
      account,
      destination: {
        inventory: account.inventory,
        refusal,
        fault: fault && { ...fault, reason: asUploadReason(fault.reason) },
      },
    };
  }

  #memoryOf(key: string, uid: string): UploadMemory {
    const known = this.#memories.get(key);
    if (known?.uid === uid) return known;
    const fresh: UploadMemory = { uid, kept: new Map() };
    this.#memories.set(key, fresh);
    return fresh;
  }
}

/** Until when a verdict holds by itself. */
function turnOf(candidate: Candidate): number {
  return 'facts' in candidate ? candidate.facts.notAfter : (candidate.notBefore ?? Infinity);
}
