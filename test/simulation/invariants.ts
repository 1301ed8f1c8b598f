import { refreshAnnotation, fieldManager, secretAnnotations } from '../../src/api/names.ts';
import { providerCertificates } from '../../src/api/group.ts';
import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { type KubeObject, type Secret, dataKeysOf, objectKey, secrets } from '../../src/kube/objects.ts';
import type { Request } from '../../src/kube/transport.ts';
import type { StoredVersion } from './api-server.ts';
import type { Cloud } from './cloud.ts';
import type { Machine } from './machine.ts';
import type { Process } from './process.ts';
import type { KnownPair, Pool } from './pool.ts';
import type { Variation } from './variation.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Something that must never be was. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What changed in the cluster is known everywhere after so long, unless the network is bad. */
const newsTakeMs = 100;
/** A watch that broke is taken up again after so long at most. */
const longestBackoffMs = 60_000;
/** A watch that says nothing for so long is taken for dead. */
const longestSilenceMs = 180_000;
/** ProviderCertificates, CertificateProviders and Secrets. */
const watchedKinds = 3;
/** The part of a minute's calls that may come at once. */
const burstPart = 12;
/** How long a downloaded bundle is kept for others at least, less what an answer may take to arrive. */
const sharedForMs = 25_000;

/** An operator, as what it does is told of. */
type Writer = Pick<Process, 'name' | 'machine' | 'operator' | 'ending'>;

/** Watches every version of everything that is stored, and every request that an operator makes. */
export class Invariants {
  readonly #pool: Pool;
  readonly #cloud: Cloud;
  readonly #time: VirtualTime;
  readonly #limits: Variation['limits'];
  /** What each operator has lists of. */
  readonly #listed = new Map<Machine, Set<string>>();
  /** Secrets that some ProviderCertificate was once allowed to take over. */
  readonly #adoptable = new Set<string>();
  readonly #downloaded = new Map<Machine, Map<string, number>>();
  /** The ProviderCertificates as they are, and since when what they ask for. */
  readonly #certificates = new Map<string, { certificate: ProviderCertificate; since: number }>();
  /** Since when news travel fast, by the weather and apart from it. */
  #fairSince = 0;
  #lateUntil = 0;
  readonly #gone = new Map<string, number>();
  #sharingSince = 0;
  #writer: Writer | undefined;
  /** What was violated first. */
  violation: Violation | undefined;
  secretWrites = 0;
  statusWrites = 0;

  constructor(o: { pool: Pool; cloud: Cloud; time: VirtualTime; limits: Variation['limits'] }) {
    this.#pool = o.pool;
    this.#cloud = o.cloud;
    this.#time = o.time;
    this.#limits = o.limits;
    o.cloud.onCall = (calls) => this.#look(() => this.#watchRate(calls));
    o.cloud.onDownload = (...event) => this.#look(() => this.#watchDownload(...event));
  }

  /** Throws the first violation, if there is one: inside of an operator it would only be one more error. */
  check = (): void => {
    if (this.violation !== undefined) throw this.violation;
  };

  /** For a while something else may be handed out, or asked for, than what was downloaded before. */
  forgetDownloads(forMs = 60_000): void {
    this.#sharingSince = Math.max(this.#sharingSince, this.#time.elapsed() + forMs);
  }

  /** An operator sends a request. */
  sent(request: Request, { name, machine, operator, ending }: Writer): void {
    this.#look(() => {
      if (request.method === 'GET' || ending || request.path.includes('/events')) return;
      if ((this.#listed.get(machine)?.size ?? 0) < watchedKinds)
        throw new Violation(`${name} writes before its caches are complete: ${request.operation}`);
      if (!operator.leading && !request.path.includes('/leases'))
        throw new Violation(`${name} writes without the lease: ${request.operation}`);
    });
  }

  /** An operator has the answer to a request. */
  answered(request: Request, { machine }: Writer): void {
    if (!request.operation.startsWith('list ')) return;
    this.#listed.set(machine, (this.#listed.get(machine) ?? new Set()).add(request.operation));
  }

  /** An operator sends so many calls to the cloud within a minute. */
  #watchRate(calls: number): void {
    const { requestsPerMinute: most = Infinity } = this.#limits;
    if (calls > most + Math.max(1, most / burstPart))
      throw new Violation(`${calls} calls within a minute, but ${most} are allowed`);
  }

  /** Something that the operator itself takes for a defect. */
  defect(line: string): void {
    this.#look(() => {
      throw new Violation(`a line of the log says: ${line.trim()}`);
    });
  }

  /** An operator's request is about to be carried out. */
  before(request: Request, writer: Writer): void {
    this.#writer = writer;
    this.#look(() => {
      if (request.method === 'GET') return;
      if (/^(?:get|list|watch)/.test(request.operation)) return;
      if (request.method === 'DELETE') throw new Violation(`${writer.name} deletes something: ${request.operation}`);
      const { metadata = {} } = request.body as { metadata?: { uid?: string; resourceVersion?: string } };
      if (request.path.endsWith('/status') && metadata.resourceVersion === undefined)
        throw new Violation(`${writer.name} patches a status without a fence: ${request.operation}`);
      if (!request.path.includes('/secrets/')) return;
      const forced = request.path.includes('force=true') || request.contentType === 'application/merge-patch+json';
      if (forced && (metadata.uid === undefined || metadata.resourceVersion === undefined))
        throw new Violation(`${writer.name} writes a Secret without a fence: ${request.operation}`);
    });
  }

  after(): void {
    this.#writer = undefined;
  }

  /** A version was stored. */
  stored = (version: StoredVersion): void => {
    this.#look(() => {
      const { resource, before, after } = version;
      if (resource.plural === providerCertificates.plural)
        this.#watchCertificate(before as ProviderCertificate | undefined, after as ProviderCertificate | undefined);
      if (resource.plural !== secrets.plural || this.#writer === undefined) return;
      this.secretWrites++;
      this.#watchSecret(before as Secret | undefined, after as Secret | undefined);
    });
  };

  /** News do not travel fast just now. */
  badWeather(): void {
    this.#fairSince = Infinity;
  }

  /** They do again, as soon as watches that broke are taken up again; of silent ones that must be found out first. */
  fairWeather({ silenced }: { silenced: boolean }): void {
    this.#fairSince = this.#time.elapsed() + longestBackoffMs + (silenced ? longestSilenceMs : 0);
  }

  /** They do not for so long. */
  newsLate(forMs: number): void {
    this.#lateUntil = Math.max(this.#lateUntil, this.#time.elapsed() + forMs);
  }

  /** What a Secret holds, when that is one of the pairs that there are. */
  pairIn(secret: Secret | undefined): KnownPair | undefined {
    return this.#pool.pairOf(secret?.data?.['tls.crt'], secret?.data?.['tls.key']);
  }

  #watchSecret(before: Secret | undefined, after: Secret | undefined): void {
    if (after === undefined) throw new Violation(`${this.#writer?.name} removed a Secret`);
    const key = objectKey(after.metadata);
    const changed = JSON.stringify([before?.type, before?.data]) !== JSON.stringify([after.type, after.data]);
    if (before !== undefined && !isOurs(before) && changed && !this.#adoptable.has(key))
      throw new Violation(`${this.#writer?.name} changed Secret ${key}, which belongs to somebody else`);
    if (!changed && before !== undefined && !isOurs(before)) return; // taken for ours for a moment: bytes were equal
    const cleared =
      changed && before !== undefined && !('ca.crt' in (after.data ?? {})) && 'ca.crt' in (before.data ?? {});
    const pair = this.pairIn(after);
    if (pair === undefined) {
      // What others broke is no fault of a write that leaves it alone.
      if (cleared || !changed) return;
      throw new Violation(`${this.#writer?.name} wrote a broken pair to Secret ${key}`);
    }
    if (!changed) return;
    this.#watchWish(key, after);
    const source = after.metadata.annotations?.[secretAnnotations.source] ?? '';
    if (!source.endsWith(` name=${pair.name}`) && !cleared)
      throw new Violation(
        `${this.#writer?.name} wrote the pair of ${pair.name} to Secret ${key}, whose source is ${source}`,
      );
    if (!this.#cloud.hasServed(pair.name, pair.generation))
      throw new Violation(`${this.#writer?.name} wrote a pair that nobody handed out to Secret ${key}`);
  }

  #watchCertificate(before: ProviderCertificate | undefined, after: ProviderCertificate | undefined): void {
    const key = objectKey((after ?? before)?.metadata ?? { name: '' });
    if (after === undefined) {
      this.#certificates.delete(key);
      this.#gone.set(key, this.#time.elapsed());
      return;
    }
    const { metadata, spec, status } = after;
    if (spec?.adoptExisting) this.#adoptable.add(`${metadata.namespace}/${spec.secretName ?? metadata.name}`);
    const changed = before?.metadata.generation !== metadata.generation;
    const since = changed ? this.#time.elapsed() : (this.#certificates.get(key)?.since ?? 0);
    this.#certificates.set(key, { certificate: after, since });
    if (this.#writer === undefined) return;
    this.statusWrites++;
    if ((status?.observedGeneration ?? -1) < (before?.status?.observedGeneration ?? -1))
      throw new Violation(`${this.#writer.name} let the status of ${key} speak of an earlier spec than before`);
    const { name = '' } = spec?.remoteRef ?? {};
    if (!saysNotFound(before) && saysNotFound(after) && this.#cloud.leftOut(name, this.#writer.machine))
      throw new Violation(`${this.#writer.name} took ${name} for gone because one short list lacks it`);
  }

  /** A write that nobody wants any more, although there was time enough to hear of that. */
  #watchWish(secretKey: string, after: Secret): void {
    const holder = after.metadata.annotations?.[secretAnnotations.certificate] ?? '';
    const heardBy = this.#time.elapsed() - newsTakeMs;
    if (Math.max(this.#fairSince, this.#lateUntil) > heardBy - newsTakeMs) return;
    const gone = this.#gone.get(holder);
    const { certificate, since } = this.#certificates.get(holder) ?? {};
    if (certificate === undefined) {
      if (gone !== undefined && gone < heardBy)
        throw new Violation(`${this.#writer?.name} wrote ${secretKey} for ${holder}, which is gone`);
      return;
    }
    const { spec, metadata } = certificate;
    const wanted =
      spec.mode !== 'Observe' &&
      !spec.suspend &&
      `${metadata.namespace}/${spec.secretName ?? metadata.name}` === secretKey;
    if (!wanted && (since ?? 0) < heardBy)
      throw new Violation(`${this.#writer?.name} wrote ${secretKey} for ${holder}, which does not want that`);
  }

  #watchDownload(event: 'begins' | 'gave', machine: Machine, id: string, revision: string): void {
    const { inFlight } = this.#limits;
    if (this.#cloud.mostAtOnce > inFlight)
      throw new Violation(`${this.#cloud.mostAtOnce} calls at once, but ${inFlight} are allowed`);
    const downloaded = this.#downloaded.get(machine) ?? new Map<string, number>();
    this.#downloaded.set(machine, downloaded);
    const key = `${id} ${revision}`;
    if (event === 'gave') downloaded.set(key, this.#time.elapsed());
    const last = downloaded.get(key) ?? -Infinity;
    const shared = last > this.#sharingSince && this.#time.elapsed() - last < sharedForMs;
    if (event === 'begins' && shared && !this.#refreshIsOwed())
      throw new Violation(`${id} was downloaded again after ${this.#time.elapsed() - last} ms`);
  }

  /** Somebody asked for a refresh and was not answered yet: then a download that is under way will not do. */
  #refreshIsOwed(): boolean {
    return this.#certificates.values().some(({ certificate: { metadata, status } }) => {
      const asked = metadata.annotations?.[refreshAnnotation];
      return asked !== undefined && asked !== status?.lastHandledRefresh;
    });
  }

  #look(watch: () => void): void {
    if (this.violation !== undefined) return;
    try {
      watch();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violation = error;
    }
  }
}

function saysNotFound(certificate: ProviderCertificate | undefined): boolean {
  const conditions = certificate?.status?.conditions ?? [];
  return conditions.some(({ type, reason }) => type === 'Synced' && reason === 'CertificateNotFound');
}

/** As the operator sees it: it says so on the Secret, or applied its data. */
export function isOurs({ metadata }: KubeObject): boolean {
  const holder = metadata.annotations?.[secretAnnotations.certificate] ?? '';
  const applied = metadata.managedFields?.some(
    (entry) => entry.manager === fieldManager && entry.operation === 'Apply' && dataKeysOf(entry).length > 0,
  );
  return holder.startsWith(`${metadata.namespace}/`) || applied === true;
}
