import { describe, expect, it } from 'vitest';
import { setCondition } from '../../../src/kube/conditions.ts';
import type { Condition } from '../../../src/kube/conditions.ts';
import { excerpt } from '../../../src/kube/excerpt.ts';
import { apiVersionOf, objectKey, secrets, timestamp } from '../../../src/kube/objects.ts';
import type { Resource } from '../../../src/kube/objects.ts';
import { pathOf, queryOf } from '../../../src/kube/paths.ts';
import { Recent } from '../../../src/kube/recent.ts';
import { isNewer } from '../../../src/kube/versions.ts';

const widgets: Resource = { group: 'example.io', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const clusters: Resource = { ...widgets, plural: 'clusters', kind: 'Cluster', namespaced: false };

describe('objects', () => {
  it('have a key with a namespace, or without', () => {
    expect(objectKey({ namespace: 'a', name: 'b' })).toBe('a/b');
    expect(objectKey({ name: 'b' })).toBe('b');
  });

  it('know their apiVersion', () => {
    expect(apiVersionOf(secrets)).toBe('v1');
    expect(apiVersionOf(widgets)).toBe('example.io/v1');
  });

  it('write times as the API server does', () => {
    expect(timestamp(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02T03:04:05Z');
  });
});

describe('paths', () => {
  it.each([
    [secrets, { namespace: 'a', name: 'b' }, undefined, '/api/v1/namespaces/a/secrets/b'],
    [secrets, { namespace: 'a' }, undefined, '/api/v1/namespaces/a/secrets'],
    [secrets, {}, undefined, '/api/v1/secrets'],
    [widgets, { namespace: 'a', name: 'b' }, 'status', '/apis/example.io/v1/namespaces/a/widgets/b/status'],
    [clusters, { namespace: 'ignored', name: 'b' }, undefined, '/apis/example.io/v1/clusters/b'],
  ])('%# follow the scheme of the API', (resource, name, subresource, path) => {
    expect(pathOf(resource, name, subresource)).toBe(path);
  });

  it('cannot be left by a name', () => {
    expect(pathOf(secrets, { namespace: '../..', name: '?a#b/c' })).toBe(
      '/api/v1/namespaces/..%2F../secrets/%3Fa%23b%2Fc',
    );
  });

  it('have a query of what is set', () => {
    expect(queryOf({})).toBe('');
    expect(queryOf({ a: undefined, b: 'x=1,y', c: 5, d: false })).toBe('?b=x%3D1%2Cy&c=5&d=false');
  });
});

describe('resource versions', () => {
  it.each([
    ['9', '10', false],
    ['10', '9', true],
    ['10', '10', false],
    ['123456789012345678901', '123456789012345678900', true],
    ['99999999999999999999', '100000000000000000000', false],
  ])('%s newer than %s: %s', (a, b, newer) => {
    expect(isNewer(a, b)).toBe(newer);
  });
});

describe('conditions', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Valid', message: '', observedGeneration: 1 } as const;
  const before: Condition[] = [
    { ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' },
    { ...ready, type: 'Synced', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ];
  const later = Date.UTC(2026, 5, 1);

  it('start their time when they first appear', () => {
    expect(setCondition([], ready, later)).toEqual([{ ...ready, lastTransitionTime: '2026-06-01T00:00:00Z' }]);
  });

  it('keep their time while only reason, message or generation change', () => {
    const next = { ...ready, reason: 'RemoteValid', message: 'new', observedGeneration: 2 };
    const after = setCondition(before, next, later);
    expect(after).toEqual([{ ...next, lastTransitionTime: '2026-01-01T00:00:00Z' }, before[1]]);
  });

  it('move their time with their status, and stay in their place', () => {
    const next = { ...ready, status: 'False', reason: 'Expired' } as const;
    const after = setCondition(before, next, later);
    expect(after).toEqual([{ ...next, lastTransitionTime: '2026-06-01T00:00:00Z' }, before[1]]);
    expect(before[0]?.status).toBe('True');
  });
});

describe('excerpt', () => {
  it('is one line of bounded length', () => {
    expect(excerpt(' a\r\nb\u2028c\u202ed\u0007 ', 10)).toBe('a b c d');
    expect(excerpt('abcdef'.repeat(9), 10)).toBe('abcdefabc…');
    expect(excerpt(`${'x '.repeat(4)}x😀 more`, 11)).toBe('x x x x x\ufffd…');
  });

  it('leaves out what could be a key', () => {
    const line = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
    expect(excerpt(`before ${line} after`, 200)).toBe('before … after');
  });
});

describe('a map of what is recent', () => {
  it('forgets what was not used for longest', () => {
    const recent = new Recent<string>(2);
    const obtain = (key: string, nth: number): string => recent.obtain(key, () => `${key}${nth}`);
    expect([obtain('a', 1), obtain('b', 2), obtain('a', 3), obtain('c', 4)]).toEqual(['a1', 'b2', 'a1', 'c4']);
    expect([obtain('a', 5), obtain('b', 6), obtain('c', 7)]).toEqual(['a1', 'b6', 'c7']);
  });
});
