import type { ProviderCertificate, SyncSettings } from '../api/certificate.ts';
import { fieldManager } from '../api/names.ts';
import type { Pair } from '../certificate/verdict.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError, isNamespaceTerminating, isNotFound } from '../kube/errors.ts';
import { type KubeObject, type ObjectMeta, dataKeysOf, objectKey, secrets } from '../kube/objects.ts';
import { lastApplied } from './last-applied.ts';
import { type Origin, managedMetadata } from './manifest.ts';
import { findSecret } from './secret.ts';
import { type Content, type IntactContent, type OwnTarget, type Target, type Targets, digestOf } from './target.ts';

/** The Secret is not what it was judged to be: the reconcile starts anew. */
export class SecretChanged extends Error {
  override name = 'SecretChanged';
}

/** The Secret will not take what we write, and trying again does not help. */
export class SecretRefused extends Error {
  override name = 'SecretRefused';
}

/** The namespace is going away, and everything in it: nothing to do and nothing to report, ever. */
export class NamespaceGone extends Error {
  override name = 'NamespaceGone';
}

interface Write {
  certificate: ProviderCertificate;
  spec: SyncSettings;
  /** The version of the Secret that was judged. */
  target: Target;
  signal: AbortSignal;
}

/**
 * No object has ever had this version: an apply that names it creates, and conflicts with whatever is there. (It does not hold
 * back the creation, as a uid would.)
 */
const noVersion = { resourceVersion: '1' };

/**
 * Writes target Secrets: chain and key always in one server-side apply. A first write can only create, so that it touches
 * neither what others own nor, when it arrives late, what was written since; later ones name uid and resourceVersion of the
 * version that was judged. That is also the fence against a second operator. Writes to one Secret follow one another.
 */
export class Writer {
  readonly #client: KubeClient;
  readonly #targets: Targets;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor({ client, targets }: { client: KubeClient; targets: Targets }) {
    this.#client = client;
    this.#targets = targets;
  }

  /**
   * Writes a pair that passed the gate. `allowed` is asked last thing before the request goes out.
   * Throws SecretChanged, SecretRefused, NamespaceGone or KubeError.
   */
  async pair(
    { certificate, spec, target, signal }: Write,
    pair: Pair,
    origin: Pick<Origin, 'source' | 'revision'>,
    allowed: () => boolean,
  ): Promise<void> {
    const metadata = managedMetadata(certificate, spec, { ...origin, chainDigest: pair.chainDigest }, pair.facts);
    const encode = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');
    const data = {
      'tls.crt': encode(pair.certificates),
      'tls.key': encode(pair.privateKey),
      ...(pair.ca === undefined ? {} : { 'ca.crt': encode(pair.ca) }),
    };
    const content: Content = {
      intact: true,
      facts: pair.facts,
      chainDigest: pair.chainDigest,
      caDigest: digestOf(pair.ca),
    };
    await this.#inTurn(objectKey(nameOf(certificate, spec)), async () => {
      if (!allowed()) throw new SecretChanged();
      const cleared =
        target !== undefined && (!target.ours || (pair.ca === undefined && holdsForeignCa(target.metadata)));
      const fence = cleared ? await this.#clear(target, signal) : target?.metadata;
      await this.#apply(certificate, spec, { metadata, data, content, fence, signal });
    });
  }

  /** Puts labels, annotations and owner right with the bytes that are there. Throws as {@link pair}. */
  async metadata(
    { certificate, spec, target, signal }: Write & { target: OwnTarget & { content: IntactContent } },
    allowed: () => boolean,
  ): Promise<void> {
    const name = nameOf(certificate, spec);
    const metadata = managedMetadata(certificate, spec, target.origin, target.content.facts);
    await this.#inTurn(objectKey(name), async () => {
      const secret = await findSecret(this.#client, name, signal);
      if (secret?.metadata.resourceVersion !== target.metadata.resourceVersion) {
        this.#targets.suspect(name); // the watch is behind
        throw new SecretChanged();
      }
      if (!allowed()) throw new SecretChanged();
      const data = Object.fromEntries(
        ['tls.crt', 'tls.key', 'ca.crt'].flatMap((key) =>
          secret.data?.[key] === undefined ? [] : [[key, secret.data[key]]],
        ),
      );
      await this.#apply(certificate, spec, { metadata, data, content: target.content, fence: target.metadata, signal });
    });
  }

  async #apply(
    certificate: ProviderCertificate,
    spec: SyncSettings,
    {
      metadata,
      data,
      content,
      fence,
      signal,
    }: {
      metadata: object;
      data: Record<string, string>;
      content: Content;
      fence: ObjectMeta | undefined;
      signal: AbortSignal;
    },
  ): Promise<void> {
    const name = nameOf(certificate, spec);
    const precondition = fence ? { uid: fence.uid, resourceVersion: fence.resourceVersion } : noVersion;
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...name, ...precondition, ...metadata },
      type: 'kubernetes.io/tls',
      data,
    };
    let answer: KubeObject;
    try {
      answer = await this.#client.apply<KubeObject>(secrets, object, {
        fieldManager,
        force: fence !== undefined,
        metadataOnly: true,
        signal,
      });
    } catch (error) {
      throw this.#explain(error, name);
    }
    this.#targets.written(answer.metadata, content);
  }

  /**
   * Takes away what would stay beside our own fields for ever, because others own it: a ca.crt of another chain, and
   * kubectl's copy of the whole old object, key included, which every metadata watch would deliver. Returns the new version.
   */
  async #clear({ metadata }: NonNullable<Target>, signal: AbortSignal): Promise<ObjectMeta> {
    const patch = {
      metadata: {
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        annotations: { [lastApplied]: null },
      },
      data: { 'ca.crt': null },
    };
    const name = { namespace: metadata.namespace ?? '', name: metadata.name };
    const cleared = await this.#client
      .mergePatch<KubeObject>(secrets, name, patch, { metadataOnly: true, signal })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw this.#explain(error, name);
        this.#targets.suspect(name);
        throw new SecretChanged();
      });
    return cleared.metadata;
  }

  #explain(error: unknown, name: { namespace: string; name: string }): unknown {
    if (!(error instanceof KubeError)) return error;
    // A Secret that was made anew meanwhile has another uid, which is refused as an attempt to change it.
    if (error.status === 409 || error.causes.some(({ field }) => field === 'metadata.uid')) {
      this.#targets.suspect(name);
      return new SecretChanged();
    }
    // Not for a 404: where the namespace is gone the certificate is too, and what else says it may be wrong.
    if (isNamespaceTerminating(error)) return new NamespaceGone();
    if (error.status === 422 && /immutable/.test(error.message)) {
      return new SecretRefused(
        `Secret ${name.name} is immutable, or of another type than kubernetes.io/tls: delete it to have it written again.`,
      );
    }
    return error;
  }

  async #inTurn(key: string, write: () => Promise<void>): Promise<void> {
    const turn = (this.#queues.get(key) ?? Promise.resolve()).then(write, write);
    this.#queues.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#queues.get(key) === turn) this.#queues.delete(key);
    }
  }
}

function holdsForeignCa(metadata: ObjectMeta): boolean {
  return foreignDataKeys(metadata).includes('ca.crt');
}

function foreignDataKeys({ managedFields = [] }: ObjectMeta): string[] {
  return managedFields.filter(({ manager }) => manager !== fieldManager).flatMap(dataKeysOf);
}

function nameOf({ metadata }: ProviderCertificate, spec: SyncSettings): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: spec.secretName };
}
