import * as fc from 'fast-check';
import { customResourceDefinitions, type SchemaNode } from '../../../src/api/crd.ts';

/** A manifest without what all have in common. */
export interface Document {
  kind: string;
  name: string;
  spec: unknown;
}

const credentialsSecretRef = { name: 'credentials' };
const clusterRef = { namespace: 'certificates', name: 'credentials' };
export const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** Good documents that between them use every field. */
export const goodDocuments: readonly Document[] = [
  { kind: 'CertificateProvider', name: 'least', spec: { nhn: { credentialsSecretRef } } },
  {
    kind: 'CertificateProvider',
    name: 'nhn',
    spec: {
      nhn: {
        apiVersion: 'v1.3',
        endpoint: 'http://127.0.0.1:8443',
        tokenEndpoint: 'https://oauth.internal',
        credentialsSecretRef,
      },
      pollInterval: '10s',
      limits: { requestsPerMinute: 600, inFlight: 64 },
      caBundle: pem,
    },
  },
  {
    kind: 'CertificateProvider',
    name: 'scp',
    spec: {
      scp: { region: 'kr-west1', environment: 'g', apiVersion: 'v1.1', credentialsSecretRef },
      pollInterval: '1h30m',
      caBundleRef: { name: 'ca', key: 'ca.crt' },
    },
  },
  {
    kind: 'CertificateProvider',
    name: 'naver',
    spec: { naver: { zone: 'gov', apiVersion: 'v2', endpoint: 'https://Gateway.Example', credentialsSecretRef } },
  },
  {
    kind: 'ClusterCertificateProvider',
    name: 'all',
    spec: {
      scp: { endpoint: 'https://scp.internal:65535', credentialsSecretRef: clusterRef },
      caBundleRef: { ...clusterRef, key: 'ca.crt' },
      allowedNamespaces: { from: 'All' },
      allowedCertificates: ['team-a-*', '*'],
    },
  },
  {
    kind: 'ClusterCertificateProvider',
    name: 'selected',
    spec: {
      nhn: { credentialsSecretRef: clusterRef },
      allowedNamespaces: {
        from: 'Selector',
        selector: {
          matchLabels: { 'example.com/team': 'edge', plain: '' },
          matchExpressions: [
            { key: 'env', operator: 'In', values: ['prod'] },
            { key: 'example.com/env', operator: 'Exists' },
          ],
        },
      },
    },
  },
  { kind: 'ProviderCertificate', name: 'least', spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } } },
  {
    kind: 'ProviderCertificate',
    name: 'most',
    spec: {
      providerRef: { name: 'nhn', kind: 'ClusterCertificateProvider' },
      remoteRef: { name: '*.예시.com' },
      secretName: 'www-example-com-tls',
      secretTemplate: {
        labels: { team: 'edge', 'example.com/x': '' },
        annotations: { 'example.com/note': 'an\nnote 😀' },
      },
      mode: 'Sync',
      privateKeySecretRef: { name: 'most', key: 'key.pem' },
      passphraseSecretRef: { name: 'most' },
      dnsNames: ['www.example.com', '*.Example.com', 'localhost', 'xn--9n2bp8q.xn--3e0b707e'],
      allowOlder: true,
      allowIncompleteChain: true,
      adoptExisting: true,
      caCertificate: 'Omit',
      deletionPolicy: 'Delete',
      refreshInterval: '10m',
      suspend: true,
    },
  },
  {
    kind: 'ProviderCertificate',
    name: 'observed',
    spec: {
      providerRef: { name: 'scp' },
      remoteRef: { commonName: 'www.example.com' },
      mode: 'Observe',
      privateKeySecretRef: { name: 'observed' },
      refreshInterval: '0s',
    },
  },
  {
    kind: 'CertificateUpload',
    name: 'least',
    spec: { providerRef: { name: 'scp' }, secretRef: { name: 'www-tls' }, remoteNamePrefix: 'w' },
  },
  {
    kind: 'CertificateUpload',
    name: 'most',
    spec: {
      providerRef: { name: 'scp', kind: 'ClusterCertificateProvider' },
      secretRef: { name: 'www.example.com-tls' },
      remoteNamePrefix: 'www-example-com-shop1',
      scp: {
        timezone: 'Asia/Seoul',
        recipients: [
          { userId: '0fdd87', userName: '홍길동', region: 'kr-west1' },
          { userId: '1', userName: 'one' },
        ],
        tags: { team: 'edge', 비어: '' },
      },
      keepPrevious: 0,
      suspend: true,
    },
  },
  { kind: 'ProviderCertificate', name: 'by-id', spec: { providerRef: { name: 'scp' }, remoteRef: { id: '0fdd87' } } },
];

/** Values that are good for one field and bad for another, separated by white space. */
const words = `
  . .. ... a A a.b a..b a- -a a_b 😀 é * *.
  least most observed credentials www-example-com-tls kr-west1 kr-west v1.3 Selector Sync In Exists
  0s 0m0s 9s 10s 9m59s 10m 600s 1h 1.5h 1d 5 s -10m 10M 999999h 9999999h 1s1s1s1s1s1s1s1s1s
  https://host http://host:1 https://host/ https://host:0 https://host:65536 https://u@host https://1.2.3.4 https://1.2.3
  https://1.2.3.256:443 ftp://host HTTPS://host https://host?x https://-a https://a.b-.c https://[::1] https://
  www.example.com *.example.com www.*.com *a.com example.com. 10.0.0.1 3com.example a.1b ex_ample.com
  provider-certificates.io/x kubectl.kubernetes.io/y app.kubernetes.io/managed-by app.kubernetes.io/name
  example.com/ /a a/b/c`;

const strings: readonly string[] = words
  .trim()
  .split(/\s+/)
  .concat(
    // Texts that hold white space or control characters.
    [
      '',
      'a b',
      '\u0000',
      'a\tb',
      'a\nb',
      'a\n',
      '\u0085',
      pem,
      '-----BEGIN RSA PRIVATE KEY-----',
      `${pem}-----BEGIN PRIVATE KEY-----`,
    ],
    // Texts at and beyond the longest; long ones that the API server counts in another way than JavaScript.
    [2, 15, 16, 17, 32, 63, 64, 253, 254, 300, 317, 2048, 2049].map((length) => 'a'.repeat(length)),
    [63, 253, 254].map((length) => '😀'.repeat(length)),
    [253, 254].map((length) => `${'a'.repeat(length)}/a`),
    [`${`${'a'.repeat(63)}.`.repeat(3)}example.com`],
  );

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...strings) },
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const map = fc.dictionary(fc.constantFrom(...strings), fc.oneof(text, fc.constant(1)), {
  maxKeys: 17,
  noNullPrototype: true,
});
/** Labels or annotations. */
export const templateMaps: fc.Arbitrary<Record<string, string>> = fc.dictionary(fc.constantFrom(...strings), text, {
  maxKeys: 3,
  noNullPrototype: true,
});

/** Never null: the API server drops a field that is null before it checks anything. */
const value = fc.oneof(
  { weight: 5, arbitrary: text },
  fc.constantFrom(undefined, true, false, 0, 1, -1, 1.5, 64, 256, 257, 60_000, 60_001, {}, []),
  fc.array(text, { maxLength: 3 }),
  fc.constantFrom(65, 101).map((length) => Array.from({ length }, (_, index) => `a${index}`)),
  map,
);

/** The path of every field of a schema; lists are entered at their first entry. */
function fieldPaths(node: SchemaNode, path: readonly string[] = []): string[][] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, field]) => fieldPaths(field, [...path, name]));
  const entries = node.items ? fieldPaths(node.items, [...path, '0']) : [];
  return [[...path], ...below, ...entries];
}

const paths = new Map<string, string[][]>(
  customResourceDefinitions().map(({ spec }) => [
    spec.names.kind,
    fieldPaths(spec.versions[0]!.schema.openAPIV3Schema.properties!['spec']!).filter((path) => path.length > 0),
  ]),
);

type Container = Record<string, unknown>;

/** A copy with another value at the path; `undefined` removes it. Missing parents are made. */
export function changed(document: Document, path: readonly string[], value: unknown): Document {
  const copy = structuredClone(document);
  let node = copy.spec as Container;
  for (const [index, step] of path.slice(0, -1).entries()) {
    if (typeof node[step] !== 'object' || node[step] === null) node[step] = path[index + 1] === '0' ? [] : {};
    node = node[step] as Container;
  }
  const last = path.at(-1)!;
  if (value === undefined) delete node[last];
  else node[last] = value;
  return copy;
}

/** Good documents with up to three fields changed to anything. */
export const documents: fc.Arbitrary<Document> = fc
  .constantFrom(...goodDocuments)
  .chain((good) =>
    fc
      .array(fc.tuple(fc.constantFrom(...paths.get(good.kind)!), value), { maxLength: 3 })
      .map((changes) => changes.reduce((document, [path, value]) => changed(document, path, value), good)),
  );
