import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveCertificateSpec, type ProviderCertificate } from '../../../src/api/certificate.ts';
import { announcements } from '../../../src/sync/announce.ts';
import { type Health, healthOf, nextTurn } from '../../../src/sync/readiness.ts';
import { type Findings, nextStatus, patchBetween } from '../../../src/sync/report.ts';
import type { OwnTarget } from '../../../src/sync/target.ts';
import { facts } from './facts.ts';

const day = 24 * 3_600_000;
const now = Date.parse('2026-11-23T12:00:00Z');
const spec = resolveCertificateSpec({ providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } }, 'www');
const source = 'the source';

function target(notAfter: number, notBefore = notAfter - 90 * day): OwnTarget {
  return {
    ours: true,
    metadata: { name: 'www', namespace: 'ns', uid: 'u', resourceVersion: '1' },
    origin: { holder: 'ns/www', source, revision: 'r', fingerprintSHA256: 'AA', chainDigest: 'c' },
    content: { intact: true, facts: { ...facts, notBefore, notAfter }, chainDigest: 'c' },
  };
}

const health = (notAfter: number, at = now, remote?: string) =>
  healthOf(
    { now: at, spec, source, target: target(notAfter), heldBy: undefined, writtenBefore: true, comparison: undefined },
    remote,
  );

const certificate: ProviderCertificate = {
  apiVersion: 'provider-certificates.io/v1alpha1',
  kind: 'ProviderCertificate',
  metadata: {
    name: 'www',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-11-23T11:00:00Z',
  },
  spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } },
};
const findings: Findings = {
  synced: { reason: 'Synced', message: 'as it should be' },
  health: health(now + 80 * day),
  secretName: 'www',
  proof: { revision: 'www@r', at: now },
  checkedAt: now,
};
const settled = (status: ProviderCertificate['status']): ProviderCertificate => ({
  ...certificate,
  status: status as NonNullable<typeof status>,
});

describe('Expiring', () => {
  test.for<[number, string, RegExp]>([
    [31 * day, 'NotExpiring', /valid until/],
    [30 * day - 1, 'ExpiresSoon', /expires soon/],
    [14 * day - 1, 'ExpiresSoon', /less than 14 days/],
    [7 * day - 1, 'ExpiresSoon', /less than 7 days/],
    [day - 1, 'ExpiresSoon', /less than a day/],
    [0, 'Expired', /expired/],
  ])('with %i ms left: %s', ([left, reason, message]) => {
    const { expiring } = health(now + left);
    expect(expiring).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('each stage is one event, and a restart in between adds none', () => {
    const notAfter = now + 40 * day;
    const events: string[] = [];
    let current = certificate;
    for (let at = now; at <= notAfter + 3 * day; at += day / 4) {
      const status = nextStatus(current, { ...findings, health: health(notAfter, at) }, at);
      events.push(
        ...announcements(current.status, status, { age: day, announced: 'Synced' }).events.map(
          ({ message }) => message,
        ),
      );
      current = settled(JSON.parse(JSON.stringify(status)));
    }
    expect(events).toEqual(
      [/soon/, /14 days/, /7 days/, /a day/, /expired/].map((stage) => expect.stringMatching(stage)),
    );
  });

  test('it says when the provider has something newer', () => {
    expect(health(now + day, now, '2027-02-21').expiring?.message).toMatch(/has a newer one/);
    expect(health(now + day, now, '2026-11-24').expiring?.message).toMatch(/nothing newer/);
  });

  test('advice that changes is no other stage, and no event', () => {
    const message = 'as it should be';
    let current = certificate;
    const events = ['2026-12-03', '2027-02-21', undefined].flatMap((listed) => {
      const [health_, synced] = [health(now + 10 * day, now, listed), { reason: 'Synced', message } as const];
      const status = nextStatus(current, { ...findings, health: health_, synced }, now);
      const { events } = announcements(current.status, status, { age: day, announced: 'Synced' });
      current = settled(status);
      return events;
    });
    expect(events).toEqual([expect.objectContaining({ reason: 'Expiring' })]);
    expect(current.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Expiring', message: expect.stringMatching(/nothing newer/) }),
    );
  });

  test('short certificates count from a third of their life', () => {
    const short = (left: number) =>
      healthOf(
        {
          now,
          spec,
          source,
          target: target(now + left, now + left - 9 * day),
          heldBy: undefined,
          writtenBefore: true,
          comparison: undefined,
        },
        undefined,
      ).expiring?.reason;
    expect([short(3 * day + 1), short(3 * day - 1)]).toEqual(['NotExpiring', 'ExpiresSoon']);
  });

  test('the next turn is always in the future, and the last one is the end', () => {
    const facts = { notBefore: now - day, notAfter: now + 89 * day };
    const turns: number[] = [];
    for (let at: number | undefined = now; at !== undefined; at = nextTurn(facts, at))
      turns.push((facts.notAfter - at) / day);
    expect(turns.slice(1)).toEqual([30, 14, 7, 1, 0]);
  });
});

describe('of a certificate that is only listed, and no Secret', () => {
  const observed = resolveCertificateSpec(
    { providerRef: { name: 'naver' }, remoteRef: { name: 'www' }, mode: 'Observe' },
    'www',
  );
  const listed = (notBefore: number, notAfter: number): Health =>
    healthOf(
      {
        now,
        spec: observed,
        source,
        target: undefined,
        heldBy: undefined,
        writtenBefore: true,
        comparison: {
          revision: 'r',
          at: now,
          lookedAt: now,
          remote: { notBefore, notAfter, commonName: 'www', serialNumber: '0134f7', issuer: undefined },
        },
      },
      undefined,
    );

  test.for<[string, number, number, string, string]>([
    ['valid', -day, 90 * day, 'RemoteValid', 'NotExpiring'],
    ['about to end', -90 * day, 5 * day, 'RemoteValid', 'ExpiresSoon'],
    ['at its end', -90 * day, 0, 'Expired', 'Expired'],
    ['yet to begin', day, 90 * day, 'NotYetValid', 'NotExpiring'],
  ])('Ready speaks of the one that is %s', ([, begins, ends, ready, expiring]) => {
    expect(listed(now + begins, now + ends)).toMatchObject({
      ready: { reason: ready },
      expiring: { reason: expiring },
    });
  });

  test('the status shows what is known of it, and nothing else', () => {
    const health = listed(now - day, now + 90 * day);
    const synced = { reason: 'NotCompared', message: 'nothing to compare it with' } as const;
    const status = nextStatus(certificate, { ...findings, health, synced, secretName: undefined }, now);
    expect(status).not.toHaveProperty('secretName');
    expect(status.certificate).toEqual({
      commonName: 'www',
      serialNumber: '0134f7',
      notBefore: '2026-11-22T12:00:00Z',
      notAfter: '2027-02-21T12:00:00Z',
    });
  });
});

describe('status', () => {
  const first = nextStatus(certificate, findings, now);

  test('is not written again when nothing changed', () => {
    expect(nextStatus(settled(first), { ...findings, checkedAt: now + 3_600_000 }, now + 3_600_000)).toBe(
      settled(first).status,
    );
  });

  test('but once a day, so that one sees the operator is alive', () => {
    const later = now + day;
    expect(nextStatus(settled(first), { ...findings, checkedAt: later }, later).lastCheckTime).toBe(
      '2026-11-24T12:00:00Z',
    );
  });

  test('a transition is a change of the condition status, not of its message', () => {
    const changed = nextStatus(
      settled(first),
      { ...findings, synced: { reason: 'Synced', message: 'other words' } },
      now + 1000,
    );
    const times = (type: string, status = changed) =>
      status.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
    expect(times('Synced')).toBe(times('Synced', first));
    const failed = nextStatus(
      settled(first),
      { ...findings, synced: { reason: 'KeyMismatch', message: 'm' } },
      now + 1000,
    );
    expect(times('Synced', failed)).not.toBe(times('Synced', first));
  });

  test('what was proved of one Secret says nothing of another', () => {
    const { proof: _, ...unproved } = findings;
    const moved = nextStatus(settled(first), { ...unproved, secretName: 'other' }, now);
    expect(moved).not.toHaveProperty('syncedRevision');
    expect(nextStatus(settled(first), unproved, now).syncedRevision).toBe('www@r');
  });

  test('what Observe saw says nothing of what Sync wrote', () => {
    const { proof: _, ...unproved } = findings;
    const observed = nextStatus(certificate, { ...findings, synced: { reason: 'InSync', message: 'the same' } }, now);
    expect(observed.syncedRevision).toBe('www@r');
    const refused = { reason: 'SecretConflict', message: 'not ours' } as const;
    expect(nextStatus(settled(observed), { ...unproved, synced: refused }, now)).not.toHaveProperty('syncedRevision');
  });

  test('what the provider has stays until it is known to be gone', () => {
    const remote = { id: 'www', name: 'www', revision: 'r' };
    const listed = nextStatus(certificate, { ...findings, remote }, now);
    expect(listed.remote).toEqual(remote);
    expect(nextStatus(settled(listed), findings, now).remote).toEqual(remote);
    expect(nextStatus(settled(listed), { ...findings, remote: null }, now)).not.toHaveProperty('remote');
  });

  test('the order of keys, which the server chooses, is no difference', () => {
    const condition = { type: 'Ready', status: 'True', reason: 'Valid' };
    const turned = Object.fromEntries(Object.entries(condition).toReversed());
    expect(patchBetween({ conditions: [condition] }, { conditions: [turned] })).toBeUndefined();
  });

  test('2,000 names and endless texts fit into it', () => {
    const huge = target(now + 80 * day);
    if (huge.content.intact) {
      huge.content.facts.dnsNames = Array.from({ length: 2000 }, (_, index) => `${'x'.repeat(300)}${index}`);
      huge.content.facts.issuer = `CN=\u202e${'y'.repeat(5000)}`;
    }
    const big = healthOf(
      { now, spec, source, target: huge, heldBy: undefined, writtenBefore: true, comparison: undefined },
      undefined,
    );
    const status = nextStatus(
      certificate,
      { ...findings, health: big, synced: { reason: 'KeyMismatch', message: 'z'.repeat(5000) } },
      now,
    );
    expect(status.certificate?.dnsNames).toHaveLength(101);
    expect(status.certificate?.dnsNames?.at(-1)).toBe('(+1900 more)');
    expect(status.certificate?.issuer).toHaveLength(512);
    expect(status.certificate?.issuer).not.toContain('\u202e');
    expect(status.message?.length).toBeLessThanOrEqual(256);
    expect(status.conditions?.every(({ message }) => message.length <= 1024)).toBe(true);
  });
});

describe('a merge patch', () => {
  test('turns one status into the other, whatever they are', () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.integer(),
        fc.array(fc.integer(), { maxLength: 3 }),
        fc.dictionary(fc.stringMatching(/^[a-c]$/), tie('node'), { maxKeys: 3 }),
      ),
    })).node;
    const object = fc.dictionary(fc.stringMatching(/^[a-c]$/), value, { maxKeys: 3 });
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = patchBetween(before, after);
        expect(merge(before, patch ?? {})).toEqual(after);
      }),
    );
  });
});

/** RFC 7396, written independently. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...(target as object) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

describe('events', () => {
  const pending = nextStatus(
    certificate,
    { ...findings, synced: { reason: 'CredentialsMissing', message: 'no Secret' } },
    now,
  );

  test('states that a new object passes through are no news', () => {
    expect(announcements(undefined, pending, { age: 1000, announced: undefined })).toEqual({
      events: [],
      announced: undefined,
    });
  });

  test('unless they last', () => {
    const { events, announced } = announcements(pending, pending, { age: 30_000, announced: undefined });
    expect(events).toEqual([{ type: 'Warning', reason: 'CredentialsMissing', message: 'no Secret' }]);
    expect(announcements(pending, pending, { age: 60_000, announced }).events).toEqual([]);
  });

  test('another secretName releases the old Secret', () => {
    const before = nextStatus(certificate, findings, now);
    const after = nextStatus(settled(before), { ...findings, secretName: 'other' }, now);
    expect(announcements(before, after, { age: day, announced: 'Synced' }).events).toEqual([
      expect.objectContaining({ reason: 'SecretReleased' }),
    ]);
  });
});
