import { describe, expect, it } from 'vitest';
import { resolveCertificateSpec } from '../../../src/api/certificate.ts';
import {
  parseCertificateProvider,
  parseClusterCertificateProvider,
  parseProviderCertificate,
  type RawObject,
} from '../../../src/api/parse.ts';
import { type ProviderSettings, resolveProvider } from '../../../src/api/provider.ts';
import { goodDocuments, pem } from './documents.ts';

function find(kind: string, name: string): RawObject {
  const { spec } = goodDocuments.find((document) => document.kind === kind && document.name === name)!;
  return { metadata: { name, namespace: 'team', uid: 'u', resourceVersion: '1' }, spec };
}

const settingsOf = (name: string) => {
  const parsed = parseProviderCertificate(find('ProviderCertificate', name));
  if (!('value' in parsed)) throw new Error(parsed.message);
  return resolveCertificateSpec(parsed.value.spec, parsed.value.metadata.name);
};

function providerSettings(kind: 'CertificateProvider' | 'ClusterCertificateProvider', name: string): ProviderSettings {
  const parse = kind === 'CertificateProvider' ? parseCertificateProvider : parseClusterCertificateProvider;
  const parsed = parse(find(kind, name));
  if (!('value' in parsed)) throw new Error(parsed.message);
  return resolveProvider(parsed.value);
}

describe('resolveCertificateSpec', () => {
  it('fills in every default', () => {
    expect(settingsOf('least')).toEqual({
      providerRef: { kind: 'CertificateProvider', name: 'nhn' },
      remoteRef: { name: 'www' },
      mode: 'Sync',
      secretName: 'least',
      labels: {},
      annotations: {},
      dnsNames: [],
      allowOlder: false,
      allowIncompleteChain: false,
      adoptExisting: false,
      caCertificate: 'Include',
      deletionPolicy: 'Retain',
      refreshIntervalMs: 24 * 3_600_000,
      suspend: false,
    });
  });

  it('keeps what is given', () => {
    expect(settingsOf('most')).toEqual({
      providerRef: { kind: 'ClusterCertificateProvider', name: 'nhn' },
      remoteRef: { name: '*.예시.com' },
      mode: 'Sync',
      secretName: 'www-example-com-tls',
      labels: { team: 'edge', 'example.com/x': '' },
      annotations: { 'example.com/note': 'an\nnote 😀' },
      privateKeySecretRef: { name: 'most', key: 'key.pem' },
      passphraseSecretRef: { name: 'most', key: 'passphrase' },
      dnsNames: ['www.example.com', '*.Example.com', 'localhost', 'xn--9n2bp8q.xn--3e0b707e'],
      allowOlder: true,
      allowIncompleteChain: true,
      adoptExisting: true,
      caCertificate: 'Omit',
      deletionPolicy: 'Delete',
      refreshIntervalMs: 600_000,
      suspend: true,
    });
  });

  it('knows never, and the default key of a private key', () => {
    expect(settingsOf('observed')).toMatchObject({
      mode: 'Observe',
      refreshIntervalMs: 0,
      privateKeySecretRef: { name: 'observed', key: 'tls.key' },
    });
  });
});

describe('resolveProvider', () => {
  it('fills in every default, and the namespace of the object', () => {
    expect(providerSettings('CertificateProvider', 'least')).toEqual({
      type: 'NHN',
      nhn: { apiVersion: 'v1.1' },
      credentialsSecretRef: { namespace: 'team', name: 'credentials' },
      pollIntervalMs: 300_000,
      inFlight: 64,
    });
  });

  it('keeps what is given', () => {
    expect(providerSettings('CertificateProvider', 'nhn')).toEqual({
      type: 'NHN',
      nhn: { apiVersion: 'v1.3', endpoint: 'http://127.0.0.1:8443', tokenEndpoint: 'https://oauth.internal' },
      credentialsSecretRef: { namespace: 'team', name: 'credentials' },
      caBundle: pem,
      pollIntervalMs: 10_000,
      requestsPerMinute: 600,
      inFlight: 64,
    });
  });

  it('knows the other clouds', () => {
    expect(providerSettings('CertificateProvider', 'scp')).toMatchObject({
      type: 'SCP',
      scp: { apiVersion: 'v1.1', environment: 'g', region: 'kr-west1' },
      caBundleRef: { namespace: 'team', name: 'ca', key: 'ca.crt' },
      pollIntervalMs: 5_400_000,
    });
    expect(providerSettings('ClusterCertificateProvider', 'all')).toMatchObject({
      type: 'SCP',
      scp: { apiVersion: 'v1.2', environment: 'e', endpoint: 'https://scp.internal:65535' },
    });
    expect(providerSettings('CertificateProvider', 'naver')).toMatchObject({
      type: 'NAVER',
      naver: { apiVersion: 'v2', zone: 'gov', endpoint: 'https://Gateway.Example' },
    });
  });

  it('keeps references and consent of a cluster provider', () => {
    expect(providerSettings('ClusterCertificateProvider', 'all')).toMatchObject({
      credentialsSecretRef: { namespace: 'certificates', name: 'credentials' },
      caBundleRef: { namespace: 'certificates', name: 'credentials', key: 'ca.crt' },
      consent: { from: 'All' },
      allowedCertificates: ['team-a-*', '*'],
    });
    expect(providerSettings('ClusterCertificateProvider', 'selected').consent).toMatchObject({
      from: 'Selector',
      selector: { matchLabels: { 'example.com/team': 'edge' } },
    });
    expect(providerSettings('CertificateProvider', 'least')).not.toHaveProperty('consent');
  });
});
