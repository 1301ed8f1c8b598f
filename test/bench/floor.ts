import { randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { Api, type ApiObject } from '../../sandbox/control-plane/api.ts';
import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { manifests } from '../../sandbox/examples.ts';
import { createAuthority, type Issued } from '../../sandbox/pki/index.ts';
import { apiGroup, apiVersion } from '../../src/api/group.ts';
import { type Bench, namesOf } from './bench.ts';
import { Collections } from './collections.ts';
import type { Values } from './measures.ts';
import { parallel } from './parallel.ts';
import { apiServerCpuIn } from './process-usage.ts';

/** What nobody who does the same can be faster than. */
export interface Floor {
  /** N calls to the provider, as many at once as are allowed, in seconds. */
  providerS: number;
  /** N Secrets created and N statuses patched by a bare script, in seconds. */
  apiS: number;
  /** N objects created, which came before that, in seconds. */
  creationS: number;
  /** Everything that a new certificate takes at the API server: the object, the apply, the status and an event. */
  same: Same;
}

interface Work {
  certificate: ApiObject;
  secret: ApiObject;
}

interface Same {
  /** For all of them, in seconds. */
  s: number;
  /** CPU for each, in milliseconds. */
  scriptCpuMs: number;
  apiServerCpuMs: number;
}

/** Measured once for each size in a run, on an API server of its own where nothing else happens. */
export async function floorOf(bench: Bench, n: number): Promise<Floor> {
  const known = bench.floors.get(n);
  if (known) return known;
  bench.say(`floor: ${n}`);
  const providerS = (n * bench.latencyMs) / bench.inFlight / 1_000;
  const floor = { providerS, ...(await bareScript(n, bench.say)) };
  bench.floors.set(n, floor);
  return floor;
}

export function besideFloor({ providerS, apiS, creationS, same }: Floor): Values {
  return {
    floorProviderS: providerS,
    floorApiS: apiS,
    floorCreationS: creationS,
    sameS: same.s,
    sameScriptCpuMs: same.scriptCpuMs,
    sameApiServerCpuMs: same.apiServerCpuMs,
  };
}

/** How many times the higher of the floors something took, and how many times what the same requests take a bare script. */
export function floorRatios({ providerS, apiS, same }: Floor, seconds: number): Values {
  return { floorRatio: seconds / Math.max(providerS, apiS), sameRatio: seconds / Math.max(providerS, same.s) };
}

async function bareScript(n: number, log: (line: string) => void): Promise<Omit<Floor, 'providerS'>> {
  await using controlPlane = await startControlPlane({ log });
  const api = new Api(accessOf(await readFile(controlPlane.adminKubeconfig, 'utf8')));
  try {
    const collections = new Collections(api);
    for (const definition of await manifests('crds')) await collections.apply(definition);
    const issued = await (await (await createAuthority()).intermediate()).issue();
    const workOf = (prefix: string): Work[] =>
      namesOf(n).map((name) => ({
        certificate: certificateNamed(prefix + name, issued),
        secret: secretNamed(prefix + name, issued),
      }));
    const each = (work: readonly Work[], does: (one: Work) => Promise<void>): Promise<number> =>
      seconds(() => parallel(n, async (index) => does(work[index]!)));
    const work = workOf('');
    const creationS = await each(work, ({ certificate }) => collections.create(certificate));
    const apiS = await each(work, async ({ certificate, secret }) => {
      await collections.create(secret);
      await collections.patchStatus(certificate);
    });
    const others = workOf('same-'); // made before anything is measured
    const before = await cpuSeconds(controlPlane);
    const s = await each(others, async ({ certificate, secret }) => {
      await collections.create(certificate);
      await collections.apply(secret);
      await collections.patchStatus(certificate);
      await collections.create(eventAbout(certificate));
    });
    const after = await cpuSeconds(controlPlane);
    const cpuMs = (name: keyof typeof after): number => ((after[name] - before[name]) / n) * 1_000;
    return { creationS, apiS, same: { s, scriptCpuMs: cpuMs('script'), apiServerCpuMs: cpuMs('apiServer') } };
  } finally {
    await api.close();
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const began = Date.now();
  await work();
  return (Date.now() - began) / 1_000;
}

async function cpuSeconds(controlPlane: ControlPlane): Promise<{ script: number; apiServer: number }> {
  const { user, system } = process.cpuUsage();
  return { script: (user + system) / 1e6, apiServer: apiServerCpuIn(await controlPlane.metrics()) };
}

/** As the operator leaves it, in size and shape. */
function certificateNamed(name: string, { certificate }: Issued): ApiObject {
  const { fingerprint256, issuer, serialNumber, validFromDate, validToDate } = new X509Certificate(certificate);
  const [notBefore, notAfter] = [validFromDate, validToDate].map((date) => date.toISOString());
  const message = `Secret ${name} holds what the provider has, valid until ${notAfter}.`;
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message,
    observedGeneration: 1,
    lastTransitionTime: notBefore,
  });
  return {
    apiVersion: `${apiGroup}/${apiVersion}`,
    kind: 'ProviderCertificate',
    metadata: { namespace: 'default', name },
    spec: { providerRef: { name: 'nhn' }, remoteRef: { name } },
    status: {
      observedGeneration: 1,
      conditions: [
        condition('Ready', 'True', 'Valid'),
        condition('Synced', 'True', 'Synced'),
        condition('Expiring', 'False', 'NotExpiring'),
      ],
      message,
      secretName: name,
      certificate: {
        commonName: `${name}.example.com`,
        dnsNames: [`${name}.example.com`],
        issuer,
        serialNumber,
        fingerprintSHA256: fingerprint256,
        notBefore,
        notAfter,
        keyAlgorithm: 'EC P-256',
        chainLength: 2,
      },
      remote: { id: name, name, notAfter, revision: '2026-01-01' },
      syncedRevision: `${name}/2026-01-01`,
      lastSyncTime: notBefore,
      lastCheckTime: notBefore,
    },
  };
}

/** As the operator writes it, in size and shape. */
function secretNamed(name: string, issued: Issued): ApiObject {
  const { fingerprint256, issuer, serialNumber, validFrom, validTo } = new X509Certificate(issued.certificate);
  const prefix = `${apiGroup}/`;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: {
      namespace: 'default',
      name,
      labels: { [`${prefix}managed`]: 'true', 'app.kubernetes.io/managed-by': 'provider-certificates' },
      annotations: {
        [`${prefix}certificate`]: `default/${name}`,
        [`${prefix}source`]: `default/nhn/${name}`,
        [`${prefix}revision`]: `${name}/2026-01-01`,
        [`${prefix}common-name`]: `${name}.example.com`,
        [`${prefix}dns-names`]: `${name}.example.com`,
        [`${prefix}issuer`]: issuer,
        [`${prefix}serial-number`]: serialNumber,
        [`${prefix}fingerprint-sha256`]: fingerprint256,
        [`${prefix}chain-sha256`]: fingerprint256,
        [`${prefix}not-before`]: validFrom,
        [`${prefix}not-after`]: validTo,
      },
    },
    data: {
      'tls.crt': base64(issued.certificate + issued.chain),
      'tls.key': base64(issued.privateKey),
      'ca.crt': base64(issued.root),
    },
  };
}

/** As the operator records it, in size and shape. */
function eventAbout({ apiVersion, kind, metadata: { name } }: ApiObject): ApiObject {
  const time = new Date().toISOString().replace(/\.\d+/, '');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: 'default', name },
    involvedObject: { apiVersion, kind, namespace: 'default', name, uid: randomUUID() },
    type: 'Normal',
    reason: 'Synced',
    message: `Secret ${name} holds what the provider has, valid until ${time}.`,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component: 'provider-certificates', host: 'bench' },
    reportingComponent: 'provider-certificates',
    reportingInstance: 'bench',
  };
}
