import { createHash } from 'node:crypto';
import { fieldManager } from '../api/names.ts';
import type { Facts } from '../certificate/facts.ts';
import { inspectPair } from '../certificate/inspect.ts';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { dataKeysOf, objectKey, secrets } from '../kube/objects.ts';
import type { KubeObject, ObjectMeta, Secret } from '../kube/objects.ts';
import type { Store } from '../kube/store.ts';
import type { Holders } from './holder.ts';
import { withoutLastApplied } from './last-applied.ts';
import { type Origin, originOf } from './manifest.ts';
import { findSecret } from './secret.ts';

/** What the data of a Secret are, as far as this operator cares. */
export type Content = IntactContent | { intact: false; message: string };

export interface IntactContent {
  intact: true;
  facts: Facts;
  /** Over tls.crt and ca.crt. */
  chainDigest: string;
  /** SHA-256 of ca.crt, where there is one. */
  caDigest?: string | undefined;
}

/** The Secret that a ProviderCertificate names, as it stands now; undefined when there is none. */
export type Target = OwnTarget | ForeignTarget | undefined;

export interface OwnTarget {
  ours: true;
  metadata: ObjectMeta;
  origin: Origin;
  content: Content;
}

export interface ForeignTarget {
  ours: false;
  metadata: ObjectMeta;
  /** Who else writes its data. */
  manager: string;
  /** When it may be looked at again; by `Clock.elapsed`, and a date in a `Situation`. */
  lookAgainAt: number;
  /** Set when adoption was asked for: what the Secret holds, or the reason why it may not be adopted. */
  adoption?: { content: Content } | { refused: string };
}

interface TargetsOptions {
  client: KubeClient;
  store: Store<KubeObject>;
  holders: Pick<Holders, 'claimants'>;
  clock: Clock;
}

/** In milliseconds. */
export const foreignLookEvery = 5 * 60_000;

/**
 * What is known of target Secrets. Metadata arrive by watch, for our label only; data are read once per
 * resourceVersion, because an unchanged version means unchanged content, and only what the gate says of them is kept. Of
 * those that nobody wants to write, nothing is kept that no watch would tell to forget.
 */
export class Targets {
  readonly #client: KubeClient;
  readonly #store: Store<KubeObject>;
  readonly #holders: Pick<Holders, 'claimants'>;
  readonly #clock: Clock;
  /** Content by Secret, with the version that it was read or written at. */
  readonly #contents = new Map<string, { resourceVersion: string; content: Content }>();
  /** Secrets of others, which our watch does not show. */
  readonly #foreign = new Map<string, ForeignTarget>();
  /** Secrets that left our watch: deleted, or without our label. */
  readonly #lost = new Set<string>();

  constructor({ client, store, holders, clock }: TargetsOptions) {
    this.#client = client;
    this.#store = store;
    this.#holders = holders;
    this.#clock = clock;
    store.subscribe(({ type, object }) => {
      const key = objectKey(object.metadata);
      this.#foreign.delete(key);
      if (type !== 'deleted') return;
      this.#contents.delete(key);
      this.#lose(key);
    });
  }

  /**
   * The Secret as it stands now. Costs a request only for a version that was not read yet, for a Secret that left the
   * watch, and for one that `expected` says should be there; with `lookAgain` also for one of others, which otherwise is
   * looked at now and then. Throws KubeError.
   */
  async read(
    name: { namespace: string; name: string },
    options: { expected: boolean; adopt: boolean; lookAgain: boolean; signal: AbortSignal },
  ): Promise<Target> {
    const key = objectKey(name);
    const watched = this.#store.get(key);
    const foreign = this.#foreign.get(key);
    if (foreign !== undefined) return this.#lookAgain(name, foreign, options);
    if (watched !== undefined) {
      const known = this.#contents.get(key);
      const origin = originOf(watched.metadata);
      if (known?.resourceVersion === watched.metadata.resourceVersion && origin !== undefined) {
        return { ours: true, metadata: watched.metadata, origin, content: known.content };
      }
      return this.#fetch(name, options);
    }
    return options.expected || this.#lost.has(key) ? this.#fetch(name, options) : undefined;
  }

  /** Takes note of a Secret that we wrote, so that it need not be read. */
  written(metadata: ObjectMeta, content: Content): void {
    const key = objectKey(metadata);
    this.#foreign.delete(key);
    this.#lost.delete(key);
    this.#contents.set(key, { resourceVersion: metadata.resourceVersion, content });
    this.#store.absorb(withoutLastApplied({ apiVersion: 'v1', kind: 'Secret', metadata }));
  }

  /** A write met another Secret than the one that we know: the next {@link read} asks for it. */
  suspect(name: { namespace: string; name: string }): void {
    this.#contents.delete(objectKey(name));
    this.#foreign.delete(objectKey(name));
    this.#lose(objectKey(name));
  }

  /** Nobody wants to write this Secret any more; whoever will want to looks at it anew. */
  forget(secretKey: string): void {
    this.#contents.delete(secretKey);
    this.#foreign.delete(secretKey);
    this.#lost.delete(secretKey);
  }

  /** Reads a Secret as it is, ours or not, for a comparison; undefined when there is none. */
  async inspect(name: { namespace: string; name: string }, signal: AbortSignal): Promise<Content | undefined> {
    const secret = await this.#get(name, signal);
    return secret && contentOf(secret);
  }

  async #fetch(
    name: { namespace: string; name: string },
    options: { adopt: boolean; signal: AbortSignal },
  ): Promise<Target> {
    const key = objectKey(name);
    const secret = await this.#get(name, options.signal);
    this.#lost.delete(key);
    if (secret === undefined) return undefined;
    const content = contentOf(secret);
    const origin = originOf(secret.metadata);
    if (origin !== undefined) {
      this.written(secret.metadata, content);
      return { ours: true, metadata: secret.metadata, origin, content };
    }
    const foreign: ForeignTarget = {
      ours: false,
      metadata: secret.metadata,
      manager: otherManager(secret.metadata),
      lookAgainAt: this.#clock.elapsed() + foreignLookEvery,
      ...(options.adopt ? { adoption: adoptability(secret, content) } : {}),
    };
    if (this.#isWanted(key)) this.#foreign.set(key, foreign);
    return foreign;
  }

  /** Foreign Secrets are not watched; whether one is still there is asked for metadata only, now and then. */
  async #lookAgain(
    name: { namespace: string; name: string },
    foreign: ForeignTarget,
    options: { adopt: boolean; lookAgain: boolean; signal: AbortSignal },
  ): Promise<Target> {
    if (options.adopt && foreign.adoption === undefined) return this.#fetch(name, options);
    if (!options.lookAgain && this.#clock.elapsed() < foreign.lookAgainAt) return foreign;
    try {
      const { metadata } = await this.#client.get(secrets, name, { metadataOnly: true, signal: options.signal });
      if (metadata.uid !== foreign.metadata.uid || metadata.resourceVersion !== foreign.metadata.resourceVersion) {
        this.#foreign.delete(objectKey(name));
        return await this.#fetch(name, options);
      }
      foreign.lookAgainAt = this.#clock.elapsed() + foreignLookEvery;
      return foreign;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#foreign.delete(objectKey(name));
      return undefined;
    }
  }

  #lose(secretKey: string): void {
    if (this.#isWanted(secretKey)) this.#lost.add(secretKey);
  }

  #isWanted(secretKey: string): boolean {
    return this.#holders.claimants(secretKey).length > 0;
  }

  async #get(name: { namespace: string; name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    const secret = await findSecret(this.#client, name, signal);
    return secret && withoutLastApplied(secret);
  }
}

/** Who, besides us, last wrote data of this object. */
export function otherManager(metadata: ObjectMeta): string {
  const others = (metadata.managedFields ?? []).filter(({ manager }) => manager !== fieldManager);
  const writers = others.filter((entry) => dataKeysOf(entry).length > 0);
  const [latest] = (writers.length > 0 ? writers : others).toSorted((a, b) =>
    (b.time ?? '').localeCompare(a.time ?? ''),
  );
  return latest?.manager ?? 'somebody else';
}

function contentOf(secret: Secret): Content {
  const bytes = (key: string): Uint8Array => Buffer.from(secret.data?.[key] ?? '', 'base64');
  if (secret.type !== 'kubernetes.io/tls') return { intact: false, message: `its type is ${secret.type}` };
  const privateKey = bytes('tls.key');
  const ca = secret.data?.['ca.crt'] === undefined ? undefined : bytes('ca.crt');
  const found = inspectPair({ certificates: bytes('tls.crt'), privateKey, ...(ca && { ca }) });
  privateKey.fill(0);
  return found.intact ? { ...found, caDigest: digestOf(ca) } : found;
}

/** SHA-256 in hexadecimal, of something or of nothing. */
export function digestOf(bytes: string | Uint8Array | undefined): string | undefined {
  return bytes && createHash('sha256').update(bytes).digest('hex');
}

const otherTools: [annotationOrLabel: string, tool: string][] = [
  ['cert-manager.io/', 'cert-manager'],
  ['argocd.argoproj.io/', 'Argo CD'],
  ['meta.helm.sh/', 'Helm'],
  ['helm.sh/', 'Helm'],
];

/** A Secret may be taken over only when nothing and nobody else keeps it. */
function adoptability(secret: Secret, content: Content): { content: Content } | { refused: string } {
  const { metadata } = secret;
  if (secret.type !== 'kubernetes.io/tls') return { refused: `its type is ${secret.type}` };
  if (secret.immutable === true) return { refused: 'it is immutable' };
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (controller !== undefined) return { refused: `${controller.kind} ${controller.name} controls it` };
  const marks = { ...metadata.labels, ...metadata.annotations };
  for (const [prefix, tool] of otherTools) {
    if (Object.keys(marks).some((key) => key.startsWith(prefix))) return { refused: `${tool} manages it` };
  }
  if (metadata.labels?.['app.kubernetes.io/managed-by'] === 'Helm') return { refused: 'Helm manages it' };
  const applier = metadata.managedFields?.find((entry) => entry.operation === 'Apply' && dataKeysOf(entry).length > 0);
  if (applier !== undefined) return { refused: `${applier.manager} applies its data` };
  const extra = Object.keys(secret.data ?? {}).filter((key) => !['tls.crt', 'tls.key', 'ca.crt'].includes(key));
  if (extra.length > 0) return { refused: `it also holds ${extra.slice(0, 3).join(', ')}` };
  return { content };
}
