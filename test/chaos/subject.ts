import type { SyncedReason } from '../../src/api/reasons.ts';
import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { providerCertificates } from '../../src/api/group.ts';
import { refreshAnnotation, secretAnnotations } from '../../src/api/names.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { apiVersionOf, type Secret, secrets } from '../../src/kube/objects.ts';
import { leafOf, textOf } from '../support/world.ts';
import type { Source } from './source.ts';
import type { Stage } from './stage.ts';

type Spec = ProviderCertificate['spec'];

const { signal } = new AbortController();
/** So often may somebody change a Secret within the time below before the operator calls it a conflict. */
const tolerated = 2;
const remembered = 11 * 60_000;

/** A ProviderCertificate, and what the chaos wants of it. */
export class Subject {
  readonly namespace: string;
  readonly name: string;
  readonly source: Source;
  readonly providerRef: Spec['providerRef'];
  readonly remoteRef: Spec['remoteRef'];
  secretName: string;
  /** Somebody is at it: nobody else shall be. */
  busy = false;
  suspended = false;
  round = 0;
  deletionPolicy: 'Retain' | 'Delete' = 'Retain';
  readonly #stage: Stage;
  #touched: number[] = [];

  constructor(o: Pick<Subject, 'namespace' | 'name' | 'source' | 'providerRef' | 'remoteRef'> & { stage: Stage }) {
    this.namespace = o.namespace;
    this.name = o.name;
    this.source = o.source;
    this.providerRef = o.providerRef;
    this.remoteRef = o.remoteRef;
    this.secretName = o.name;
    this.#stage = o.stage;
  }

  get key(): string {
    return `${this.namespace}/${this.name}`;
  }

  get secretKey(): string {
    return `${this.namespace}/${this.secretName}`;
  }

  /** Creates the object, or makes its spec what is wanted now. */
  async put(): Promise<void> {
    const { namespace, name, providerRef, remoteRef, secretName, source, suspended, round, deletionPolicy } = this;
    const spec: Partial<Spec> = {
      providerRef,
      remoteRef,
      secretName,
      dnsNames: [source.domain],
      suspend: suspended,
      deletionPolicy,
      secretTemplate: { labels: { round: String(round) } },
      ...(source.keyless && { privateKeySecretRef: { name: `${source.name}-key` } }),
    };
    const manifest = {
      apiVersion: apiVersionOf(providerCertificates),
      kind: providerCertificates.kind,
      metadata: { namespace, name },
      spec,
    };
    await this.#stage.client.apply(providerCertificates, manifest, { fieldManager: 'chaos', force: true, signal });
  }

  /** Supplies the key, where it is for the user to do so. */
  async putKey(): Promise<void> {
    const { namespace, source } = this;
    if (source.keyless) await this.#stage.putSecret(namespace, `${source.name}-key`, { 'tls.key': source.key });
  }

  async secret(): Promise<Secret | undefined> {
    const name = { namespace: this.namespace, name: this.secretName };
    return this.#stage.client.get<Secret>(secrets, name, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** Whether somebody may lay hands on the Secret: it is there and right, will be put right, and that is no war yet. */
  async mayTouch(): Promise<boolean> {
    const now = Date.now();
    this.#touched = this.#touched.filter((at) => at > now - remembered);
    const touchable = this.source.remote.kind === 'good' && this.#touched.length < tolerated;
    if (!touchable || !(await this.isWhole())) return false;
    this.#touched.push(now);
    return true;
  }

  /** Whether the Secret is there as the operator wrote it at some time. */
  async isWhole(): Promise<boolean> {
    const secret = await this.secret();
    return secret?.metadata.annotations?.[secretAnnotations.source] !== undefined && this.#isGood(secret);
  }

  /** What is not as it would be without any fault, a line each. */
  problems(found: ProviderCertificate | undefined, secret: Secret | undefined): string[] {
    if (found === undefined) return [`${this.key} does not exist`];
    const { remote } = this.source;
    const { conditions = [], observedGeneration, certificate, lastHandledRefresh } = found.status ?? {};
    const shown = (type: string): string | undefined => conditions.find((condition) => condition.type === type)?.reason;
    const synced: SyncedReason =
      remote.kind === 'good' ? 'Synced' : remote.kind === 'absent' ? 'CertificateNotFound' : remote.reason;
    const problems: string[] = [];
    const expect = (what: string, is: unknown, shall: unknown): void => {
      if (is !== shall) problems.push(`${this.key}: ${what} is ${String(is)}, not ${String(shall)}`);
    };
    expect('observedGeneration', observedGeneration, found.metadata.generation);
    expect('Synced', shown('Synced'), synced);
    expect('Ready', shown('Ready'), secret === undefined ? 'SecretMissing' : 'Valid');
    if (secret === undefined) {
      const written = this.#stage.observer.uids.has(this.secretKey);
      if (remote.kind === 'good' || written) problems.push(`${this.key}: Secret ${this.secretName} is missing`);
      return problems;
    }
    const leaf = leafOf(secret);
    if (remote.kind === 'good') {
      expect('tls.crt', textOf(secret, 'tls.crt'), remote.issued.certificate + remote.issued.chain);
      expect('Expiring', shown('Expiring'), 'NotExpiring');
      expect('lastHandledRefresh', lastHandledRefresh, found.metadata.annotations?.[refreshAnnotation]);
      expect('tls.key', textOf(secret, 'tls.key') === remote.issued.privateKey, true);
    } else if (!this.#isGood(secret)) problems.push(`${this.key}: the Secret holds what was never good`);
    expect('fingerprint', certificate?.fingerprintSHA256, leaf?.fingerprint256);
    expect('label round', secret.metadata.labels?.['round'], String(this.round));
    expect('number of owners', secret.metadata.ownerReferences?.length ?? 0, this.deletionPolicy === 'Delete' ? 1 : 0);
    return problems;
  }

  #isGood(secret: Secret): boolean {
    const [crt, key] = [textOf(secret, 'tls.crt'), textOf(secret, 'tls.key')];
    return this.source.good.some(
      ({ certificate, chain, privateKey }) => crt === certificate + chain && key === privateKey,
    );
  }
}
