import { certificateUploads } from '../../api/group.ts';
import type { CertificateUpload, UploadedCertificate } from '../../api/upload.ts';
import type { UploadSyncedReason } from '../../api/reasons.ts';
import { fingerprintsOf } from '../../certificate/fingerprints.ts';
import { leafAndChain } from '../../certificate/leaf-and-chain.ts';
import type { Pair } from '../../certificate/verdict.ts';
import type { Clock } from '../../clock.ts';
import type { ReconcileOptions } from '../../controller/controller.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Store } from '../../kube/store.ts';
import type { Account } from '../../providers/account.ts';
import { AccountUnavailable, ProviderError } from '../../providers/errors.ts';
import type { InventoryEntry } from '../../providers/inventory.ts';
import type { NewCertificate } from '../../providers/manager.ts';
import type { Announcement } from '../announce.ts';
import { isSame, listedFacts } from '../compare.ts';
import { findSecret } from '../secret.ts';
import { type Mishap, setbackAfter } from '../setback.ts';
import { patchStatus } from '../status.ts';
import { judgeSecret } from './candidate.ts';
import type { UploadDecision } from './decide.ts';
import { found, without } from './ledger.ts';
import type { UploadView } from './look.ts';
import { isUploadReason } from './reasons.ts';

interface Parts {
  client: KubeClient;
  uploads: Store<CertificateUpload>;
  /** Asked right before something is sent: whether everything that was decided upon still stands. */
  stillWanted: (view: UploadView) => boolean;
  announce: (upload: CertificateUpload, event: Announcement) => void;
  clock: Clock;
  random: () => number;
}

type ActOptions = Pick<ReconcileOptions, 'signal' | 'apart'>;

/** How long a certificate that is in use is left alone before its deletion is tried again, in milliseconds. */
const keptForMs = 3_600_000;

/** Does what was decided about an upload. What comes of it is left in the memory, where the next look finds it. */
export class UploadActor {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @returns false when everything has to be looked at again later: the object has changed */
  async act(view: UploadView, decision: Exclude<UploadDecision, { action: 'none' }>, o: ActOptions): Promise<boolean> {
    const { account } = view;
    if (account === undefined) throw new Error('whatever is done is done in an account');
    try {
      if (decision.action === 'identify') await this.#identify(view, account, decision.entry, o);
      else if (decision.action === 'delete') await this.#delete(view, account, decision.certificate, o);
      else return await this.#upload(view, account, o);
    } catch (error) {
      // What an account meets is found there by the next look.
      if (error instanceof AccountUnavailable) return true;
      if (!(error instanceof ProviderError)) throw error;
      this.#setBack(view, mishapOf(error));
    }
    return true;
  }

  /**
   * Announces the upload in the status, so that what is found later under this name is known to be ours, and sends it. Who
   * of several wins is for the provider to say, where names are unique; what came of it, for its list.
   */
  async #upload(view: UploadView, account: Account, { signal, apart }: ActOptions): Promise<boolean> {
    const { candidate } = view.situation;
    if ('reason' in candidate) throw new Error('only what was judged is uploaded');
    // Asked before it is announced: what somebody else made under this name since the last list is not to pass for ours.
    if (!(await apart(() => this.#isFree(view, account, candidate.name, signal)))) return true;
    if (!(await this.#announced(view, candidate.name, signal))) return false;
    const pair = await this.#pair(view, signal);
    if (pair === undefined) return true;
    try {
      if (pair.facts.fingerprintSHA256 !== candidate.facts.fingerprintSHA256) {
        view.memory.judged = undefined;
        return true;
      }
      return await apart(() => this.#send(view, account, newCertificate(view, candidate.name, pair), signal));
    } finally {
      pair.privateKey.fill(0);
    }
  }

  async #isFree(view: UploadView, account: Account, name: string, signal: AbortSignal): Promise<boolean> {
    const free = await account.manage((manager, call) => manager.isNameFree(name, call), signal);
    if (!free) {
      this.#sent(view, account);
      this.#setBack(view, {
        kind: 'failure',
        reason: 'NameTaken',
        message: `The provider says that the name ${name} is taken, but does not list it.`,
      });
    }
    return free;
  }

  async #send(view: UploadView, account: Account, certificate: NewCertificate, signal: AbortSignal): Promise<boolean> {
    try {
      await account.manage((manager, call) => manager.validate?.(certificate, call) ?? Promise.resolve(), signal);
      if (!this.#parts.stillWanted(view)) return false;
      try {
        await account.manage((manager, call) => manager.create(certificate, call), signal);
        view.memory.setback = undefined;
      } finally {
        // It may have arrived, whatever the answer was.
        this.#sent(view, account);
      }
      return true;
    } finally {
      certificate.privateKey.fill(0);
    }
  }

  #sent({ memory }: UploadView, account: Account): void {
    memory.sent = { account: account.id, lists: account.lists.begun };
    account.listSoon();
  }

  async #announced({ upload, provider, situation }: UploadView, name: string, signal: AbortSignal): Promise<boolean> {
    const { client, uploads } = this.#parts;
    const { status } = upload;
    if (status?.provider === provider && status.uploadName === name) return true;
    const { history, remote } = situation.ledger;
    const patch = { provider, uploadName: name, history, remote: remote ?? null };
    return patchStatus({ client, store: uploads, resource: certificateUploads }, upload, patch, signal);
  }

  /** Reads the Secret anew, as late as can be. Undefined when it is not what was judged any more. */
  async #pair({ upload, spec, memory }: UploadView, signal: AbortSignal): Promise<Pair | undefined> {
    const secret = await findSecret(
      this.#parts.client,
      { namespace: upload.metadata.namespace ?? '', name: spec.secretName },
      signal,
    );
    const judged = judgeSecret(secret, { name: spec.secretName, now: this.#parts.clock.now() });
    if ('pair' in judged) return judged.pair;
    memory.judged = undefined;
    return undefined;
  }

  /**
   * Compares what has our name with the Secret. What the provider does not hand out cannot contradict the name, which holds
   * a piece of the fingerprint.
   */
  async #identify(
    view: UploadView,
    account: Account,
    entry: InventoryEntry,
    { signal, apart }: ActOptions,
  ): Promise<void> {
    const { memory, provider, situation } = view;
    const { candidate, ledger } = situation;
    if ('reason' in candidate) throw new Error('only what was judged is compared');
    const listed = listedFacts(entry);
    const other = listed
      ? !isSame(candidate.facts, listed)
      : await apart(() => this.#holdsAnother(account, entry, candidate.facts.fingerprintSHA256, signal));
    if (other) {
      this.#setBack(view, {
        kind: 'refusal',
        reason: 'NameTaken',
        message: `The provider has another certificate named ${entry.name}.`,
      });
      return;
    }
    const now = this.#parts.clock.now();
    memory.ledger = { provider, ledger: found(ledger, entry, candidate.facts, now) };
    memory.setback = undefined;
  }

  async #holdsAnother(
    account: Account,
    entry: InventoryEntry,
    fingerprintSHA256: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      const { parts } = await account.download(entry, { urgent: true, signal });
      const fingerprints = fingerprintsOf(parts);
      return fingerprints.length > 0 && !fingerprints.includes(fingerprintSHA256);
    } catch (error) {
      const withheld =
        error instanceof ProviderError && error.concernsCertificate && error.reason !== 'CertificateNotFound';
      if (withheld) return false;
      throw error;
    }
  }

  async #delete(
    view: UploadView,
    account: Account,
    { id, name }: UploadedCertificate,
    { signal, apart }: ActOptions,
  ): Promise<void> {
    const { memory, provider, situation, upload } = view;
    const { announce, clock, stillWanted } = this.#parts;
    if (!stillWanted(view)) return;
    try {
      await apart(() => account.manage((manager, call) => manager.delete({ id, name }, call), signal));
      announce(upload, { type: 'Normal', reason: 'PreviousDeleted', message: `${name} was deleted at the provider.` });
    } catch (error) {
      if (error instanceof AccountUnavailable || !(error instanceof ProviderError)) throw error;
      if (error.reason !== 'CertificateNotFound') {
        if (!memory.kept.has(id)) {
          const message = `${name} is not deleted at the provider: ${error.message}`;
          announce(upload, { type: 'Normal', reason: 'PreviousKept', message });
        }
        memory.kept.set(id, clock.elapsed() + Math.max(keptForMs, error.retryAfterMs ?? 0));
        return;
      }
    }
    memory.kept.delete(id);
    memory.ledger = { provider, ledger: without(situation.ledger, id) };
    account.listSoon();
  }

  #setBack({ memory, inputs }: UploadView, mishap: Mishap<UploadSyncedReason>): void {
    memory.setback = setbackAfter(memory.setback, mishap, inputs, this.#parts);
  }
}

/** The pair as the clouds take it: the leaf, and apart from it what is above. */
function newCertificate({ spec }: UploadView, name: string, { certificates, privateKey }: Pair): NewCertificate {
  const { timezone, recipients, tags } = spec.scp;
  return {
    name,
    ...leafAndChain(certificates),
    privateKey: Buffer.from(privateKey),
    scp: {
      timezone,
      recipients: recipients.map(({ region = '', ...user }) => ({ region, ...user })),
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
    },
  };
}

/** What the provider said, in words of a CertificateUpload. */
function mishapOf({ reason, message, concernsCertificate, retryAfterMs }: ProviderError): Mishap<UploadSyncedReason> {
  const known = reason === 'InvalidRequest' ? 'UploadRefused' : reason;
  return {
    kind: concernsCertificate ? 'refusal' : 'failure',
    reason: isUploadReason(known) ? known : 'InvalidResponse',
    message,
    retryAfterMs,
  };
}
