import { describe, expect, test } from 'vitest';
import { judge } from '../../../src/certificate/gate.ts';
import type { Finding, Pair } from '../../../src/certificate/verdict.ts';
import { changes } from '../../../src/sync/announce.ts';
import type { OwnTarget } from '../../../src/sync/target.ts';
import { input, inDays, valid, worldOf } from '../certificate/world.ts';

/** What the gate lets through, and what it has to say of it. */
function written(body: string): { pair: Pair; findings: Finding[] } {
  const verdict = judge(input([body]));
  if (!verdict.accepted) throw new Error(verdict.message);
  return verdict;
}

const event = (type: 'Normal' | 'Warning', reason: string, about: string | RegExp) => ({
  type,
  reason,
  message: expect.stringMatching(about),
});

const cases = {
  CertificatesLeftOut: {
    body: async () => {
      const { L, I, K } = await worldOf('p256');
      const stranger = await (await worldOf('rsa2048')).root.intermediate({ name: 'Stranger' });
      return L + I + stranger.certificate + K;
    },
    told: event('Normal', 'CertificatesLeftOut', /left out: .*CN=Stranger/),
  },
  NoSubjectAltName: {
    body: async () => {
      const { intermediate, I, K, leaf } = await worldOf('p256');
      const request = { key: leaf.key, dnsNames: [], commonName: 'plain.example.com', ...valid };
      return (await intermediate.issue(request)).certificate + I + K;
    },
    told: event('Warning', 'NoSubjectAltName', 'plain.example.com'),
  },
  LimitedClientSupport: {
    body: async () => {
      const { L, I, K } = await worldOf('ed25519');
      return L + I + K;
    },
    told: event('Warning', 'LimitedClientSupport', 'Ed25519'),
  },
  IncompleteChain: {
    body: async () => {
      const { L, K } = await worldOf('p256');
      return L + K;
    },
    told: event('Warning', 'IncompleteChain', /lacks the issuer .*CN=I/),
  },
};

describe('a pair that is written', () => {
  test.each(Object.entries(cases))('although %s has one event that says so', async (_, { body, told }) => {
    const { pair, findings } = written(await body());
    expect(changes('www', undefined, pair, findings)).toEqual([told]);
  });

  test('without anything odd, as the first of its Secret, has none', async () => {
    const { L, I, K } = await worldOf('p256');
    const { pair, findings } = written(L + I + K);
    expect(changes('www', undefined, pair, findings)).toEqual([]);
  });

  test('in place of another has its findings after the rotation', async () => {
    const { pair, findings } = written(await cases.IncompleteChain.body());
    const before: OwnTarget = {
      ours: true,
      metadata: { name: 'www', namespace: 'ns', uid: 'u', resourceVersion: '1' },
      origin: { holder: 'ns/www', source: 's', revision: 'r', fingerprintSHA256: 'AA', chainDigest: 'c' },
      content: {
        intact: true,
        facts: { ...pair.facts, fingerprintSHA256: 'AA', notAfter: inDays(1).getTime() },
        chainDigest: 'c',
      },
    };
    expect(changes('www', before, pair, findings)).toEqual([
      event('Normal', 'Rotated', 'Secret www'),
      cases.IncompleteChain.told,
    ]);
  });
});
