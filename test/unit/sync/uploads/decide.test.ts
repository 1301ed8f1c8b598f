import { describe, expect, test } from 'vitest';
import { resolveUploadSpec } from '../../../../src/api/upload.ts';
import { Inventory, type InventoryEntry } from '../../../../src/providers/inventory.ts';
import { type UploadDecision, decideUpload } from '../../../../src/sync/uploads/decide.ts';
import type { UploadSituation } from '../../../../src/sync/uploads/situation.ts';

const hour = 3_600_000;
const now = Date.parse('2026-11-25T12:00:00Z');
const name = 'web-aabbccdd';
const facts = {
  dnsNames: ['www.example.com'],
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprintSHA256: 'AA:BB:CC:DD',
  notBefore: now - hour,
  notAfter: now + 90 * 24 * hour,
  keyAlgorithm: 'P-256',
  chainLength: 2,
};
const made = (n: number) => ({
  id: `id-${n}`,
  name: `web-${n}`,
  fingerprintSHA256: `FF:0${n}`,
  notAfter: '2027-01-01T00:00:00Z',
  uploadTime: '2026-11-01T00:00:00Z',
});
const current = { ...made(0), name, fingerprintSHA256: facts.fingerprintSHA256 };
const entry = (
  { id, name: called }: { id: string; name: string },
  more: Partial<InventoryEntry> = {},
): InventoryEntry => ({
  id,
  name: called,
  revision: 'r',
  ...more,
});
const listed = (...entries: InventoryEntry[]) =>
  new Inventory(entries, { listedAt: now - 60_000, selectors: ['id', 'name'] });
const spec = (fields: object = {}) =>
  resolveUploadSpec({
    providerRef: { name: 'scp' },
    secretRef: { name: 'web' },
    remoteNamePrefix: 'web',
    ...fields,
  });

/** Nothing was ever uploaded: everything below says what is different. */
const first: UploadSituation = {
  now,
  spec: spec(),
  candidate: { name, facts },
  destination: { inventory: listed() },
  ledger: { history: [] },
  unseen: false,
  kept: new Map(),
};
/** Uploaded, and an earlier one stays. */
const settled: UploadSituation = {
  ...first,
  destination: { inventory: listed(entry(current), entry(made(1))) },
  ledger: { uploadName: name, remote: current, history: [current, made(1)] },
};
const outage = { reason: 'ProviderUnavailable', message: 'HTTP 503' } as const;
const setback = { reason: 'UploadRefused', message: 'no', until: now + hour } as const;

const shows = (reason: string, until?: number) =>
  expect.objectContaining({ action: 'none', synced: expect.objectContaining({ reason }), ...(until && { until }) });

describe('an upload', () => {
  test.each<[string, UploadSituation, Partial<UploadSituation>, UploadDecision | ReturnType<typeof shows>]>([
    ['is sent when nothing has its name', first, {}, { action: 'upload' }],
    ['waits for the first list', first, { destination: {} }, shows('Pending')],
    ['waits for a list from after it was sent', first, { unseen: true }, shows('Pending', now + 5_000)],
    [
      'looks at what has its name',
      first,
      { destination: { inventory: listed(entry(current)) } },
      { action: 'identify', entry: entry(current) },
    ],
    [
      'does not take what was deleted for what has its name',
      first,
      {
        destination: {
          inventory: listed(entry(current, { problem: { reason: 'CertificateNotFound', message: 'deleted' } })),
        },
      },
      { action: 'upload' },
    ],
    [
      'does not replace what is revoked',
      first,
      {
        destination: {
          inventory: listed(entry(current, { problem: { reason: 'CertificateRevoked', message: 'revoked' } })),
        },
      },
      shows('NameTaken'),
    ],
    [
      'does not choose between two of its name',
      first,
      { destination: { inventory: listed(entry(current), entry({ ...made(1), name })) } },
      shows('NameTaken'),
    ],
    ['is held back after a refusal', first, { setback }, shows('UploadRefused', now + hour)],
    ['is tried again after that', first, { setback: { ...setback, until: now } }, { action: 'upload' }],
    [
      'shows why the Secret cannot be uploaded',
      first,
      { candidate: { reason: 'KeyMismatch', message: 'm' } },
      shows('KeyMismatch'),
    ],
    [
      'comes back when the certificate begins',
      first,
      { candidate: { reason: 'CertificateNotYetValid', message: 'm', notBefore: now + hour } },
      shows('CertificateNotYetValid', now + hour),
    ],
    [
      'shows a missing provider first',
      first,
      {
        destination: { reason: 'ProviderNotFound', message: 'm' },
        candidate: { reason: 'SecretMissing', message: 'm' },
      },
      shows('ProviderNotFound'),
    ],
    ['says when the cloud takes none', first, { destination: { refusal: 'no uploads' } }, shows('InvalidSpec')],
    [
      'shows a fault of the account',
      first,
      { destination: { inventory: listed(), fault: { ...outage, until: now + 9 } } },
      shows('ProviderUnavailable', now + 9),
    ],
    ['does nothing while suspended', first, { spec: spec({ suspend: true }) }, shows('Suspended')],
    ['is at rest when it is there', settled, {}, shows('Uploaded')],
    ['stays uploaded through an outage', settled, { destination: { fault: outage } }, shows('Uploaded')],
    ['stays uploaded before the first list', settled, { destination: {} }, shows('Uploaded')],
    [
      'is sent again when somebody deleted it',
      settled,
      { destination: { inventory: listed(entry(made(1))) } },
      { action: 'upload' },
    ],
    [
      'is sent again when its id belongs to something else',
      settled,
      { destination: { inventory: listed(entry({ ...current, name: 'other' })) } },
      { action: 'upload' },
    ],
    [
      'is sent when the Secret was renewed',
      settled,
      { candidate: { name: 'web-eeff0011', facts: { ...facts, fingerprintSHA256: 'EE:FF:00:11' } } },
      { action: 'upload' },
    ],
  ])('%s', (_, base, difference, expected) => {
    expect(decideUpload({ ...base, ...difference })).toEqual(expected);
  });
});

describe('earlier certificates', () => {
  const history = [current, made(1), made(2), made(3)];
  const full: UploadSituation = {
    ...settled,
    destination: { inventory: listed(...history.map((one) => entry(one))) },
    ledger: { remote: current, history },
  };
  const deletes = (n: number): UploadDecision => ({ action: 'delete', certificate: made(n) });

  test.each<[string, Partial<UploadSituation>, UploadDecision | ReturnType<typeof shows>]>([
    ['are deleted when they are too many', {}, deletes(2)],
    ['are all deleted with keepPrevious 0', { spec: spec({ keepPrevious: 0 }) }, deletes(1)],
    ['stay as keepPrevious says', { spec: spec({ keepPrevious: 3 }) }, shows('Uploaded')],
    [
      'are counted without the one in use, wherever it stands',
      { ledger: { remote: current, history: [made(1), current, made(2)] } },
      deletes(2),
    ],
    ['are passed over while they are in use', { kept: new Map([['id-2', now + 1]]) }, deletes(3)],
    ['are tried again later', { kept: new Map([['id-2', now]]) }, deletes(2)],
    [
      'are waited for when all are in use',
      {
        kept: new Map([
          ['id-2', now + 7],
          ['id-3', now + 5],
        ]),
      },
      shows('Uploaded', now + 5),
    ],
    [
      'are left alone when another certificate has their id',
      {
        destination: {
          inventory: listed(entry(current), entry({ ...made(2), name: 'somebody-elses' }), entry(made(3))),
        },
      },
      deletes(3),
    ],
    [
      'are left alone during an outage',
      { destination: { inventory: listed(...history.map((one) => entry(one))), fault: outage } },
      shows('Uploaded'),
    ],
    ['are left alone before the first list', { destination: {} }, shows('Uploaded')],
    [
      'are left alone while the Secret cannot be uploaded',
      { candidate: { reason: 'SecretMissing', message: 'm' } },
      shows('SecretMissing'),
    ],
    [
      'are left alone until the new one is there',
      { ledger: { remote: undefined, history } },
      { action: 'identify', entry: entry(current) },
    ],
  ])('%s', (_, difference, expected) => {
    expect(decideUpload({ ...full, ...difference })).toEqual(expected);
  });
});
