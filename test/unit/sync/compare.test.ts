import { expect, test } from 'vitest';
import { outcomeOf, type Remote } from '../../../src/sync/compare.ts';
import type { Content } from '../../../src/sync/target.ts';

const hour = 3_600_000;
const day = 24 * hour;
const [notBefore, notAfter] = [Date.parse('2026-07-08T00:00:00Z'), Date.parse('2027-08-08T11:59:59Z')];
const facts = {
  commonName: 'www.example.com',
  dnsNames: ['www.example.com'],
  issuer: 'CN=CA',
  serialNumber: '0134F7BAC243',
  fingerprintSHA256: 'AA:BB',
  notBefore,
  notAfter,
  keyAlgorithm: 'P-256',
  chainLength: 2,
};
const held: Content = { intact: true, facts, chainDigest: 'c' };
/** What a list tells of it. */
const listed: Remote = { notBefore, notAfter, serialNumber: '0134f7bac243', commonName: undefined, issuer: undefined };

test.each<[string, Remote, 'InSync' | 'Differs']>([
  ['the same fingerprint', facts, 'InSync'],
  ['another fingerprint', { ...facts, fingerprintSHA256: 'AA:CC' }, 'Differs'],
  ['another fingerprint with the same serial number and dates', { ...listed, fingerprintSHA256: 'AA:CC' }, 'Differs'],
  [
    'the same fingerprint, whatever else is told',
    { ...facts, serialNumber: '02', notBefore: 0, notAfter: 0 },
    'InSync',
  ],

  ['the same serial number and dates', listed, 'InSync'],
  ['the serial number in capitals', { ...listed, serialNumber: '0134F7BAC243' }, 'InSync'],
  ['the serial number without its leading zero', { ...listed, serialNumber: '134f7bac243' }, 'InSync'],
  ['the serial number with more leading zeros', { ...listed, serialNumber: '0000134f7bac243' }, 'InSync'],
  ['the serial number with colons', { ...listed, serialNumber: '01:34:F7:BA:C2:43' }, 'InSync'],
  ['the serial number with colons and leading zeros', { ...listed, serialNumber: '00:01:34:f7:ba:c2:43' }, 'InSync'],
  ['a serial number with a zero inside', { ...listed, serialNumber: '01:34:f7:0b:ac:24:3' }, 'Differs'],
  ['another serial number', { ...listed, serialNumber: '0134f7bac244' }, 'Differs'],
  ['a longer serial number', { ...listed, serialNumber: '0134f7bac24300' }, 'Differs'],

  ['dates in another zone', { ...listed, notBefore: notBefore - 9 * hour, notAfter: notAfter - 9 * hour }, 'InSync'],
  ['dates without a time', { ...listed, notAfter: notAfter - 11 * hour, notBefore: notBefore + 14 * hour }, 'InSync'],
  ['no serial number', { ...listed, serialNumber: undefined }, 'InSync'],
  [
    'no serial number and dates in another zone',
    { ...listed, serialNumber: undefined, notBefore: notBefore + 9 * hour, notAfter: notAfter + 9 * hour },
    'InSync',
  ],
  [
    'no serial number and an end days later',
    { ...listed, serialNumber: undefined, notAfter: notAfter + 2 * day },
    'Differs',
  ],
  [
    'no serial number and a start days before',
    { ...listed, serialNumber: undefined, notBefore: notBefore - 2 * day },
    'Differs',
  ],
  ['the same serial number and an end days later', { ...listed, notAfter: notAfter + 2 * day }, 'Differs'],
  ['the same serial number and a start days later', { ...listed, notBefore: notBefore + 2 * day }, 'Differs'],
])('a Secret beside %s', (_, remote, reason) => {
  expect(outcomeOf({ remote, secret: held }, 'www').reason).toBe(reason);
});

test('each outcome says until when either is valid', () => {
  const remote = { ...listed, notAfter: notAfter + 90 * day };
  const broken: Content = { intact: false, message: 'the key is missing' };
  expect(outcomeOf({ remote: listed, secret: held }, 'www').message).toMatch(
    /Secret www holds .* 2027-08-08T11:59:59Z/,
  );
  expect(outcomeOf({ remote, secret: held }, 'www').message).toMatch(/until 2027-08-08.* until 2027-11-06/);
  expect(outcomeOf({ remote, secret: broken }, 'www')).toEqual({
    reason: 'Differs',
    message: expect.stringMatching(/holds no usable pair.* until 2027-11-06/),
  });
  expect(outcomeOf({ remote }, 'www')).toEqual({
    reason: 'SecretMissing',
    message: expect.stringMatching(/does not exist.* until 2027-11-06/),
  });
  expect(outcomeOf({ remote }, undefined)).toEqual({
    reason: 'NotCompared',
    message: expect.stringMatching(/until 2027-11-06.*no secretName/),
  });
});
