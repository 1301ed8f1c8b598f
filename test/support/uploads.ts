import { randomBytes } from 'node:crypto';

import { type NaverSimulator, startNaverSimulator } from '../../sandbox/providers/naver/simulator.ts';
import { type ScpSimulator, startScpSimulator } from '../../sandbox/providers/scp/simulator.ts';
import type { Issued } from '../../sandbox/pki/index.ts';
import { certificateUploads } from '../../src/api/group.ts';
import { refreshAnnotation } from '../../src/api/names.ts';
import type { UploadReadyReason, UploadSyncedReason } from '../../src/api/reasons.ts';
import type { CertificateUpload } from '../../src/api/upload.ts';
import { apiVersionOf } from '../../src/kube/objects.ts';
import { canary } from './canaries.ts';
import { eventually } from './eventually.ts';
import { type World, world } from './world.ts';

type Spec = CertificateUpload['spec'];
const patience = { timeoutMs: 90_000, intervalMs: 250 };
const { signal } = new AbortController();

/** A world with an account at each cloud that takes uploads: the provider objects are called scp and naver. */
export class UploadWorld implements AsyncDisposable {
  readonly world: World;
  readonly scp: ScpSimulator;
  readonly naver: NaverSimulator;

  private constructor(parts: { world: World; scp: ScpSimulator; naver: NaverSimulator }) {
    this.world = parts.world;
    this.scp = parts.scp;
    this.naver = parts.naver;
  }

  static async start(options: Parameters<typeof world>[0] = {}): Promise<UploadWorld> {
    const w = await world({ uploads: true, ...options });
    const [scpKey, naverKey] = [accessKey(), accessKey()];
    const [scp, naver] = [await startScpSimulator(scpKey), await startNaverSimulator(naverKey)];
    await w.putSecret('scp-credentials', { ...scpKey });
    await w.putSecret('naver-credentials', { ...naverKey });
    const at = (name: string, { url }: { url: string }) => ({
      endpoint: url,
      credentialsSecretRef: { name: `${name}-credentials` },
    });
    await w.provider('scp', scp, { nhn: undefined, scp: { region: 'kr-west1', ...at('scp', scp) } });
    await w.provider('naver', naver, { nhn: undefined, naver: at('naver', naver) });
    return new UploadWorld({ world: w, scp, naver });
  }

  /** A new certificate in a TLS Secret, as an issuer in the cluster would put it there. */
  async issueInto(secret: string, host = `${secret}.example.com`): Promise<Issued> {
    const issued = await this.world.issue(secret, { dnsNames: [host] });
    await this.put(secret, issued);
    return issued;
  }

  async put(secret: string, { certificate, chain, privateKey }: Issued): Promise<void> {
    const data = { 'tls.crt': certificate + chain, 'tls.key': privateKey };
    await this.world.putSecret(secret, data, { type: 'kubernetes.io/tls', manager: 'cert-manager' });
  }

  /** Creates a CertificateUpload of the Secret of the same name; by default to scp, with its name as prefix. */
  create(name: string, spec: Partial<Spec> = {}): Promise<CertificateUpload> {
    return this.world.client.create<CertificateUpload>(
      certificateUploads,
      {
        apiVersion: apiVersionOf(certificateUploads),
        kind: certificateUploads.kind,
        metadata: { namespace: this.world.namespace, name },
        spec: { providerRef: { name: 'scp' }, secretRef: { name }, remoteNamePrefix: name, ...spec },
      },
      { signal },
    );
  }

  get(name: string): Promise<CertificateUpload> {
    return this.world.client.get(certificateUploads, this.#named(name), { signal });
  }

  patch(name: string, patch: object): Promise<CertificateUpload> {
    return this.world.client.mergePatch(certificateUploads, this.#named(name), patch, { signal });
  }

  refresh(name: string): Promise<CertificateUpload> {
    return this.patch(name, { metadata: { annotations: { [refreshAnnotation]: randomBytes(4).toString('hex') } } });
  }

  delete(name: string): Promise<void> {
    return this.world.client.delete(certificateUploads, this.#named(name), { signal });
  }

  /** Waits until it is Ready and Synced for these reasons, and the status is about the spec as it is. */
  async until(
    name: string,
    { ready, synced }: { ready?: UploadReadyReason; synced: UploadSyncedReason },
    check: (upload: CertificateUpload) => void = () => {},
  ): Promise<CertificateUpload & { status: NonNullable<CertificateUpload['status']> }> {
    return eventually(async () => {
      const upload = await this.get(name);
      const { status = {} } = upload;
      const is = Object.fromEntries((status.conditions ?? []).map(({ type, reason }) => [type, reason]));
      const late = status.observedGeneration !== upload.metadata.generation;
      if (late || is['Synced'] !== synced || (ready !== undefined && is['Ready'] !== ready))
        throw new Error(`CertificateUpload ${name} is ${is['Ready']}, ${is['Synced']}: ${status.message}`);
      check(upload);
      return { ...upload, status };
    }, patience);
  }

  /** Waits until the certificate of the Secret is at the provider, as the status says. */
  uploaded(
    name: string,
    { fingerprint256 }: { fingerprint256: string },
  ): Promise<CertificateUpload & { status: NonNullable<CertificateUpload['status']> }> {
    return this.until(name, { ready: 'Valid', synced: 'Uploaded' }, ({ status }) => {
      if (status?.remote?.fingerprintSHA256 !== fingerprint256) throw new Error(`${name} holds another certificate`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    for (const simulator of [this.scp, this.naver]) await simulator[Symbol.asyncDispose]();
  }

  #named(name: string): { namespace: string; name: string } {
    return { namespace: this.world.namespace, name };
  }
}

function accessKey(): { accessKey: string; secretKey: string } {
  const key = { accessKey: `ak${randomBytes(8).toString('hex')}`, secretKey: `sk${randomBytes(12).toString('hex')}` };
  canary(key.secretKey);
  return key;
}
