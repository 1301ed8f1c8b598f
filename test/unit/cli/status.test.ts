import { describe, expect, test } from 'vitest';
import type { Stored } from '../../../src/cli/certificates.ts';
import { statusTable } from '../../../src/cli/commands/status.ts';
import { describeCertificate } from '../../../src/cli/description.ts';
import { withColourNames } from '../../support/pcert.ts';

const now = Date.UTC(2027, 0, 15, 12);

function condition(type: string, status: string, reason: string, message: string): object {
  return { type, status, reason, message, observedGeneration: 2, lastTransitionTime: '2027-01-01T00:00:00Z' };
}

function stored(name: string, status: object, spec: object = {}): Stored {
  return {
    apiVersion: 'provider-certificates.io/v1alpha1',
    kind: 'ProviderCertificate',
    metadata: { name, namespace: 'shop', uid: 'u', resourceVersion: '1', generation: 2 },
    spec: { providerRef: { name: 'nhn' }, remoteRef: { name: `${name}.example.com` }, ...spec },
    status: { observedGeneration: 2, secretName: name, ...status },
  } as unknown as Stored;
}

const fine = stored('fine', {
  message: 'Secret fine holds what the provider has.',
  certificate: {
    commonName: 'fine.example.com',
    dnsNames: ['fine.example.com', 'www.fine.example.com'],
    issuer: 'CN=CA',
    serialNumber: '0A',
    fingerprintSHA256: 'AA:BB',
    notBefore: '2026-12-01T00:00:00Z',
    notAfter: '2027-04-15T12:00:00Z',
    keyAlgorithm: 'P-256',
    chainLength: 2,
  },
  remote: { id: '7', name: 'fine.example.com', state: 'VALID', notAfter: '2027-04-15', revision: 'r1' },
  lastSyncTime: '2027-01-15T11:00:00Z',
  conditions: [
    condition('Ready', 'True', 'Valid', 'Good.'),
    condition('Synced', 'True', 'Synced', 'Equal.'),
    condition('Expiring', 'False', 'NotExpiring', 'Not soon.'),
  ],
});
const soon = stored('soon', {
  message: 'Soon.',
  certificate: { notAfter: '2027-01-20T12:00:00Z' },
  conditions: [condition('Ready', 'True', 'Valid', 'Good.'), condition('Expiring', 'True', 'ExpiresSoon', 'Soon.')],
});
const ended = stored('ended', {
  message: 'Ended.',
  certificate: { notAfter: '2027-01-10T12:00:00Z' },
  conditions: [condition('Ready', 'False', 'Expired', 'Over.')],
});
const missing = stored('missing', {
  message: 'None.',
  conditions: [
    condition('Ready', 'False', 'SecretMissing', 'There is none.'),
    condition('Synced', 'False', 'CredentialsMissing', 'Secret shop/nhn-credentials does not exist.'),
  ],
});
const changed = { ...fine, metadata: { ...fine.metadata, name: 'changed', generation: 3 } };

describe('the table', () => {
  const all = [missing, ended, soon, fine, changed];
  const options = { now, wide: false, allNamespaces: false };

  test('for a pipe', () => {
    expect(statusTable(all, { ...options, layout: { colour: false } })).toBe(
      [
        'NAME     READY    EXPIRES               LEFT   SECRET   STATUS',
        'missing  False                                 missing  None.',
        'ended    False    2027-01-10T12:00:00Z  ended  ended    Ended.',
        'soon     True     2027-01-20T12:00:00Z  5d     soon     Soon.',
        'fine     True     2027-04-15T12:00:00Z  90d    fine     Secret fine holds what the provider has.',
        'changed  Unknown  2027-04-15T12:00:00Z  90d    fine     The operator has not looked at this spec yet.',
        '',
      ].join('\n'),
    );
  });

  test('for a terminal', () => {
    const text = statusTable(all, { ...options, layout: { colour: true, width: 76 } });
    expect(withColourNames(text)).toBe(
      [
        'NAME     READY    EXPIRES               LEFT   SECRET   STATUS',
        'missing  <red>False</>                                 missing  None.',
        'ended    <red>False</>    2027-01-10T12:00:00Z  <red>ended</>  ended    Ended.',
        'soon     <green>True</>     2027-01-20T12:00:00Z  <yellow>5d</>     soon     Soon.',
        'fine     <green>True</>     2027-04-15T12:00:00Z  90d    fine     Secret fine holds w…',
        'changed  <yellow>Unknown</>  2027-04-15T12:00:00Z  90d    fine     The operator has no…',
        '',
      ].join('\n'),
    );
  });

  test('has more columns when asked', () => {
    const [head, line] = statusTable([fine], { now, wide: true, allNamespaces: true, layout: { colour: false } }).split(
      '\n',
    );
    expect(head?.split(/ {2,}/)).toEqual([
      'NAMESPACE',
      'NAME',
      'READY',
      'EXPIRES',
      'LEFT',
      'SECRET',
      'PROVIDER',
      'REMOTE',
      'ISSUER',
      'SERIAL',
      'STATUS',
    ]);
    expect(line).toContain('nhn       name=fine.example.com  CN=CA   0A');
  });
});

describe('all there is to know about one', () => {
  test('a good one', () => {
    expect(describeCertificate(fine, { now, layout: { colour: false } })).toMatchInlineSnapshot(`
      "shop/fine
        Ready        True (Valid): Good.
        Synced       True (Synced): Equal.
        Expiring     False (NotExpiring): Not soon.
        Provider     nhn
        Remote       name=fine.example.com
        Secret       fine
        Last synced  2027-01-15T11:00:00Z (60m ago)
        Certificate in the Secret
          common name    fine.example.com
          DNS names      fine.example.com, www.fine.example.com
          issuer         CN=CA
          serial number  0A
          SHA-256        AA:BB
          valid          2026-12-01T00:00:00Z to 2027-04-15T12:00:00Z (90d left)
          key            P-256
          chain          2
        At the provider
          id        7
          name      fine.example.com
          state     VALID
          ends      2027-04-15
          revision  r1
      "
    `);
  });

  test('one with a fault says what to do, and is red', () => {
    expect(withColourNames(describeCertificate(missing, { now, layout: { colour: true } }))).toMatchInlineSnapshot(`
      "<bold>shop/missing</>
        Ready     <red>False (SecretMissing): There is none.</>
        Synced    <red>False (CredentialsMissing): Secret shop/nhn-credentials does not exist.</>
        To do     Create or complete the Secret; it is picked up at once.
        Provider  nhn
        Remote    name=missing.example.com
        Secret    missing
      "
    `);
  });

  test('what was said of an earlier spec is no answer', () => {
    const text = describeCertificate(changed, { now, layout: { colour: false } });
    expect(text).toContain('The operator has not looked at this spec yet.');
  });

  test('an object without status is shown, too', () => {
    const { status: _, ...fresh } = fine;
    expect(describeCertificate(fresh, { now, layout: { colour: false } })).toContain('Remote    name=fine.example.com');
  });

  test('nothing that came from a certificate acts upon the terminal', () => {
    const evil = stored('evil', { certificate: { issuer: 'CN=\u001b]0;x\u0007', notAfter: '2027-04-15T12:00:00Z' } });
    expect(describeCertificate(evil, { now, layout: { colour: false } })).toContain('CN=\\u{1b}]0;x\\u{7}');
  });
});
