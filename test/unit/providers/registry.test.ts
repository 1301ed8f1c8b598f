import { expect, test } from 'vitest';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import type { ProviderSpec, ProviderType } from '../../../src/providers/provider.ts';
import { providerFor, providers } from '../../../src/providers/registry.ts';

test.each<[ProviderSpec, ProviderType, string, string[]]>([
  [{ nhn: {} }, 'NHN', 'v1.1', ['https://certmanager.api.nhncloudservice.com']],
  [
    { nhn: { apiVersion: 'v1.3' } },
    'NHN',
    'v1.3',
    ['https://certmanager.api.nhncloudservice.com', 'https://oauth.api.nhncloudservice.com'],
  ],
  [{ scp: { region: 'kr-west1' } }, 'SCP', 'v1.2', ['https://certificatemanager.kr-west1.e.samsungsdscloud.com']],
  [
    { scp: { region: 'kr-south1', environment: 'g', apiVersion: 'v1.0' } },
    'SCP',
    'v1.0',
    ['https://certificatemanager.kr-south1.g.samsungsdscloud.com'],
  ],
  [{ naver: {} }, 'NAVER', 'v1', ['https://certificatemanager.apigw.ntruss.com']],
  [{ naver: { zone: 'gov', apiVersion: 'v2' } }, 'NAVER', 'v2', ['https://certificatemanager.apigw.gov-ntruss.com']],
  [{ naver: { zone: 'fin' } }, 'NAVER', 'v1', ['https://certificatemanager.apigw.fin-ntruss.com']],
])('%j is %s %s at hosts that are always allowed', (spec, type, version, endpoints) => {
  const provider = providerFor(spec);
  expect([provider.type, provider.apiVersion(spec), provider.endpoints(spec)]).toEqual([type, version, endpoints]);
  for (const endpoint of endpoints) expect(new Endpoints().check(endpoint)).toBeUndefined();
});

test.each<[ProviderSpec, string[]]>([
  [{ nhn: { endpoint: 'https://host:1/' } }, ['https://host:1']],
  [{ nhn: { apiVersion: 'v1.3', endpoint: 'https://a/', tokenEndpoint: 'https://b/' } }, ['https://a', 'https://b']],
  [{ scp: { region: 'kr-west1', endpoint: 'https://host/' } }, ['https://host']],
  [{ naver: { endpoint: 'https://host' } }, ['https://host']],
])('%j is asked where it says', (spec, endpoints) => {
  expect(providerFor(spec).endpoints(spec)).toEqual(endpoints);
});

test('a spec for nobody is a defect of the caller', () => {
  expect(() => providerFor({})).toThrow('exactly one provider');
});

test('only what is past its end is said to be so', () => {
  const told = (['v1.2', 'v1.1', 'v1.0'] as const).map((apiVersion) => {
    const spec = { scp: { region: 'kr-west1', apiVersion } };
    return providerFor(spec).deprecation?.(spec);
  });
  expect(told).toEqual([undefined, expect.stringContaining('2026-08-31'), expect.stringContaining('2026-05-31')]);
});

test('hosts that only look like those of a provider are not built in', () => {
  for (const host of [
    'certificatemanager.kr-west1.x.samsungsdscloud.com',
    'certificatemanager.kr-west1.e.samsungsdscloud.com.evil.example',
    'evil.certificatemanager.kr-west1.e.samsungsdscloud.com',
    'certificatemanager.KR-west1.e.samsungsdscloud.com',
    'certificatemanager.a.b.e.samsungsdscloud.com',
    'certificatemanager.apigw.ntruss.com.evil.example',
    'ntruss.com',
  ]) {
    expect(providers.some((provider) => provider.isBuiltIn(host))).toBe(false);
  }
});
