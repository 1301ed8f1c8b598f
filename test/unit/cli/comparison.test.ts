import { describe, expect, test } from 'vitest';
import { differences, type Place } from '../../../src/cli/comparison.ts';

const day = 86_400_000;

function place(name: string, fingerprintSHA256: string, issued: number): Place {
  return { name, found: { fingerprintSHA256, notBefore: issued * day, notAfter: (issued + 90) * day } };
}

describe('which one is behind', () => {
  test('nobody, when all have the same', () => {
    expect(differences([place('The provider', 'A', 1), place('Secret a/b', 'A', 1)])).toEqual([]);
  });

  test('whoever has an older one than the newest', () => {
    const places = [place('The provider', 'B', 2), place('Secret a/b', 'B', 2), place('The endpoint x:443', 'A', 1)];
    expect(differences(places)).toEqual([
      'The endpoint x:443 is behind: it has a certificate issued at 1970-01-02T00:00:00Z, the provider has one issued at 1970-01-03T00:00:00Z.',
    ]);
  });

  test('several may be', () => {
    const places = [place('The provider', 'A', 1), place('Secret a/b', 'C', 3), place('The endpoint x:443', 'B', 2)];
    expect(differences(places)).toEqual([
      expect.stringContaining('The provider is behind'),
      expect.stringContaining('The endpoint x:443 is behind'),
    ]);
  });

  test('nobody can tell by equal dates', () => {
    expect(differences([place('The provider', 'A', 1), place('Secret a/b', 'B', 1)])).toEqual([
      'Secret a/b and the provider have different certificates with the same dates.',
    ]);
  });

  test('what is not there is said, and the others are compared', () => {
    const missing = { name: 'Secret a/b', found: { nothing: 'Secret a/b does not exist.' } };
    expect(differences([missing])).toEqual(['Secret a/b does not exist.']);
    expect(differences([place('The provider', 'A', 2), missing, place('The endpoint x:443', 'B', 1)])).toEqual([
      'Secret a/b does not exist.',
      expect.stringContaining('The endpoint x:443 is behind'),
    ]);
  });
});
