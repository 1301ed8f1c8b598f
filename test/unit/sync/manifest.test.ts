import { expect, test } from 'vitest';
import { resolveCertificateSpec, type ProviderCertificate } from '../../../src/api/certificate.ts';
import { carries, managedMetadata, originOf, sourceOf } from '../../../src/sync/manifest.ts';
import { revisionOf } from '../../../src/sync/schedule.ts';
import { facts } from './facts.ts';

const long = `\u202e\n\u001b[2J${'r'.repeat(8_000)}`;

/** What is kept of an entry and a selector, and what is read back of it from the Secret after a restart. */
function kept(name: string, revision: string): { written: Record<string, string>; told: boolean } {
  const spec = resolveCertificateSpec({ providerRef: { name: 'nhn' }, remoteRef: { name } }, 'www');
  const certificate: ProviderCertificate = {
    apiVersion: 'provider-certificates.io/v1alpha1',
    kind: 'ProviderCertificate',
    metadata: { name: 'www', namespace: 'ns', uid: 'u', resourceVersion: '1' },
    spec: { providerRef: { name: 'nhn' }, remoteRef: { name } },
  };
  const [source, now] = [sourceOf(spec, 'ns'), revisionOf({ id: name, name, revision })];
  const wanted = managedMetadata(certificate, spec, { source, revision: now, chainDigest: 'c' }, facts);
  const live = { name: 'www', namespace: 'ns', uid: 's', resourceVersion: '1', ...wanted };
  const origin = originOf(live);
  return {
    written: wanted.annotations,
    told:
      origin?.source === source &&
      origin.revision === now &&
      carries(live, managedMetadata(certificate, spec, origin, facts)),
  };
}

const source = 'provider-certificates.io/source';
const revision = 'provider-certificates.io/revision';

test('ordinary values are written as they always were, so that no Secret is written anew', () => {
  expect(kept('와일드카드 *.example.com', '2026-11-23/2027-11-23')).toMatchObject({
    told: true,
    written: {
      [source]: 'CertificateProvider/ns/nhn name=와일드카드 *.example.com',
      [revision]: '와일드카드 *.example.com@2026-11-23/2027-11-23',
    },
  });
});

test.each([long, 'a\u202eb', `${'x'.repeat(9_000)}`])(
  'what a provider says is cut and escaped, and known again',
  (text) => {
    const { written, told } = kept('www\u202e', text);
    expect(told).toBe(true);
    expect(written[source]).toBe('CertificateProvider/ns/nhn name=www\\u{202e}');
    for (const value of Object.values(written)) {
      expect(value.length).toBeLessThanOrEqual(1_024);
      expect(value).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }
  },
);

test('two revisions that differ after the cut are two', () => {
  const [one, other] = [kept('www', `${long}1`), kept('www', `${long}2`)];
  expect(one.written[revision]).not.toBe(other.written[revision]);
  expect(one.written[revision]?.length).toBeLessThanOrEqual(512); // as much as the status has room for
});
