import { describe, expect, test } from 'vitest';
import { resolveCertificateSpec } from '../../../src/api/certificate.ts';
import { type Decision, decide } from '../../../src/sync/decide.ts';
import { refreshDue } from '../../../src/sync/schedule.ts';
import type { Situation } from '../../../src/sync/situation.ts';
import type { ForeignTarget, OwnTarget } from '../../../src/sync/target.ts';

const hour = 3_600_000;
const now = Date.parse('2026-11-23T12:00:00Z');
const source = 'CertificateProvider/ns/nhn name=www.example.com';
const entry = { id: 'www.example.com', name: 'www.example.com', revision: 'r1' };
const facts = {
  dnsNames: ['www.example.com'],
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprintSHA256: 'AA',
  notBefore: now - 24 * hour,
  notAfter: now + 1000 * hour,
  keyAlgorithm: 'P-256',
  chainLength: 2,
};
const content = { intact: true as const, facts, chainDigest: 'cc' };
const origin = { holder: 'ns/www', source, revision: 'www.example.com@r1', fingerprintSHA256: 'AA', chainDigest: 'cc' };
const metadata = { name: 'www', namespace: 'ns', uid: 'u', resourceVersion: '1' };
const own: OwnTarget = { ours: true, metadata, origin, content };
const foreign: ForeignTarget = { ours: false, metadata, manager: 'kubectl', lookAgainAt: now + hour };
const fault = { reason: 'ProviderUnavailable', message: 'HTTP 503' } as const;
const answer = { selection: { entry }, lastGood: now - 60_000, pollIntervalMs: 300_000 };
/** Listed by a provider that hands out no bytes of it. */
const withheld = { ...entry, withheld: { message: 'metadata only', serialNumber: '01' } };
const setback = { reason: 'KeyMismatch', message: 'no key fits', until: now + hour } as const;
const contest = { until: now + hour, message: 'kubectl keeps changing it' };

const spec = (fields: object = {}) =>
  resolveCertificateSpec({ providerRef: { name: 'nhn' }, remoteRef: { name: 'www.example.com' }, ...fields }, 'www');

/** A Secret in order, proved equal an hour ago: everything below says what is different. */
const settled: Situation = {
  now,
  spec: spec(),
  source,
  target: own,
  metadataInOrder: true,
  provider: answer,
  proof: { revision: 'www.example.com@r1', at: now - hour },
  shown: 'Synced',
  generationSeen: true,
  writtenBefore: true,
  refreshWanted: false,
};
const fresh: Partial<Situation> = {
  target: undefined,
  proof: undefined,
  shown: undefined,
  generationSeen: false,
  writtenBefore: false,
  metadataInOrder: false,
};

const shows = (reason: string, until?: number) =>
  expect.objectContaining({
    action: 'none',
    synced: expect.objectContaining({ reason }),
    ...(until === undefined ? {} : { until }),
  });
const download = (o: object = {}) => expect.objectContaining({ action: 'download', ...o });
const unchanged = (until?: number): Decision => ({ action: 'none', synced: 'unchanged', until });

const syncCases: [name: string, difference: Partial<Situation>, expected: unknown][] = [
  ['nothing to do', {}, shows('Synced')],
  ['what was refused is downloaded again when its time has come', { setback: { ...setback, until: now } }, download()],
  ['a new object is downloaded for', fresh, download({ urgent: true, repair: false })],
  [
    'suspend goes before everything',
    { ...fresh, spec: spec({ suspend: true }), provider: { ...answer, fault } },
    shows('Suspended'),
  ],
  ['the Secret of another certificate', { heldBy: 'ns/other' }, shows('SecretConflict')],
  ['no provider object', { provider: { reason: 'ProviderNotFound', message: 'none' } }, shows('ProviderNotFound')],
  [
    'no consent: not even metadata are written',
    { metadataInOrder: false, provider: { reason: 'NamespaceNotAllowed', message: 'no' } },
    shows('NamespaceNotAllowed'),
  ],

  ['a foreign Secret', { target: foreign, writtenBefore: false }, shows('SecretConflict', now + hour)],
  [
    'a foreign Secret that may be adopted',
    { target: { ...foreign, adoption: { content } }, writtenBefore: false, spec: spec({ adoptExisting: true }) },
    download({ repair: false }),
  ],
  [
    'a foreign Secret that may not be adopted',
    {
      target: { ...foreign, adoption: { refused: 'Helm manages it' } },
      writtenBefore: false,
      spec: spec({ adoptExisting: true }),
    },
    shows('SecretConflict'),
  ],
  [
    'adoption acts once',
    { target: { ...foreign, adoption: { content } }, spec: spec({ adoptExisting: true }) },
    shows('SecretConflict'),
  ],

  [
    'changed metadata need no download',
    { metadataInOrder: false, generationSeen: false },
    { action: 'rewrite', repair: false },
  ],
  [
    'and no provider that works',
    { metadataInOrder: false, generationSeen: false, provider: { ...answer, fault } },
    { action: 'rewrite', repair: false },
  ],
  [
    'metadata, while nothing is known of the provider object, not even whether it may be used',
    { metadataInOrder: false, provider: { lastGood: now, pollIntervalMs: 0, unopened: true } },
    unchanged(),
  ],
  ['metadata that somebody else changed', { metadataInOrder: false }, { action: 'rewrite', repair: true }],
  [
    'changed metadata that the API server would not take before, when their time has come',
    { metadataInOrder: false, setback: { reason: 'SecretWriteFailed', message: 'HTTP 500', until: now } },
    { action: 'rewrite', repair: false },
  ],
  ['metadata in a write war', { metadataInOrder: false, contest }, shows('SecretConflict', contest.until)],
  [
    'a spec change in a write war is written',
    { metadataInOrder: false, generationSeen: false, contest },
    { action: 'rewrite', repair: false },
  ],
  [
    'the API server would not take the last write',
    { metadataInOrder: false, setback: { ...setback, reason: 'SecretWriteFailed' } },
    shows('SecretWriteFailed', setback.until),
  ],

  [
    'an outage does not show on a good certificate',
    { provider: { ...answer, fault } },
    unchanged(answer.lastGood + 15 * 60_000),
  ],
  [
    'nor within three polls',
    { provider: { ...answer, fault, pollIntervalMs: hour, lastGood: now - 2 * hour } },
    unchanged(now + hour),
  ],
  [
    'what only downloads meet is of no concern where none is needed',
    { provider: { ...answer, fault: { ...fault, until: now + 5000 } } },
    shows('Synced'),
  ],
  [
    'where one is needed it is waited for, without a word',
    { refreshWanted: true, provider: { ...answer, fault: { ...fault, until: now + 5000 } } },
    unchanged(now + 5000),
  ],
  [
    'unless it lasts',
    { refreshWanted: true, provider: { ...answer, lastGood: now - hour, fault: { ...fault, until: now + 5000 } } },
    shows('ProviderUnavailable', now + 5000),
  ],
  [
    'or there is nothing yet',
    { ...fresh, provider: { ...answer, fault: { ...fault, until: now + 5000 } } },
    shows('ProviderUnavailable', now + 5000),
  ],
  ['it shows when it lasts', { provider: { ...answer, fault, lastGood: now - hour } }, shows('ProviderUnavailable')],
  [
    'it shows at once on a certificate without a pair',
    { ...fresh, provider: { ...answer, fault } },
    shows('ProviderUnavailable'),
  ],
  [
    'it shows at once after a change of the spec',
    { generationSeen: false, provider: { ...answer, fault } },
    shows('ProviderUnavailable'),
  ],
  [
    'it shows on a broken Secret',
    { target: { ...own, content: { intact: false, message: 'empty' } }, provider: { ...answer, fault } },
    shows('ProviderUnavailable'),
  ],

  [
    'an outage shows where only the cluster had been in the way',
    { provider: { ...answer, fault }, shown: 'CredentialsMissing' },
    shows('ProviderUnavailable'),
  ],
  [
    'another fault shows where one is shown',
    { provider: { ...answer, fault }, shown: 'AuthenticationFailed' },
    shows('ProviderUnavailable'),
  ],
  ['before the first inventory', { ...fresh, provider: { ...answer, selection: undefined } }, shows('Pending')],
  [
    'before the first inventory after a restart',
    { provider: { ...answer, selection: undefined } },
    { action: 'none', synced: 'unchanged' },
  ],
  [
    'before the first inventory of a provider that was missing',
    { provider: { ...answer, selection: undefined }, shown: 'ProviderNotFound' },
    shows('Pending'),
  ],
  [
    'before the first inventory for another spec',
    { provider: { ...answer, selection: undefined }, generationSeen: false },
    shows('Pending'),
  ],
  [
    'no such certificate',
    { provider: { ...answer, selection: { reason: 'CertificateNotFound', message: 'none' } } },
    shows('CertificateNotFound'),
  ],
  ['several', { provider: { ...answer, selection: { reason: 'Ambiguous', message: '2' } } }, shows('Ambiguous')],
  [
    'revoked',
    {
      provider: {
        ...answer,
        selection: { entry: { ...entry, problem: { reason: 'CertificateRevoked', message: 'revoked' } } },
      },
    },
    shows('CertificateRevoked'),
  ],
  [
    'only listed: nothing could be written',
    { ...fresh, provider: { ...answer, selection: { entry: withheld } } },
    shows('CertificateUnavailable'),
  ],
  [
    'only listed from now on, and the Secret is kept',
    { refreshWanted: true, provider: { ...answer, selection: { entry: { ...withheld, revision: 'r2' } } } },
    shows('CertificateUnavailable'),
  ],
  [
    'only listed, and revoked, which says more',
    {
      provider: {
        ...answer,
        selection: { entry: { ...withheld, problem: { reason: 'CertificateRevoked', message: 'revoked' } } },
      },
    },
    shows('CertificateRevoked'),
  ],

  ['a refusal is remembered', { setback, proof: undefined }, shows('KeyMismatch', setback.until)],
  ['but not for ever', { setback: { ...setback, until: now }, proof: undefined }, download()],

  ['a deleted Secret', { target: undefined, proof: undefined }, download({ repair: true, urgent: true })],
  ['a deleted Secret in a write war', { target: undefined, proof: undefined, contest }, shows('SecretConflict')],
  [
    'a broken Secret, even in a write war',
    { target: { ...own, content: { intact: false, message: 'empty' } }, contest },
    download({ repair: true, urgent: true }),
  ],
  [
    'an edited Secret',
    { target: { ...own, origin: { ...origin, fingerprintSHA256: 'BB' } } },
    download({ repair: true }),
  ],
  ['an edited chain', { target: { ...own, origin: { ...origin, chainDigest: 'dd' } } }, download({ repair: true })],
  [
    'an edited Secret in a write war',
    { target: { ...own, origin: { ...origin, chainDigest: 'dd' } }, contest },
    shows('SecretConflict'),
  ],
  ['another source', { source: 'CertificateProvider/ns/nhn name=other' }, download({ repair: false, urgent: true })],
  ['names that are not covered', { spec: spec({ dnsNames: ['api.example.com'] }) }, download()],
  [
    'ca.crt is no longer wanted',
    { spec: spec({ caCertificate: 'Omit' }), target: { ...own, content: { ...content, caDigest: 'd' } } },
    download(),
  ],
  ['ca.crt is wanted again', { judgedCaCertificate: 'Omit' }, download()],
  ['no ca.crt, and a bundle that has none', { judgedCaCertificate: 'Include' }, shows('Synced')],
  ['no ca.crt, which this status has judged before a restart', {}, shows('Synced')],
  ['no ca.crt, and whoever wrote the Secret may not have wanted it', { generationSeen: false }, download()],
  ['no ca.crt, and this spec was never followed', { shown: 'SecretWriteFailed' }, download()],
  [
    'no ca.crt, which is not wanted anyway',
    { spec: spec({ caCertificate: 'Omit' }), generationSeen: false },
    shows('Synced'),
  ],
  [
    'a renewal',
    { provider: { ...answer, selection: { entry: { ...entry, revision: 'r2' } } } },
    download({ repair: false, urgent: false }),
  ],
  ['never proved', { proof: undefined }, download()],
  ['a refresh that was asked for', { refreshWanted: true }, download()],
  ['a refresh that is due', { proof: { revision: 'www.example.com@r1', at: now - 24 * hour } }, download()],
  [
    'a proof from before the clock was set back',
    { proof: { revision: 'www.example.com@r1', at: now + hour + 1 } },
    download(),
  ],
  [
    'the same where nothing is ever refreshed',
    { spec: spec({ refreshInterval: '0s' }), proof: { revision: 'www.example.com@r1', at: now + hour + 1 } },
    shows('Synced'),
  ],
  [
    'no refresh is wanted',
    { proof: { revision: 'www.example.com@r1', at: now - 9000 * hour }, spec: spec({ refreshInterval: '0s' }) },
    shows('Synced'),
  ],
];

describe('Sync', () => {
  test.for(syncCases)('%s', ([, difference, expected]) => {
    expect(decide({ ...settled, ...difference })).toEqual(expected);
  });
});

const comparison = {
  revision: 'www.example.com@r1',
  at: now - hour,
  lookedAt: now - 60_000,
  secret: content,
  remote: facts,
};
/** What a list tells of the same certificate. */
const listed = { notBefore: facts.notBefore, notAfter: facts.notAfter };
const observing: Situation = {
  ...settled,
  ...fresh,
  generationSeen: true,
  spec: spec({ mode: 'Observe', secretName: 'www' }),
  comparison,
  shown: 'InSync',
};

const observeCases: [name: string, difference: Partial<Situation>, expected: unknown][] = [
  ['nothing to do', {}, shows('InSync')],
  ['never compared', { comparison: undefined }, expect.objectContaining({ action: 'compare' })],
  [
    'what was refused is compared again when its time has come',
    { setback: { ...setback, until: now } },
    expect.objectContaining({ action: 'compare' }),
  ],
  [
    'a renewal',
    { provider: { ...answer, selection: { entry: { ...entry, revision: 'r2' } } } },
    expect.objectContaining({ action: 'compare' }),
  ],
  ['a refresh that was asked for', { refreshWanted: true }, expect.objectContaining({ action: 'compare' })],
  [
    'a refresh that is due',
    { comparison: { ...comparison, at: now - 24 * hour } },
    expect.objectContaining({ action: 'compare' }),
  ],
  [
    'another certificate in the Secret, which is looked at again at the next poll',
    { comparison: { ...comparison, remote: { ...facts, fingerprintSHA256: 'BB' } } },
    shows('Differs', now - 60_000 + 300_000),
  ],
  [
    'no Secret, which is looked for again at the next poll',
    { comparison: { ...comparison, secret: undefined } },
    shows('SecretMissing', now - 60_000 + 300_000),
  ],
  [
    'only the remote certificate',
    { spec: spec({ mode: 'Observe' }), comparison: { ...comparison, secret: undefined } },
    shows('NotCompared'),
  ],
  [
    'only listed, and never compared',
    { comparison: undefined, provider: { ...answer, selection: { entry: withheld } } },
    expect.objectContaining({ action: 'compare' }),
  ],
  [
    'only listed, and renewed there',
    { provider: { ...answer, selection: { entry: { ...withheld, revision: 'r2' } } } },
    expect.objectContaining({ action: 'compare' }),
  ],
  [
    'only listed, and compared',
    {
      provider: { ...answer, selection: { entry: withheld } },
      comparison: { ...comparison, remote: { ...listed, serialNumber: '01' } },
    },
    shows('InSync'),
  ],
  [
    'only listed, and another, which is looked at again at the next poll',
    {
      provider: { ...answer, selection: { entry: withheld } },
      comparison: { ...comparison, remote: { ...listed, serialNumber: '02' } },
    },
    shows('Differs', now - 60_000 + 300_000),
  ],
  [
    'only listed, and revoked',
    {
      provider: {
        ...answer,
        selection: { entry: { ...withheld, problem: { reason: 'CertificateRevoked', message: 'revoked' } } },
      },
    },
    shows('CertificateRevoked'),
  ],
  ['nothing is ever written', { metadataInOrder: false, target: own }, shows('InSync')],
  ['suspend', { spec: spec({ mode: 'Observe', suspend: true }) }, shows('Suspended')],
  ['an outage', { provider: { ...answer, fault } }, unchanged(answer.lastGood + 15 * 60_000)],
];

describe('Observe', () => {
  test.for(observeCases)('%s', ([, difference, expected]) => {
    expect(decide({ ...observing, ...difference })).toEqual(expected);
  });
});

describe('a revision that only names a day', () => {
  const dated = { ...entry, day: '2026-11-20' };
  const settledAt = Date.parse('2026-11-21T00:00:00Z') + 36 * hour;
  const at = (moment: number) => ({ now: moment, spec: spec() });

  test('is asked for hourly until a download was made 36 h after that day', () => {
    expect(refreshDue({ revision: 'r', at: settledAt - 1 }, dated, at(settledAt))).toBe(settledAt - 1 + hour);
  });

  test('is as good as any other afterwards', () => {
    const due = refreshDue({ revision: 'r', at: settledAt }, dated, at(settledAt));
    expect(due).toBeGreaterThan(settledAt + 21 * hour);
    expect(due).toBeLessThanOrEqual(settledAt + 24 * hour);
    expect(due).toBe(refreshDue({ revision: 'r', at: settledAt }, { ...dated, revision: 'other' }, at(settledAt)));
  });
});
