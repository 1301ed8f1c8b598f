import { describe, expect, test } from 'vitest';
import { Inventory } from '../../../../src/providers/inventory.ts';
import { found, ledgerOf, stillListed, without } from '../../../../src/sync/uploads/ledger.ts';

const now = Date.parse('2026-11-25T12:00:00Z');
const facts = {
  dnsNames: [],
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprintSHA256: 'AA',
  notBefore: now,
  notAfter: now + 1000,
  keyAlgorithm: 'P-256',
  chainLength: 1,
};
const entry = { id: 'i1', name: 'web-1', revision: 'r' };
const remote = { id: 'i1', name: 'web-1', fingerprintSHA256: 'AA', notAfter: '2026-11-25T12:00:01Z' };
const made = { ...remote, uploadTime: '2026-11-25T12:00:00Z' };

describe('what is found under our name', () => {
  test('was made by us when we had announced it', () => {
    expect(found({ uploadName: 'web-1', history: [] }, entry, facts, now)).toEqual({
      uploadName: 'web-1',
      remote,
      history: [made],
    });
  });

  test('is somebody else’s when we had not: it is used, and never noted as ours', () => {
    for (const uploadName of [undefined, 'web-0'])
      expect(found({ uploadName, history: [] }, entry, facts, now)).toMatchObject({ remote, history: [] });
  });

  test('is noted once', () => {
    const again = found({ uploadName: 'web-2', history: [made] }, entry, facts, now + 5000);
    expect(again.history).toEqual([made]);
  });

  test('stands first, and only 20 are known', () => {
    const before = Array.from({ length: 20 }, (_, n) => ({ ...made, id: `old-${n}` }));
    const { history } = found({ uploadName: 'web-1', history: before }, entry, facts, now);
    expect(history.map(({ id }) => id)).toEqual(['i1', ...before.slice(0, 19).map(({ id }) => id)]);
  });
});

test('a status about another provider object says nothing', () => {
  const status = { provider: 'CertificateProvider/ns/a', uploadName: 'web-1', remote, history: [made] };
  expect(ledgerOf(status, 'CertificateProvider/ns/a')).toEqual({ uploadName: 'web-1', remote, history: [made] });
  expect(ledgerOf(status, 'CertificateProvider/ns/b')).toEqual({ history: [] });
  expect(ledgerOf(undefined, 'CertificateProvider/ns/b')).toEqual({ history: [] });
});

test('what is not listed any more under its id and name leaves the history', () => {
  const inventory = new Inventory(
    [
      entry,
      { ...entry, id: 'i2', name: 'other' },
      { ...entry, id: 'i4', name: 'web-1', problem: { reason: 'CertificateNotFound', message: 'deleted' } },
    ],
    { listedAt: now, selectors: ['name'] },
  );
  const history = ['i1', 'i2', 'i3', 'i4'].map((id) => ({ ...made, id }));
  expect(stillListed({ history }, inventory).history.map(({ id }) => id)).toEqual(['i1']);
  expect(without({ history }, 'i1').history.map(({ id }) => id)).toEqual(['i2', 'i3', 'i4']);
});
