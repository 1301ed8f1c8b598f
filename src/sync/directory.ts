import { type CertificateSettings } from '../api/certificate.ts';
import { certificateProviders, clusterCertificateProviders } from '../api/group.ts';
import { parseCertificateProvider, parseClusterCertificateProvider } from '../api/parse.ts';
import {
  type CertificateProvider,
  type ClusterCertificateProvider,
  type ProviderSettings,
  type ProviderStatus,
  resolveProvider,
} from '../api/provider.ts';
import {
  type EventReason,
  type ProviderReadyReason,
  type SyncedReason,
  providerReadyReasons,
  syncedReasons,
} from '../api/reasons.ts';
import { printable } from '../printable.ts';
import { type Clock, dateOf } from '../clock.ts';
import type { ReconcileOptions } from '../controller/controller.ts';
import type { KubeClient } from '../kube/client.ts';
import { setCondition } from '../kube/conditions.ts';
import { isForbidden } from '../kube/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import { type KubeObject, type Secret, objectKey, timestamp } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';
import type { Account, AccountChange } from '../providers/account.ts';
import type { Accounts, AccountSettings, Effective } from '../providers/accounts.ts';
import { readCredentials } from '../providers/credentials.ts';
import type { ProviderReason } from '../providers/errors.ts';
import type { Endpoints } from '../providers/endpoints.ts';
import type { RemoteRef } from '../providers/inventory.ts';
import type { Provider, ProviderSpec } from '../providers/provider.ts';
import { allowsCertificate, allowsNamespace } from './consent.ts';
import type { Problem, ProviderAnswer } from './situation.ts';
import type { SecretReferences } from './references.ts';
import { patchBetween } from './report.ts';
import { findSecret } from './secret.ts';
import { lookAgainMs, patchStatus } from './status.ts';

/** Which provider a spec is for. */
export type ProviderLookup = (spec: ProviderSpec) => Provider;

export type ProviderObject = CertificateProvider | ClusterCertificateProvider;

interface ProviderProblem {
  reason: ProviderReadyReason;
  message: string;
}

/** What a provider object came to. */
interface Entry {
  uid: string;
  generation: number | undefined;
  settings?: ProviderSettings;
  outcome: { account: Account } | { problem: ProviderProblem };
  /** Versions of the Secrets that the account was made from. */
  versions: string;
  /** An authentication fault after which the credentials were read again. */
  rereadAfter?: unknown;
  unsubscribe?: () => void;
}

/** An account that a namespace may use. */
interface Usable {
  account: Account;
  allowedCertificates: ProviderSettings['allowedCertificates'];
  pollIntervalMs: number | undefined;
}

interface Parts {
  client: KubeClient;
  /** By kind. */
  providers: Readonly<Record<ProviderObject['kind'], Store<ProviderObject>>>;
  /** Namespaces with their labels, for the consent of cluster providers. */
  namespaces: Store<KubeObject>;
  /** Whether cluster providers are served. */
  clusterWide: boolean;
  accounts: Accounts;
  endpoints: Endpoints;
  providerFor: ProviderLookup;
  references: SecretReferences;
  events: EventRecorder;
  clock: Clock;
  /** Called when certificates that use a provider object should be looked at again: all, or those with a changed reference. */
  onChange: (providerKey: string, affects: (ref: RemoteRef) => boolean) => void;
  /** Called when the provider object itself should be looked at again. */
  onFault: (providerKey: string) => void;
}

export interface ProviderState {
  kind: ProviderObject['kind'];
  namespace: string | undefined;
  name: string;
  ready: boolean;
  /** When a list last succeeded; milliseconds since the epoch. */
  lastSuccess: number | undefined;
}

/** `lastCheckTime` of a provider object is written at most this often when nothing else changes, in milliseconds. */
const heartbeat = 10 * 60_000;

/** The provider objects of the cluster and the accounts behind them. */
export class Directory {
  readonly #parts: Parts;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What is known about a remote certificate that a namespace asks for: a question to memory, without a request. */
  lookup(
    providerRef: CertificateSettings['providerRef'],
    namespace: string,
    ref: RemoteRef,
  ): Problem | (ProviderAnswer & { account?: Account }) {
    const found = this.#find(providerRef, namespace);
    if (found === undefined) return { lastGood: this.#parts.clock.now(), pollIntervalMs: 0, unopened: true };
    if ('reason' in found) return found;
    const { account, allowedCertificates, pollIntervalMs = 0 } = found;
    const selection = account.inventory?.find(ref);
    if (
      selection !== undefined &&
      'entry' in selection &&
      !allowsCertificate(allowedCertificates, selection.entry.name)
    ) {
      return notAllowed(providerRef, 'the use of this certificate');
    }
    return {
      account,
      selection,
      fault: faultOf(account, titleOf(providerRef)),
      lastGood: dateOf(this.#parts.clock, account.lastGood),
      pollIntervalMs,
    };
  }

  /**
   * The account that a namespace uploads to, undefined while it is not known yet.
   *
   * @param name what the certificate would be called there; undefined when that is not known
   */
  destination(
    providerRef: CertificateSettings['providerRef'],
    namespace: string,
    name: string | undefined,
  ): Problem | { account: Account; fault: ProviderAnswer['fault'] } | undefined {
    const found = this.#find(providerRef, namespace);
    if (found === undefined || 'reason' in found) return found;
    const { account, allowedCertificates } = found;
    if (name !== undefined && !allowsCertificate(allowedCertificates, name)) {
      return notAllowed(providerRef, `a certificate named ${name}`);
    }
    return { account, fault: faultOf(account, titleOf(providerRef)) };
  }

  /** The account behind a reference, or why a namespace has none by it; undefined while that is not known yet. */
  #find({ kind, name }: CertificateSettings['providerRef'], namespace: string): Problem | Usable | undefined {
    const key = providerKeyFor({ kind, name }, namespace);
    const { providers, namespaces, clusterWide } = this.#parts;
    if (kind === 'ClusterCertificateProvider' && !clusterWide) {
      return {
        reason: 'ProviderNotFound',
        message:
          'This operator watches single namespaces (--watch-namespace) and serves no ClusterCertificateProvider; use a CertificateProvider in this namespace.',
      };
    }
    const title = titleOf({ kind, name });
    const stored = providers[kind].get(keyOf(key));
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined)
      return {
        reason: 'ProviderNotFound',
        message: `There is no ${title}${kind === 'CertificateProvider' ? ' in this namespace' : ''}.`,
      };
    const entry = this.#entries.get(key);
    // What its owner has just taken back is not used any more, even before the change was looked at.
    if (entry === undefined || !isCurrent(entry, stored)) return undefined;

    const { outcome, settings: { consent, allowedCertificates, pollIntervalMs } = {} } = entry;
    const labels = labelsOf(namespaces.get(namespace));
    if (consent !== undefined && labels === undefined) return undefined; // a new namespace: that watch is a little behind
    if (consent !== undefined && !allowsNamespace(consent, labels)) {
      return notAllowed({ kind, name }, `namespace ${namespace} to use it`);
    }
    if ('account' in outcome) return { account: outcome.account, allowedCertificates, pollIntervalMs };
    const { reason, message } = outcome.problem;
    return reason === 'CredentialsMissing'
      ? { reason, message: `${title}: ${message}` }
      : { reason: 'ProviderNotReady', message: `${title} is not ready: ${message}` };
  }

  /** How each provider object stands now; for metrics. */
  *states(): Generator<ProviderState> {
    for (const [key, { outcome }] of this.#entries) {
      const [namespace, name = ''] = keyOf(key).includes('/') ? keyOf(key).split('/') : [undefined, keyOf(key)];
      const account = 'account' in outcome ? outcome.account : undefined;
      const ready = account?.inventory !== undefined && account.fault === undefined;
      yield { kind: kindOf(key), namespace, name, ready, lastSuccess: account?.lastSuccess };
    }
  }

  /** Brings one provider object up to date: its account, and its status. */
  async reconcile(
    key: string,
    { signal, logger }: Pick<ReconcileOptions, 'signal' | 'logger'>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    const stored = this.#parts.providers[kindOf(key)].get(keyOf(key));
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) return this.#forget(key);
    const before = this.#entries.get(key);
    const entry = await this.#open(key, stored, before, signal);
    this.#entries.set(key, entry);
    if (before === undefined || !isCurrent(before, stored) || changedOutcome(before, entry)) {
      logger.debug({ provider: key }, 'provider object changed');
      this.#parts.onChange(key, () => true);
    }
    const written = await this.#report(key, stored, entry, signal);
    return { requeueAfterMs: written ? heartbeat : lookAgainMs };
  }

  #forget(key: string): void {
    const { accounts, references, onChange } = this.#parts;
    this.#entries.get(key)?.unsubscribe?.();
    this.#entries.delete(key);
    references.want(key, []);
    accounts.release(key);
    onChange(key, () => true);
  }

  /** From the object to its account, or to what is in the way. */
  async #open(key: string, stored: ProviderObject, before: Entry | undefined, signal: AbortSignal): Promise<Entry> {
    const { endpoints, references, providerFor } = this.#parts;
    const { uid, generation } = stored.metadata;
    const problem = (reason: ProviderReadyReason, message: string, settings?: ProviderSettings): Entry => {
      before?.unsubscribe?.();
      this.#parts.accounts.release(key);
      return {
        uid,
        generation,
        ...(settings && { settings }),
        versions: '',
        outcome: { problem: { reason, message } },
      };
    };

    const parsed =
      stored.kind === 'CertificateProvider'
        ? parseCertificateProvider(stored)
        : parseClusterCertificateProvider(stored);
    if ('message' in parsed) return problem('InvalidSpec', `The spec is not valid: ${parsed.message}.`);
    const settings = resolveProvider(parsed.value);
    const provider = providerFor(settings);
    const refused = provider
      .endpoints(settings)
      .map((endpoint) => endpoints.check(endpoint))
      .find((refusal) => refusal !== undefined);
    if (refused !== undefined) return problem('EndpointNotAllowed', refused, settings);

    const { credentialsSecretRef, caBundleRef } = settings;
    const wanted = [credentialsSecretRef, ...(caBundleRef ? [caBundleRef] : [])];
    references.want(key, wanted);
    const found = await Promise.all(wanted.map((name) => references.version(name, signal)));
    const versions = JSON.stringify([found, generation]);
    const fault = before && 'account' in before.outcome ? before.outcome.account.fault : undefined;
    const rejected = fault?.error.reason === 'AuthenticationFailed' ? fault : undefined;
    const current =
      before !== undefined && before.uid === uid && before.versions === versions && 'account' in before.outcome;
    if (current && (rejected === undefined || before.rereadAfter === rejected.since)) return before;

    const credentials = await this.#credentials(provider.credentialKeys(settings), credentialsSecretRef, signal);
    if ('message' in credentials) return problem('CredentialsMissing', credentials.message, settings);
    const ca = await this.#caBundle(settings, signal);
    if (ca !== undefined && 'message' in ca) return problem('CredentialsMissing', ca.message, settings);

    const { pollIntervalMs, requestsPerMinute, inFlight } = settings;
    const account = this.#parts.accounts.obtain(key, {
      provider,
      spec: settings,
      credentials: credentials.credentials,
      ...(ca && { ca: ca.pem }),
      settings: { pollIntervalMs, inFlight, ...(requestsPerMinute !== undefined && { requestsPerMinute }) },
    });
    before?.unsubscribe?.();
    return {
      uid,
      generation,
      settings,
      versions,
      outcome: { account },
      rereadAfter: rejected?.since,
      unsubscribe: account.subscribe((change) => this.#onAccountChange(key, change)),
    };
  }

  #onAccountChange(key: string, change: AccountChange): void {
    const { onFault, onChange } = this.#parts;
    onFault(key);
    onChange(key, change.kind === 'inventory' ? change.changed : () => true);
  }

  async #credentials(
    keys: Parameters<typeof readCredentials>[0],
    name: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<ReturnType<typeof readCredentials>> {
    const secret = await this.#secret(name, signal);
    return secret === undefined
      ? { message: `The credentials Secret ${objectKey(name)} does not exist, or this operator may not read it.` }
      : readCredentials(keys, secret.data ?? {}, `Secret ${objectKey(name)}`);
  }

  async #caBundle(
    { caBundle, caBundleRef }: ProviderSettings,
    signal: AbortSignal,
  ): Promise<{ pem: string } | { message: string } | undefined> {
    if (caBundle !== undefined) return { pem: caBundle };
    if (caBundleRef === undefined) return undefined;
    const value = (await this.#secret(caBundleRef, signal))?.data?.[caBundleRef.key];
    const pem = value === undefined ? '' : Buffer.from(value, 'base64').toString();
    return pem.includes('-----BEGIN CERTIFICATE-----')
      ? { pem }
      : { message: `The Secret ${objectKey(caBundleRef)} holds no certificates under the key ${caBundleRef.key}.` };
  }

  /** Undefined when there is none, or when this operator may not read it: for the user both are to be put right. */
  async #secret(name: { namespace: string; name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    return findSecret(this.#parts.client, name, signal).catch((error: unknown) => {
      if (!isForbidden(error)) throw error;
      return undefined;
    });
  }

  /** Objects with the same endpoint and credentials share an account, by the smallest of their settings. */
  #sharedSettings(key: string, own: ProviderSettings | undefined): string {
    const inForce = Object.entries(this.#parts.accounts.effective(key) ?? {}) as [keyof AccountSettings, Effective][];
    return inForce
      .filter(([name, setting]) => setting !== undefined && setting.value !== own?.[name])
      .map(([name, { value, holder }]) => {
        const shown = name === 'pollIntervalMs' ? `pollInterval is ${value / 1000}s` : `limits.${name} is ${value}`;
        return ` ${shown}, as ${holder} asks, which uses the same account.`;
      })
      .join('');
  }

  /** False: the status was not for the version that is there now. */
  async #report(
    key: string,
    stored: ProviderObject,
    { outcome, settings }: Entry,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, providers, events, clock } = this.#parts;
    const state = stateOf(outcome, this.#sharedSettings(key, settings));
    if (state === undefined) return true;
    const now = clock.now();
    const previous = stored.status ?? { observedGeneration: -1 };
    const generation = stored.metadata.generation ?? 0;
    const message = printable(state.message, 1024);
    const { status } = providerReadyReasons[state.reason];
    const next: ProviderStatus = {
      ...previous,
      observedGeneration: generation,
      conditions: setCondition(
        previous.conditions ?? [],
        { type: 'Ready', status, reason: state.reason, message, observedGeneration: generation },
        now,
      ) as ProviderStatus['conditions'],
      message: printable(message, 256),
      ...(settings && { type: settings.type }),
    };
    if ('account' in outcome && outcome.account.inventory) next.certificates = outcome.account.inventory.size;
    const checkedAt = 'account' in outcome ? outcome.account.lastSuccess : undefined;
    const lastShown = Date.parse(previous.lastCheckTime ?? '') || 0;
    // In the future: the clock was set back.
    const stale = lastShown > now || now >= lastShown + heartbeat;
    if (checkedAt !== undefined && (stale || patchBetween(previous, next) !== undefined))
      next.lastCheckTime = timestamp(checkedAt);
    const patch = patchBetween(previous, next);
    if (patch === undefined) return true;

    const resource = stored.kind === 'CertificateProvider' ? certificateProviders : clusterCertificateProviders;
    const where = { client, store: providers[kindOf(key)], resource };
    if (!(await patchStatus(where, stored, patch, signal))) return false;
    const { apiVersion, kind } = stored;
    const { namespace, name, uid } = stored.metadata;
    const announce = (type: 'Normal' | 'Warning', reason: EventReason, text: string): void =>
      events.record({ apiVersion, kind, namespace, name, uid }, { type, reason, message: text });
    const shown = previous.conditions?.find(({ type }) => type === 'Ready')?.reason;
    if (shown !== state.reason) announce(status === 'True' ? 'Normal' : 'Warning', state.reason, message);
    const deprecation = settings && this.#parts.providerFor(settings).deprecation?.(settings);
    if (deprecation !== undefined && previous.observedGeneration !== generation)
      announce('Warning', 'DeprecatedAPIVersion', deprecation);
    return true;
  }
}

/** Queue key of a provider object. */
export function providerKey(
  kind: ProviderObject['kind'],
  name: { namespace?: string | undefined; name: string },
): string {
  return `${kind}/${objectKey(name)}`;
}

/** The same for a reference, from an object in `namespace`. */
export function providerKeyFor({ kind, name }: CertificateSettings['providerRef'], namespace: string): string {
  return providerKey(kind, kind === 'CertificateProvider' ? { namespace, name } : { name });
}

function kindOf(key: string): ProviderObject['kind'] {
  return key.startsWith('CertificateProvider/') ? 'CertificateProvider' : 'ClusterCertificateProvider';
}

function keyOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function isCurrent({ uid, generation }: Entry, { metadata }: ProviderObject): boolean {
  return uid === metadata.uid && generation === metadata.generation;
}

function changedOutcome(before: Entry, after: Entry): boolean {
  if ('account' in before.outcome && 'account' in after.outcome) {
    return (
      before.outcome.account !== after.outcome.account ||
      JSON.stringify(before.settings) !== JSON.stringify(after.settings)
    );
  }
  return JSON.stringify(before.outcome) !== JSON.stringify(after.outcome);
}

/** What Ready shall say; undefined while the first list is under way. */
function stateOf(outcome: Entry['outcome'], note: string): ProviderProblem | undefined {
  if ('problem' in outcome) return withAdvice(outcome.problem);
  const { inventory, obstacle } = outcome.account;
  // Before the first list, a pause that an account with the same credentials was told.
  const fault = outcome.account.fault ?? (inventory === undefined ? obstacle : undefined);
  if (fault !== undefined)
    return withAdvice({ reason: asProviderReason(fault.error.reason), message: fault.error.message });
  return (
    inventory && {
      reason: 'Valid',
      message: `${inventory.size} certificate${inventory.size === 1 ? '' : 's'} listed.${note}`,
    }
  );
}

function withAdvice({ reason, message }: ProviderProblem): ProviderProblem {
  // What is wrong with the object itself already says what to do.
  if (reason === 'InvalidSpec' || reason === 'EndpointNotAllowed') return { reason, message };
  const { todo } = providerReadyReasons[reason];
  return { reason, message: `${message} ${todo.replaceAll('`', '')}` };
}

function titleOf({ kind, name }: CertificateSettings['providerRef']): string {
  return `${kind} ${name}`;
}

function notAllowed(providerRef: CertificateSettings['providerRef'], what: string): Problem {
  return { reason: 'NamespaceNotAllowed', message: `${titleOf(providerRef)} does not allow ${what}.` };
}

/** What stands against using an account now. */
function faultOf({ obstacle }: Account, title: string): ProviderAnswer['fault'] {
  return (
    obstacle && {
      reason: asSyncedReason(obstacle.error.reason),
      message: `${title}: ${obstacle.error.message}`,
      until: obstacle.forLists ? undefined : obstacle.until,
    }
  );
}

function labelsOf(namespace: KubeObject | undefined): Record<string, string> | undefined {
  return namespace && (namespace.metadata.labels ?? {});
}

/**
 * What an account answers in words of a ProviderCertificate. Reasons of management are none of them, and reading never
 * ends so.
 */
export function asSyncedReason(reason: ProviderReason): Problem['reason'] {
  return isSyncedReason(reason) ? reason : 'ProviderNotReady';
}

/** The same in words of a provider object. Faults of one certificate are never faults of an account. */
export function asProviderReason(reason: ProviderReason): ProviderReadyReason {
  return isProviderReadyReason(reason) ? reason : 'InvalidResponse';
}

function isSyncedReason(reason: ProviderReason): reason is ProviderReason & SyncedReason {
  return Object.hasOwn(syncedReasons, reason);
}

function isProviderReadyReason(reason: ProviderReason): reason is ProviderReason & ProviderReadyReason {
  return Object.hasOwn(providerReadyReasons, reason);
}
