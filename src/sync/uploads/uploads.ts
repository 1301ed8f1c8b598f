import type { Logger } from 'pino';
import type { CertificateUpload } from '../../api/upload.ts';
import type { Clock } from '../../clock.ts';
import { WorkQueue } from '../../controller/queue.ts';
import type { ReconcileOptions } from '../../controller/controller.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, objectKey } from '../../kube/objects.ts';
import { Store } from '../../kube/store.ts';
import type { RemoteRef } from '../../providers/inventory.ts';
import type { Announcement } from '../announce.ts';
import { type Directory, providerKeyFor } from '../directory.ts';
import { forgetManagers } from '../last-applied.ts';
import { SecretReferences } from '../references.ts';
import { UploadActor } from './act.ts';
import { UploadLookout } from './look.ts';
import { UploadReconciler } from './reconcile.ts';

interface Parts {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  random: () => number;
  directory: Directory;
  announce: (object: KubeObject, event: Announcement) => void;
}

/** All CertificateUploads: their cache, their queue and what works on it. */
export class Uploads {
  readonly store: Store<CertificateUpload>;
  readonly queue: WorkQueue;
  readonly #references: SecretReferences;
  readonly #reconciler: UploadReconciler;
  readonly #ofProvider: (providerKey: string) => Iterable<CertificateUpload>;
  readonly #inNamespace: (namespace: string) => Iterable<CertificateUpload>;

  constructor({ client, clock, logger, random, directory, announce }: Parts) {
    const uploads = (this.store = new Store<CertificateUpload>({ logger, trim: forgetManagers }));
    const queue = (this.queue = new WorkQueue({ clock, random }));
    const references = (this.#references = new SecretReferences({
      client,
      clock,
      logger,
      random,
      onChange: (owner) => queue.add(owner),
    }));
    const lookout = new UploadLookout({ client, uploads, directory, references, clock });
    const stillWanted: UploadLookout['stillWanted'] = (view) => lookout.stillWanted(view);
    const actor = new UploadActor({ client, uploads, stillWanted, announce, clock, random });
    this.#reconciler = new UploadReconciler({ client, uploads, lookout, actor, announce, clock });
    this.#inNamespace = uploads.index(({ metadata }) => [metadata.namespace ?? '']);
    // From the raw object, which may predate a rule.
    this.#ofProvider = uploads.index(({ metadata: { namespace = '' }, spec }) => {
      const { kind = 'CertificateProvider', name = '' } = spec?.providerRef ?? {};
      return [providerKeyFor({ kind, name }, namespace)];
    });
    uploads.subscribe(({ object }) => this.#enqueue(object));
  }

  reconcile(key: string, options: ReconcileOptions): ReturnType<UploadReconciler['reconcile']> {
    return this.#reconciler.reconcile(key, options);
  }

  /** A provider object changed: for all, or for those whose reference now selects something else. */
  providerChanged(providerKey: string, affects: (ref: RemoteRef) => boolean): void {
    for (const upload of this.#ofProvider(providerKey))
      if (namesOf(upload).some((name) => affects({ name }))) this.#enqueue(upload);
  }

  /** A namespace may have got, or lost, the right to use a cluster provider. */
  namespaceChanged(namespace: string): void {
    for (const upload of this.#inNamespace(namespace)) this.#enqueue(upload);
  }

  /** Ends all watches. */
  stop(): void {
    this.#references.stop();
  }

  #enqueue({ metadata }: CertificateUpload): void {
    this.queue.add(objectKey(metadata));
  }
}

/** What an upload has, or is about to have, at its provider. */
function namesOf({ status }: CertificateUpload): string[] {
  const { uploadName = '', remote, history = [] } = status ?? {};
  return [uploadName, ...(remote ? [remote.name] : []), ...history.map(({ name }) => name)];
}
