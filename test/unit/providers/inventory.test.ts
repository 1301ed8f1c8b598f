import { describe, expect, test } from 'vitest';
import { differs, Inventory, type InventoryEntry, type RemoteRef } from '../../../src/providers/inventory.ts';

const entry = (id: string, o: Partial<InventoryEntry> = {}): InventoryEntry => ({ id, name: id, revision: '1', ...o });
const inventory = (...entries: InventoryEntry[]): Inventory =>
  new Inventory(entries, { listedAt: 0, selectors: ['name', 'id'] });

const composed = '\u00e9';
const decomposed = 'e\u0301';

test('selects by name and by id', () => {
  const list = inventory(entry('1', { name: 'a' }), entry('2', { name: 'b' }));
  expect(list.size).toBe(2);
  expect(list.find({ name: 'b' })).toEqual({ entry: entry('2', { name: 'b' }) });
  expect(list.find({ id: '1' })).toEqual({ entry: entry('1', { name: 'a' }) });
  expect(list.find({ id: '3' })).toMatchObject({ reason: 'CertificateNotFound' });
  expect(list.find({ name: 'A' })).toMatchObject({ reason: 'CertificateNotFound' });
  expect(list.find({ name: '__proto__' })).toMatchObject({ reason: 'CertificateNotFound' });
});

test('names are the same however their characters are composed, but the one written alike comes first', () => {
  expect(inventory(entry(decomposed)).find({ name: composed })).toEqual({ entry: entry(decomposed) });
  const twins = inventory(entry(decomposed), entry(composed));
  expect(twins.find({ name: composed })).toEqual({ entry: entry(composed) });
  expect(twins.find({ name: decomposed })).toEqual({ entry: entry(decomposed) });
});

test('several with one name are ambiguous', () => {
  const list = inventory(entry('1', { name: 'a' }), entry('2', { name: 'a' }));
  expect(list.find({ name: 'a' })).toMatchObject({
    reason: 'Ambiguous',
    message: expect.stringContaining('2 certificates'),
  });
});

test('of several with one name, those with a problem do not count as long as there are others', () => {
  const revoked = { reason: 'CertificateRevoked', message: 'revoked' } as const;
  const twin = entry('1', { name: 'a', problem: revoked });
  expect(inventory(twin, entry('2', { name: 'a' })).find({ name: 'a' })).toMatchObject({ entry: { id: '2' } });
  expect(inventory(twin, entry('2', { name: 'a', problem: revoked })).find({ name: 'a' })).toMatchObject({
    reason: 'Ambiguous',
  });
});

test.each<RemoteRef>([{}, { commonName: 'a' }, { name: 'a', id: 'a' }])('%j does not fit', (ref) => {
  expect(inventory(entry('a')).find(ref)).toMatchObject({
    reason: 'InvalidSpec',
    message: expect.stringContaining('name or id'),
  });
});

test('what is missing has neither its id nor its name left', () => {
  const before = inventory(entry('1', { name: 'a' }), entry('2', { name: 'b' }), entry('3', { name: 'c' }));
  const after = inventory(entry('1', { name: 'renamed' }), entry('9', { name: 'b' }));
  expect(before.missingFrom(after).map(({ name }) => name)).toEqual(['c']);
});

test('selections differ when the entry or the reason does', () => {
  const selection = inventory(entry('a')).find({ name: 'a' });
  expect(differs(selection, inventory(entry('b'), entry('a')).find({ name: 'a' }))).toBe(false);
  expect(differs(selection, inventory(entry('a', { revision: '2' })).find({ name: 'a' }))).toBe(true);
  expect(differs(selection, inventory(entry('a', { state: 'EXPIRED' })).find({ name: 'a' }))).toBe(true);
  expect(differs(selection, inventory().find({ name: 'a' }))).toBe(true);
  expect(differs(undefined, selection)).toBe(true);
});

describe('of several with one common name', () => {
  const now = Date.UTC(2026, 5, 1);
  const select = (...entries: InventoryEntry[]): string | undefined => {
    const list = new Inventory(entries, { listedAt: now, selectors: ['commonName'] });
    const found = list.find({ commonName: 'WWW.example.com' });
    return 'entry' in found ? found.entry.id : found.reason;
  };
  const named = (id: string, o: Partial<InventoryEntry> = {}): InventoryEntry =>
    entry(id, { commonName: 'www.Example.com', notBefore: '2026-01-01T00:00:00Z', ...o });
  const revoked = { reason: 'CertificateRevoked', message: 'revoked' } as const;
  const [ended, soon, later] = ['2026-05-31T23:59:59Z', '2026-07-01T00:00:00Z', '2026-08-01T00:00:00Z'];

  test.each<[string, InventoryEntry[], string]>([
    ['none is none', [entry('1', { commonName: 'example.com' }), entry('2')], 'CertificateNotFound'],
    ['the one that ends last', [named('1', { notAfter: soon }), named('2', { notAfter: later })], '2'],
    [
      'the one that was made last, when both end alike',
      [named('2', { notAfter: soon }), named('1', { notAfter: soon })],
      '2',
    ],
    [
      'not one that has begun only by name',
      [named('1', { notAfter: soon }), named('2', { notBefore: soon, notAfter: later })],
      '1',
    ],
    [
      'not one with a problem',
      [named('1', { notAfter: soon }), named('2', { notAfter: later, problem: revoked })],
      '1',
    ],
    ['not one in a bad state', [named('1', { notAfter: soon }), named('2', { notAfter: later, usable: false })], '1'],
    ['one that has ended, when that is all there is', [named('1', { notAfter: ended })], '1'],
    [
      'the last of those that have ended',
      [named('1', { notAfter: '2020-01-01' }), named('2', { notAfter: ended })],
      '2',
    ],
    [
      'one with a problem, which tells why',
      [named('1', { notAfter: ended }), named('2', { notAfter: soon, problem: revoked })],
      '2',
    ],
    ['one without dates, rather than none', [named('1'), named('2', { notAfter: ended })], '1'],
    ['one with dates that make no sense', [named('1', { notBefore: 'x', notAfter: 'y' })], '1'],
  ])('%s', (_, entries, expected) => {
    expect(select(...entries)).toBe(expected);
  });
});
