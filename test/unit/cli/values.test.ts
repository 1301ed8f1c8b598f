import fc from 'fast-check';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { toJson, toYaml, toYamlStream } from '../../../src/cli/documents.ts';
import { readDuration, roughly } from '../../../src/cli/duration.ts';
import { localNames, objectNamePattern } from '../../../src/cli/names.ts';
import { readSelector } from '../../../src/cli/selector.ts';
import { readEndpoint } from '../../../src/cli/served.ts';
import { providerReference } from '../../../src/cli/source.ts';

const day = 86_400_000;
const anyText = fc.oneof(
  fc.string({ unit: 'binary-ascii' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('\u202e', '\u2028', '\u{e0001}'),
);

describe('durations', () => {
  test.each([
    ['30d', 30 * day],
    ['1h30m', 5_400_000],
    ['0s', 0],
  ])('%s', (text, ms) => expect(readDuration('--expiring', text)).toBe(ms));

  test.each(['', '30', 'd', '-1d', '1w', '1d 2h', '9999999d'])('%j is none', (text) => {
    expect(() => readDuration('--expiring', text)).toThrow(/^--expiring must be a duration/);
  });

  test.each([
    [90 * day, '90d'],
    [47 * 3_600_000, '47h'],
    [90_000, '90s'],
    [0, '0s'],
    [-3 * day, '-3d'],
  ])('%i ms is about %s', (ms, text) => expect(roughly(ms)).toBe(text));
});

describe('names for objects and folders', () => {
  test('read like the names at the provider', () => {
    const names = ['www.example.com', '*.example.com', 'Ünïcode', 'shop_2026'];
    expect([...localNames(names).values()]).toEqual([
      'www-example-com',
      'wildcard-example-com',
      'u-ni-code',
      'shop-2026',
    ]);
  });

  test('stay apart, whatever else there is', () => {
    const [dots, dashes] = [...localNames(['a.b', 'a-b']).values()];
    expect(dots).toMatch(/^a-b-[0-9a-f]{8}$/);
    expect(dashes).toMatch(/^a-b-[0-9a-f]{8}$/);
    expect(dots).not.toBe(dashes);
    expect(localNames(['인증서']).get('인증서')).toMatch(/^certificate-[0-9a-f]{8}$/);
  });

  test('fit Kubernetes and file systems, always', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText, { minLength: 1, maxLength: 5 }), (remote) => {
        const local = [...localNames(remote).values()];
        expect(new Set(local).size).toBe(remote.length);
        for (const name of local) {
          expect(name).toMatch(objectNamePattern);
          expect(name.length).toBeLessThan(64);
        }
      }),
    );
  });
});

describe('documents', () => {
  test('hold the same values, and nothing that a terminal would act upon', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), anyText), (written) => {
        const value = JSON.parse(JSON.stringify(written).replaceAll('__proto__', 'proto')) as object;
        for (const [text, read] of [
          [toJson(value), JSON.parse(toJson(value))],
          [toYaml(value), load(toYaml(value))],
        ] as const) {
          expect(read).toEqual(value);
          expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });

  test('several are a stream', () => {
    expect(toYamlStream([{ a: 1 }, { b: [2] }])).toBe('a: 1\n---\nb:\n  - 2\n');
  });
});

describe('endpoints', () => {
  test.each([
    ['www.example.com', { host: 'www.example.com', port: 443 }],
    ['10.0.0.7:8443', { host: '10.0.0.7', port: 8443 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
  ])('%s', (text, endpoint) => expect(readEndpoint(text)).toEqual(endpoint));

  test.each(['', ':443', 'a:0', 'a:70000', 'https://a', '::1', 'a b'])('%j is none', (text) => {
    expect(() => readEndpoint(text)).toThrow('--endpoint must be HOST:PORT');
  });
});

describe('references', () => {
  test.each([
    ['nhn', { kind: 'CertificateProvider', name: 'nhn' }],
    ['cprov/nhn', { kind: 'CertificateProvider', name: 'nhn' }],
    ['ccprov/shared', { kind: 'ClusterCertificateProvider', name: 'shared' }],
    ['ClusterCertificateProvider/shared', { kind: 'ClusterCertificateProvider', name: 'shared' }],
  ])('%s', (text, ref) => expect(providerReference(text)).toEqual(ref));

  test.each(['', 'pod/nhn', 'cprov/', 'a/b/c', '../x', 'UPPER'])('%j is none', (text) => {
    expect(() => providerReference(text)).toThrow(/must be NAME|cannot be the name/);
  });

  test('a certificate is selected by one thing', () => {
    expect(readSelector({ id: '7' })).toEqual({ id: '7' });
    expect(() => readSelector({})).toThrow('exactly one');
    expect(() => readSelector({ id: '7', name: 'x' })).toThrow('exactly one');
  });
});
