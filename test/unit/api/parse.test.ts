import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { customResourceDefinitions, type SchemaNode } from '../../../src/api/crd.ts';
import {
  type Parsed,
  parseCertificateProvider,
  parseCertificateUpload,
  parseClusterCertificateProvider,
  parseProviderCertificate,
  type RawObject,
} from '../../../src/api/parse.ts';
import { type Document, documents, goodDocuments } from './documents.ts';
import { faultsOf } from '../../support/structural-schema.ts';

const parsers: Record<string, (raw: RawObject) => Parsed<unknown>> = {
  CertificateProvider: parseCertificateProvider,
  ClusterCertificateProvider: parseClusterCertificateProvider,
  ProviderCertificate: parseProviderCertificate,
  CertificateUpload: parseCertificateUpload,
};

const metadata = { namespace: 'team', uid: 'u', resourceVersion: '7', generation: 3 };
const raw = ({ name, spec }: Omit<Document, 'kind'>, status?: unknown): RawObject => ({
  metadata: { name, ...metadata },
  spec,
  status,
});
const parse = (document: Document): Parsed<unknown> => parsers[document.kind]!(raw(document));

const certificate = { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } };
const messageFor = (spec: unknown, name = 'web'): unknown => parseProviderCertificate(raw({ name, spec }));

describe('parse', () => {
  it.each(goodDocuments)('accepts $kind $name as it is', (document) => {
    expect(parse(document)).toEqual({
      value: {
        apiVersion: 'provider-certificates.io/v1alpha1',
        kind: document.kind,
        metadata: { name: document.name, ...metadata },
        spec: document.spec,
      },
    });
  });

  it.each<[unknown, string]>([
    [undefined, 'spec: is required'],
    ['x', 'spec: must be of type object'],
    [{ ...certificate, providerRef: undefined }, 'spec.providerRef: is required'],
    [{ ...certificate, remoteRef: {} }, 'spec.remoteRef: exactly one of name, id and commonName must be set'],
    [{ ...certificate, mode: 'sync' }, 'spec.mode: must be one of Sync, Observe'],
    [{ ...certificate, suspend: 'yes' }, 'spec.suspend: must be of type boolean'],
    [
      { ...certificate, refreshInterval: '1d' },
      'spec.refreshInterval: must be a duration of at least 10m, such as 24h, or 0s for never',
    ],
    [{ ...certificate, refreshInterval: '5m' }, 'spec.refreshInterval: must be a duration of at least 10m'],
    [{ ...certificate, secretName: 'a'.repeat(254) }, 'spec.secretName: must have at most 253 characters'],
    [{ ...certificate, secretName: '' }, 'spec.secretName: must not be empty'],
    [
      { ...certificate, dnsNames: Array.from({ length: 101 }, () => 'a') },
      'spec.dnsNames: must have at most 100 entries',
    ],
    [
      { ...certificate, passphraseSecretRef: { name: 'web' } },
      'spec.passphraseSecretRef.name: must not be the Secret that the certificate is written to (secretName, by default the name of this object)',
    ],
  ])('says in one sentence what is wrong with %j', (spec, message) => {
    expect(messageFor(spec)).toMatchObject({ message: expect.stringContaining(message) });
  });

  it('names three problems and counts the rest', () => {
    expect(messageFor({ providerRef: {}, remoteRef: { name: 5 }, mode: 'x', suspend: 1, allowOlder: 2 })).toEqual({
      message:
        'spec.providerRef.name: is required; spec.remoteRef.name: must be of type string; spec.mode: must be one of Sync, Observe; and 2 more',
    });
  });

  it('takes a status that does not fit for none', () => {
    const parsed = parseProviderCertificate(raw({ name: 'web', spec: certificate }, { observedGeneration: 'three' }));
    expect(parsed).toHaveProperty('value');
    expect(parsed).not.toHaveProperty('value.status');
  });

  it('keeps a status, without fields that it does not know', () => {
    const status = { observedGeneration: 3, secretName: 'web', later: true };
    expect(parseProviderCertificate(raw({ name: 'web', spec: certificate }, status))).toMatchObject({
      value: { status: { observedGeneration: 3, secretName: 'web' } },
    });
  });

  it('ignores fields that it does not know', () => {
    expect(messageFor({ ...certificate, keystores: [] })).toHaveProperty('value.spec', certificate);
  });

  it('never repeats a value', () => {
    const text = 'a value, not to be repeated';
    const spec = {
      ...certificate,
      secretName: text,
      dnsNames: [text],
      refreshInterval: text,
      mode: text,
      suspend: text,
    };
    expect(messageFor(spec)).not.toMatchObject({ message: expect.stringContaining('not to be repeated') });
    expect(messageFor(spec)).toHaveProperty('message');
  });

  it('never accepts what the schema refuses', () => {
    const schemas = new Map<string, SchemaNode>(
      customResourceDefinitions().map(({ spec }) => [
        spec.names.kind,
        spec.versions[0]!.schema.openAPIV3Schema.properties!['spec']!,
      ]),
    );
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(documents, (document) => {
        const accepted = 'value' in parse(document);
        seen[accepted ? 'accepted' : 'refused'] += 1;
        return !accepted || faultsOf(schemas.get(document.kind)!, document.spec, 'spec').length === 0;
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(100);
  });
});
