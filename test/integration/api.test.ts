import * as fc from 'fast-check';
import { join } from 'node:path';
import { pino } from 'pino';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { ProviderCertificateStatus } from '../../src/api/certificate.ts';
import {
  certificateProviders,
  certificateUploads,
  clusterCertificateProviders,
  providerCertificates,
} from '../../src/api/group.ts';
import {
  type Parsed,
  parseCertificateProvider,
  parseCertificateUpload,
  parseClusterCertificateProvider,
  parseProviderCertificate,
  type RawObject,
} from '../../src/api/parse.ts';
import { statusLimits } from '../../src/api/status.ts';
import { systemClock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Transport } from '../../src/kube/transport.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { type Manifest, type Resource, secrets } from '../../src/kube/objects.ts';
import { pathOf, queryOf } from '../../src/kube/paths.ts';
import { kubectl, namespace as newNamespace } from '../support/kubectl.ts';
import { changed, type Document, documents, goodDocuments, templateMaps } from '../unit/api/documents.ts';

const crds = join(import.meta.dirname, '../../crds');
const examples = join(import.meta.dirname, '../../examples');
const logger = pino({ level: 'silent' });
const connection = loadConnection({ kubeconfig: inject('kubeconfig'), logger, clock: systemClock });
const client = new KubeClient(new Transport(connection, { clock: systemClock, logger }), { clock: systemClock });
const { signal } = new AbortController();
let namespace: string;

/** kubectl with words, in the namespace of these tests. */
const run = (words: string, input: object = {}): Promise<string> =>
  kubectl([...words.split(' '), '-n', namespace], { input });

/** The cells of what kubectl prints, line by line. */
async function table(words: string): Promise<string[][]> {
  const lines = (await run(words)).trim().split('\n');
  return lines.map((line) => line.split(/\s{2,}/));
}

const kinds = {
  CertificateProvider: { resource: certificateProviders, parse: parseCertificateProvider },
  ClusterCertificateProvider: { resource: clusterCertificateProviders, parse: parseClusterCertificateProvider },
  ProviderCertificate: { resource: providerCertificates, parse: parseProviderCertificate },
  CertificateUpload: { resource: certificateUploads, parse: parseCertificateUpload },
} satisfies Record<string, { resource: object; parse: (raw: RawObject) => Parsed<unknown> }>;
const kindOf = ({ kind }: Document): (typeof kinds)[keyof typeof kinds] => kinds[kind as keyof typeof kinds];

function manifest({ kind, name, spec }: Document) {
  const metadata = { name, ...(kind.startsWith('Cluster') ? {} : { namespace }) };
  return { apiVersion: 'provider-certificates.io/v1alpha1', kind, metadata, spec };
}

/** What the API server answers to an object that it is to check and not to store. */
async function dryRun(resource: Resource, object: Manifest): Promise<Answer> {
  const { headers, pools } = await connection.obtain();
  const path = pathOf(resource, { namespace: object.metadata.namespace }) + queryOf({ dryRun: 'All' });
  const answer = await request(new URL(path, connection.server), {
    dispatcher: pools.calls,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(object),
  });
  return { status: answer.statusCode, body: await answer.body.json() };
}

interface Answer {
  status: number;
  body: unknown;
}

/** What the API server has against a document: nothing, or the fields and messages of its refusal. */
async function verdict(document: Document): Promise<string[]> {
  const { status, body } = await dryRun(kindOf(document).resource, manifest(document));
  if (status === 201) return [];
  expect(status).toBe(422);
  const { causes } = (body as { details: { causes: { field: string; message: string }[] } }).details;
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

const parse = (document: Document): Parsed<unknown> =>
  kindOf(document).parse({ metadata: { name: document.name, uid: '', resourceVersion: '' }, spec: document.spec });

/** cert-manager's definitions as far as names go: group, plural, kind, scope, short names, categories. */
const certManager = [
  ['cert-manager.io', 'certificates', 'Certificate', 'Namespaced', ['cert', 'certs'], ['cert-manager']],
  ['cert-manager.io', 'certificaterequests', 'CertificateRequest', 'Namespaced', ['cr', 'crs'], ['cert-manager']],
  ['cert-manager.io', 'issuers', 'Issuer', 'Namespaced', [], ['cert-manager']],
  ['cert-manager.io', 'clusterissuers', 'ClusterIssuer', 'Cluster', [], ['cert-manager']],
  ['acme.cert-manager.io', 'orders', 'Order', 'Namespaced', [], ['cert-manager', 'cert-manager-acme']],
  ['acme.cert-manager.io', 'challenges', 'Challenge', 'Namespaced', [], ['cert-manager', 'cert-manager-acme']],
] as const;

const certManagerDefinitions = certManager.map(([group, plural, kind, scope, shortNames, categories]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope,
    names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames, categories },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}));

const own = Object.values(kinds).map(({ resource }) => `${resource.plural}.${resource.group}`);
const foreign = certManagerDefinitions.map(({ metadata }) => metadata.name);

beforeAll(async () => {
  namespace = await newNamespace('api');
  await run('apply --server-side -f -', certManagerDefinitions);
  await run(`apply --server-side --force-conflicts -f ${crds}`);
  await run(`wait --for condition=Established --timeout 60s crd ${[...own, ...foreign].join(' ')}`);
});

afterAll(() => connection.close());

const certificate: Document = {
  kind: 'ProviderCertificate',
  name: 'web',
  spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } },
};
const provider: Document = {
  kind: 'CertificateProvider',
  name: 'nhn',
  spec: { nhn: { credentialsSecretRef: { name: 'c' } } },
};
const scp: Document = {
  kind: 'CertificateProvider',
  name: 'scp',
  spec: { scp: { region: 'kr-west1', credentialsSecretRef: { name: 'c' } } },
};
const cluster: Document = {
  kind: 'ClusterCertificateProvider',
  name: 'nhn',
  spec: {
    nhn: { credentialsSecretRef: { name: 'c', namespace: 'n' } },
    allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } },
  },
};
const upload: Document = {
  kind: 'CertificateUpload',
  name: 'web',
  spec: { providerRef: { name: 'scp' }, secretRef: { name: 'web-tls' }, remoteNamePrefix: 'web' },
};

describe('the definitions', () => {
  it.each(own)('%s is established under the names that it asks for', async (name) => {
    const { status } = JSON.parse(await run(`get crd ${name} -o json`)) as {
      status: { conditions: { type: string; status: string; message: string }[] };
    };
    expect(status.conditions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'NamesAccepted', status: 'True' }),
        expect.objectContaining({ type: 'Established', status: 'True' }),
      ]),
    );
    expect(status.conditions.filter(({ type }) => type === 'NonStructuralSchema')).toEqual([]);
  });

  it('leave the words for cert-manager to cert-manager', async () => {
    await run('create -f -', manifest(certificate));
    const words = ['certificates', 'certificate', 'cert', 'certs', 'cr', 'issuers', 'cert-manager'];
    const found = await Promise.all(words.map((word) => run(`get ${word} -o name`)));
    expect(found).toEqual(words.map(() => ''));
    const ours = 'providercertificate.provider-certificates.io/web\n';
    expect(await run('get pcert -o name')).toBe(ours);
    expect(await run('get provider-certificates -o name')).toBe(ours);
    await run('delete pcert web');
  });

  it('are applied again without a difference', async () => {
    expect(await run(`diff --server-side --force-conflicts -f ${crds}`)).toBe('');
  });

  it.each([
    ['pcert.spec.remoteRef.name', 'The exact name at the provider.'],
    ['cprov.spec.pollInterval', 'Default: 5m; at least 10s.'],
    ['cupload.spec.keepPrevious', 'nothing else is ever deleted'],
    ['ccprov.spec.allowedNamespaces.from', 'those that `selector` matches'],
  ])('explain %s', async (field, text) => {
    expect((await run(`explain ${field}`)).replaceAll(/\s+/g, ' ')).toContain(text);
  });
});

describe('good manifests', () => {
  it.each(goodDocuments)('$kind $name is accepted', async (document) => {
    expect(await verdict(document)).toEqual([]);
    expect(parse(document)).toHaveProperty('value');
  });

  it('get nothing added but the status that says that nobody has looked yet', async () => {
    const { body } = await dryRun(providerCertificates, manifest(certificate));
    expect(body).toMatchObject({ spec: certificate.spec });
    expect(body).toHaveProperty('status', {
      observedGeneration: -1,
      message: 'No operator has looked at this yet: does one run, and does it serve this kind in this namespace?',
    });
  });
});

const oneCloud = 'exactly one of nhn, scp and naver must be set';
const oneSelector = 'exactly one of name, id and commonName must be set';
const objectName = 'must be a Kubernetes object name';
const origin = 'must be an origin such as https://host';
const dnsName = 'must be a DNS name such as www.example.com';
const target = 'must not be the Secret that the certificate is written to';
const reserved = 'must not set provider-certificates.io/*, kubectl.kubernetes.io/*, app.kubernetes.io/managed-by';
const keys = 'keys must be a name of at most 63 letters';
const labelValue = 'must be a label value';
const long = (length: number): string => 'a'.repeat(length);
const many = (length: number): string[] => Array.from({ length }, (_, index) => `a${index}`);

/** A document, the path of the field to change, its value, and what the API server answers: field and message. */
const bad: [Document, string, unknown, string, string][] = [
  [certificate, 'providerRef', undefined, 'spec.providerRef', 'Required value'],
  [certificate, 'providerRef.name', undefined, 'spec.providerRef.name', 'Required value'],
  [certificate, 'providerRef.name', 'NHN', 'spec.providerRef.name', objectName],
  [
    certificate,
    'providerRef.kind',
    'Provider',
    'spec.providerRef.kind',
    'supported values: "CertificateProvider", "ClusterCertificateProvider"',
  ],
  [certificate, 'remoteRef', undefined, 'spec.remoteRef', 'Required value'],
  [certificate, 'remoteRef', {}, 'spec.remoteRef', oneSelector],
  [certificate, 'remoteRef.id', '5', 'spec.remoteRef', oneSelector],
  [certificate, 'remoteRef', { id: '5', commonName: 'a' }, 'spec.remoteRef', oneSelector],
  [certificate, 'remoteRef', { id: 5 }, 'spec.remoteRef.id', 'must be of type string'],
  [certificate, 'remoteRef.name', '', 'spec.remoteRef.name', 'should be at least 1 chars long'],
  [certificate, 'remoteRef.name', '.', 'spec.remoteRef.name', 'must not be "." or ".."'],
  [certificate, 'remoteRef.name', '..', 'spec.remoteRef.name', 'must not be "." or ".."'],
  [certificate, 'remoteRef.name', 'a\u0000b', 'spec.remoteRef.name', 'must not hold control characters'],
  [certificate, 'remoteRef.name', 'a\nb', 'spec.remoteRef.name', 'must not hold control characters'],
  [certificate, 'remoteRef.name', 'a\u0085b', 'spec.remoteRef.name', 'must not hold control characters'],
  [certificate, 'remoteRef.name', long(254), 'spec.remoteRef.name', 'may not be more than 253'],
  [certificate, 'secretName', 'a_b', 'spec.secretName', objectName],
  [certificate, 'secretName', 'a..b', 'spec.secretName', objectName],
  [certificate, 'secretName', long(254), 'spec.secretName', 'may not be more than 253'],
  [
    certificate,
    'secretTemplate.labels',
    { 'provider-certificates.io/managed': 'x' },
    'spec.secretTemplate.labels',
    reserved,
  ],
  [
    certificate,
    'secretTemplate.labels',
    { 'app.kubernetes.io/managed-by': 'x' },
    'spec.secretTemplate.labels',
    reserved,
  ],
  [
    certificate,
    'secretTemplate.annotations',
    { 'kubectl.kubernetes.io/x': '' },
    'spec.secretTemplate.annotations',
    reserved,
  ],
  [
    certificate,
    'secretTemplate.annotations',
    { 'provider-certificates.io/source': '' },
    'spec.secretTemplate.annotations',
    reserved,
  ],
  [certificate, 'secretTemplate.labels', { 'a/b/c': 'x' }, 'spec.secretTemplate.labels', keys],
  [certificate, 'secretTemplate.labels', { [long(64)]: 'x' }, 'spec.secretTemplate.labels', keys],
  [certificate, 'secretTemplate.labels', { [`${long(254)}/x`]: 'x' }, 'spec.secretTemplate.labels', keys],
  [certificate, 'secretTemplate.labels', { 'Example.com/x': 'x' }, 'spec.secretTemplate.labels', keys],
  [certificate, 'secretTemplate.annotations', { '-a': 'x' }, 'spec.secretTemplate.annotations', keys],
  [certificate, 'secretTemplate.labels', { a: 'x y' }, 'spec.secretTemplate.labels[a]', labelValue],
  [certificate, 'secretTemplate.labels', { a: long(64) }, 'spec.secretTemplate.labels.a', 'may not be more than 63'],
  [
    certificate,
    'secretTemplate.annotations',
    { a: long(2049) },
    'spec.secretTemplate.annotations.a',
    'may not be more than 2048',
  ],
  [
    certificate,
    'secretTemplate.annotations',
    Object.fromEntries(many(17).map((key) => [key, ''])),
    'spec.secretTemplate.annotations',
    'must have at most 16 items',
  ],
  [certificate, 'mode', 'sync', 'spec.mode', 'supported values: "Sync", "Observe"'],
  [certificate, 'privateKeySecretRef', { name: 'web' }, 'spec.privateKeySecretRef.name', target],
  [certificate, 'passphraseSecretRef', { name: 'web' }, 'spec.passphraseSecretRef.name', target],
  [
    changed(certificate, ['secretName'], 'tls'),
    'privateKeySecretRef',
    { name: 'tls' },
    'spec.privateKeySecretRef.name',
    target,
  ],
  [
    certificate,
    'privateKeySecretRef',
    { name: 'k', key: 'a/b' },
    'spec.privateKeySecretRef.key',
    'must be a key of a Secret',
  ],
  [certificate, 'dnsNames', ['www.*.com'], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', ['a', 'w*.example.com'], 'spec.dnsNames[1]', dnsName],
  [certificate, 'dnsNames', ['*'], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', ['example.com.'], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', ['예시.com'], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', ['10.0.0.1'], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', [`${long(64)}.com`], 'spec.dnsNames[0]', dnsName],
  [certificate, 'dnsNames', many(101), 'spec.dnsNames', 'must have at most 100 items'],
  [certificate, 'caCertificate', 'include', 'spec.caCertificate', 'supported values: "Include", "Omit"'],
  [certificate, 'deletionPolicy', 'Orphan', 'spec.deletionPolicy', 'supported values: "Retain", "Delete"'],
  [
    certificate,
    'refreshInterval',
    '5m',
    'spec.refreshInterval',
    'must be a duration of at least 10m, such as 24h, or 0s for never',
  ],
  [certificate, 'refreshInterval', '1d', 'spec.refreshInterval', 'must be a duration of at least 10m'],
  [certificate, 'refreshInterval', 3600, 'spec.refreshInterval', 'must be of type string'],
  [certificate, 'suspend', 'true', 'spec.suspend', 'must be of type boolean'],
  [upload, 'secretRef', undefined, 'spec.secretRef', 'Required value'],
  [upload, 'secretRef.name', 'a_b', 'spec.secretRef.name', objectName],
  [upload, 'remoteNamePrefix', undefined, 'spec.remoteNamePrefix', 'Required value'],
  [upload, 'remoteNamePrefix', '', 'spec.remoteNamePrefix', 'should be at least 1 chars long'],
  [upload, 'remoteNamePrefix', long(22), 'spec.remoteNamePrefix', 'may not be more than 21'],
  [upload, 'remoteNamePrefix', '1st', 'spec.remoteNamePrefix', 'must begin with a letter'],
  [upload, 'remoteNamePrefix', 'a_b', 'spec.remoteNamePrefix', 'letters, digits and "-" only'],
  [upload, 'keepPrevious', -1, 'spec.keepPrevious', 'should be greater than or equal to 0'],
  [upload, 'keepPrevious', 11, 'spec.keepPrevious', 'should be less than or equal to 10'],
  [upload, 'scp', { timezone: '../etc' }, 'spec.scp.timezone', 'must be a time zone such as Asia/Seoul or UTC'],
  [upload, 'scp', { recipients: [{ userId: '1' }] }, 'spec.scp.recipients[0].userName', 'Required value'],
  [upload, 'scp', { tags: { '': 'x' } }, 'spec.scp.tags', 'keys must have 1 to 128 characters'],
  [upload, 'scp', { tags: { a: long(257) } }, 'spec.scp.tags.a', 'may not be more than 256'],
  [provider, 'nhn', undefined, 'spec', oneCloud],
  [provider, 'naver', { credentialsSecretRef: { name: 'c' } }, 'spec', oneCloud],
  [provider, 'nhn.credentialsSecretRef', undefined, 'spec.nhn.credentialsSecretRef', 'Required value'],
  [provider, 'nhn.credentialsSecretRef.name', 'C', 'spec.nhn.credentialsSecretRef.name', objectName],
  [provider, 'nhn.apiVersion', 'v1.2', 'spec.nhn.apiVersion', 'supported values: "v1.1", "v1.3"'],
  [provider, 'nhn.tokenEndpoint', 'https://host', 'spec.nhn', 'tokenEndpoint is used with apiVersion v1.3 only'],
  [provider, 'nhn.endpoint', 'https://host/path', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'https://host/', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'https://user@host', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'https://host?x=1', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'ftp://host', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'host:443', 'spec.nhn.endpoint', origin],
  [provider, 'nhn.endpoint', 'https://host:65536', 'spec.nhn.endpoint', origin],
  [provider, 'pollInterval', '9s', 'spec.pollInterval', 'must be a duration of at least 10s, such as 30s'],
  [provider, 'pollInterval', '0s', 'spec.pollInterval', 'must be a duration of at least 10s, such as 30s'],
  [provider, 'pollInterval', '1.5h', 'spec.pollInterval', 'must be a duration of at least 10s'],
  [provider, 'pollInterval', '9999999h', 'spec.pollInterval', 'must be a duration of at least 10s'],
  [provider, 'limits.inFlight', 0, 'spec.limits.inFlight', 'should be greater than or equal to 1'],
  [provider, 'limits.inFlight', 1.5, 'spec.limits.inFlight', 'must be of type int64'],
  [
    provider,
    'limits.requestsPerMinute',
    60_001,
    'spec.limits.requestsPerMinute',
    'should be less than or equal to 60000',
  ],
  [provider, 'caBundle', 'MIIB', 'spec.caBundle', 'must hold PEM certificates'],
  [provider, 'caBundle', '-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----', 'spec.caBundle', 'no private key'],
  [
    changed(provider, ['caBundle'], '-----BEGIN CERTIFICATE-----'),
    'caBundleRef',
    { name: 'ca', key: 'ca.crt' },
    'spec',
    'caBundle and caBundleRef must not both be set',
  ],
  [provider, 'caBundleRef', { name: 'ca' }, 'spec.caBundleRef.key', 'Required value'],
  [scp, 'scp.region', undefined, 'spec.scp', 'region or endpoint must be set'],
  [scp, 'scp.region', 'kr_west', 'spec.scp.region', 'must be a region of Samsung Cloud Platform such as kr-west1'],
  [scp, 'scp.environment', 'x', 'spec.scp.environment', 'supported values: "s", "g", "e"'],
  [cluster, 'allowedNamespaces', undefined, 'spec.allowedNamespaces', 'Required value'],
  [
    cluster,
    'nhn.credentialsSecretRef.namespace',
    undefined,
    'spec.nhn.credentialsSecretRef.namespace',
    'Required value',
  ],
  [
    cluster,
    'nhn.credentialsSecretRef.namespace',
    'a.b',
    'spec.nhn.credentialsSecretRef.namespace',
    'must be a namespace name',
  ],
  [
    cluster,
    'allowedNamespaces.from',
    'All',
    'spec.allowedNamespaces',
    'selector must be set with from: Selector, and only there',
  ],
  [
    cluster,
    'allowedNamespaces.selector',
    undefined,
    'spec.allowedNamespaces',
    'selector must be set with from: Selector, and only there',
  ],
  [
    cluster,
    'allowedNamespaces.selector',
    {},
    'spec.allowedNamespaces.selector',
    'must not be empty; to allow every namespace write from: All',
  ],
  [cluster, 'allowedNamespaces.selector', { matchLabels: {} }, 'spec.allowedNamespaces.selector', 'must not be empty'],
  [
    cluster,
    'allowedNamespaces.selector.matchLabels',
    { 'a b': '' },
    'spec.allowedNamespaces.selector.matchLabels',
    keys,
  ],
  [
    cluster,
    'allowedNamespaces.selector.matchExpressions',
    [{ key: 'a', operator: 'In' }],
    'spec.allowedNamespaces.selector.matchExpressions[0]',
    'values must be given with In and NotIn',
  ],
  [
    cluster,
    'allowedNamespaces.selector.matchExpressions',
    [{ key: 'a', operator: 'Exists', values: ['b'] }],
    'spec.allowedNamespaces.selector.matchExpressions[0]',
    'values must be given with In and NotIn',
  ],
  [cluster, 'allowedCertificates', [], 'spec.allowedCertificates', 'should have at least 1 items'],
];

describe('bad manifests', () => {
  const cases = bad.map(([document, path, value, field, message]) => ({ document, path, value, field, message }));
  it.each(cases)('$document.kind with $path: $value is refused', async ({ document, path, value, field, message }) => {
    const changedDocument = changed(document, path.split('.'), value);
    expect(await verdict(document)).toEqual([]);
    expect(await verdict(changedDocument)).toContainEqual(expect.stringMatching(startingWith(field, message)));
    expect(parse(changedDocument)).toMatchObject({ message: expect.stringContaining('spec') });
  });

  it('are refused by kubectl when a field is misspelt', async () => {
    const misspelt = changed(certificate, ['remoteRef'], { nmae: 'www' });
    await expect(run('apply -f -', manifest(misspelt))).rejects.toThrow('unknown field "spec.remoteRef.nmae"');
  });
});

/** `field: …message…` */
function startingWith(field: string, message: string): RegExp {
  return new RegExp(`^${RegExp.escape(field)}: .*${RegExp.escape(message)}`, 's');
}

it('the API server and we refuse the same documents', async () => {
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(documents, async (document) => {
      const accepted = (await verdict(document)).length === 0;
      seen[accepted ? 'accepted' : 'refused'] += 1;
      return accepted === 'value' in parse(document);
    }),
    { numRuns: 300 },
  );
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(30);
});

it('a secretTemplate that is accepted cannot make the Secret be refused', async () => {
  let written = 0;
  const property = fc.asyncProperty(templateMaps, templateMaps, async (labels, annotations) => {
    if (!('value' in parse(changed(certificate, ['secretTemplate'], { labels, annotations })))) return;
    const metadata = { name: 'tls', namespace, labels, annotations };
    const { status, body } = await dryRun(secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    expect(body).toMatchObject({ kind: 'Secret' });
    expect(status).toBe(201);
    written += 1;
  });
  await fc.assert(property, { numRuns: 300 });
  expect(written).toBeGreaterThan(30);
});

describe('examples', () => {
  it.each([
    ['apply', 'diff'],
    ['apply --server-side', 'diff --server-side'],
  ])('are taken by "kubectl %s", again without a difference', async (apply, diff) => {
    const applied = await run(`${apply} -R -f ${examples}`);
    expect(applied.trim().split('\n').length).toBeGreaterThan(6);
    expect(await run(`${diff} -R -f ${examples}`)).toBe('');
    await run(`delete -R -f ${examples}`);
  });
});

describe('kubectl get', () => {
  const dn = 'CN=Example CA, O=Example';
  const status: ProviderCertificateStatus = {
    observedGeneration: 1,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Valid',
        message: 'Fine.',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
    message: 'Secret web holds what the provider has.',
    secretName: 'web',
    certificate: { notAfter: '2099-01-01T00:00:00Z', issuer: dn, serialNumber: '0A' },
  };

  beforeAll(async () => {
    await client.create(providerCertificates, manifest(certificate), { signal });
    await client.create(certificateProviders, manifest(provider), { signal });
  });

  it('shows certificates', async () => {
    await client.mergePatch(
      providerCertificates,
      manifest(certificate).metadata,
      { status },
      { subresource: 'status', signal },
    );
    const [header, row] = await table('get pcert web');
    expect(header).toEqual(['NAME', 'READY', 'EXPIRES', 'SECRET', 'STATUS', 'AGE']);
    expect(row!.slice(0, 5)).toEqual(['web', 'True', '2099-01-01T00:00:00Z', 'web', status.message]);
    const [wideHeader, wideRow] = await table('get pcert web -o wide');
    expect(wideHeader!.slice(5)).toEqual(['AGE', 'PROVIDER', 'ISSUER', 'SERIAL']);
    expect(wideRow!.slice(6)).toEqual(['nhn', dn, '0A']);
  });

  it('shows providers', async () => {
    const ready = { ...status.conditions![0]!, status: 'False' };
    const providerStatus = {
      type: 'NHN',
      certificates: 42,
      message: 'HTTP 503',
      lastCheckTime: '2026-01-01T00:00:00Z',
      conditions: [ready],
    };
    await client.mergePatch(
      certificateProviders,
      manifest(provider).metadata,
      { status: providerStatus },
      { subresource: 'status', signal },
    );
    const [header, row] = await table('get cprov nhn');
    expect(header).toEqual(['NAME', 'READY', 'TYPE', 'CERTIFICATES', 'CHECKED', 'MESSAGE', 'AGE']);
    expect(row!.slice(0, 4)).toEqual(['nhn', 'False', 'NHN', '42']);
    expect(row![5]).toBe('HTTP 503');
  });

  it('a status at its limits is accepted', async () => {
    const name = '가'.repeat(statusLimits.name);
    const condition = { ...status.conditions![0]!, message: '가'.repeat(statusLimits.conditionMessage) };
    const largest: ProviderCertificateStatus = {
      ...status,
      conditions: ['Ready', 'Synced', 'Expiring'].map((type) => Object.assign({}, condition, { type })),
      message: '가'.repeat(statusLimits.message),
      certificate: {
        commonName: name,
        issuer: '가'.repeat(statusLimits.issuer),
        dnsNames: Array.from({ length: statusLimits.dnsNames + 1 }, () => name),
      },
      remote: { id: name, name, state: name, notAfter: name, revision: name },
      syncedRevision: '가'.repeat(statusLimits.revision),
      lastHandledRefresh: name,
    };
    const patched = await client.mergePatch(
      providerCertificates,
      manifest(certificate).metadata,
      { status: largest },
      { subresource: 'status', signal },
    );
    expect(patched).toMatchObject({ status: largest });
  });
});
