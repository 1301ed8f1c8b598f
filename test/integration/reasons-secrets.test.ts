import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Issued } from '../../sandbox/pki/index.ts';
import { type ExpiringReason, expiringReasons, type ReadyReason, readyReasons } from '../../src/api/reasons.ts';
import type { Secret } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { told } from '../support/told.ts';
import { type CertificateSpec, encoded, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 60 });

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

/** A certificate whose Secret is in place. */
async function inPlace(name: string, issued: Issued, spec: Partial<CertificateSpec> = {}): Promise<Secret> {
  w.nhn.upload(name, issued.bundle);
  await w.certificate(name, spec);
  await w.synced(name, 'Synced');
  await w.ready(name, 'Valid');
  return w.holds(name, issued);
}

/** Waits until Ready says so. */
async function ready(name: string, reason: ReadyReason, seen: string | RegExp): Promise<void> {
  await w.until(name, ({ status, metadata: { generation } }) => {
    const found = status?.conditions?.find(({ type }) => type === 'Ready');
    expect(found).toMatchObject({ status: readyReasons[reason].status, reason, observedGeneration: generation });
    expect(found?.message).toMatch(seen);
  });
}

/** Waits until Expiring says so. */
async function expiring(name: string, reason: ExpiringReason, seen: string | RegExp): Promise<void> {
  await w.until(name, ({ status, metadata: { generation } }) => {
    const found = status?.conditions?.find(({ type }) => type === 'Expiring');
    expect(found).toMatchObject({ status: expiringReasons[reason].status, reason, observedGeneration: generation });
    expect(found?.message).toMatch(seen);
  });
}

describe.concurrent('Ready speaks of the Secret', () => {
  test('as somebody leaves it while nothing is repaired', async () => {
    const name = 'neglected';
    await inPlace(name, await w.issue(name));
    await w.patch(name, { suspend: true });
    const { message, status } = await w.synced(name, 'Suspended');
    expect(status).toBe('False');
    expect(message).toMatch(/suspend.*nothing is read.*nothing is written/);
    await ready(name, 'Valid', /^Secret neglected holds a pair that is valid until \d/);

    await w.patchSecret(name, { data: encoded({ 'tls.key': 'not a key' }) });
    await ready(name, 'SecretInvalid', /^Secret neglected holds no usable pair: tls\.key holds no private key\.$/);
    await w.patchSecret(name, { data: encoded({ 'tls.key': (await w.issue(name)).privateKey }) });
    await ready(name, 'SecretInvalid', /^Secret neglected holds no usable pair: tls\.key does not fit/);
    await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name, { notBefore: inDays(2) }))) });
    await ready(name, 'NotYetValid', /^The certificate in Secret neglected is valid from \d/);
    await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name, { notAfter: inDays(-0.5) }))) });
    await ready(name, 'Expired', /^The certificate in Secret neglected expired on \d/);
    await expiring(name, 'Expired', /expired on \d.* The provider has a newer one, see Synced/);
    await w.patchSecret(name, { data: encoded(tlsOf(await w.issue(name))) });
    await ready(name, 'SecretConflict', /^Secret neglected holds a pair that somebody else put there/);
    await w.deleteSecret(name);
    await ready(name, 'SecretMissing', 'Secret neglected does not exist');
  });

  test('and of the spec as it is now', async () => {
    const name = 'other-wishes';
    const kept = await inPlace(name, await w.issue(name));
    await w.patch(name, { dnsNames: [`${name}.example.com`, 'more.example.com'] });
    await ready(name, 'SpecNotMet', /^The certificate in Secret other-wishes does not cover more\.example\.com/);
    const { message } = await w.synced(name, 'NamesNotCovered');
    expect(message).toContain('Secret other-wishes is kept');
    await w.patch(name, { dnsNames: null, remoteRef: { name: 'another' } });
    await ready(name, 'SpecNotMet', /still holds a pair from CertificateProvider.* name=other-wishes/);
    expect(await w.secret(name)).toEqual(kept);
  });
});

describe.concurrent('Expiring', () => {
  test('tells whether the provider has something newer', async () => {
    const name = 'expiring';
    const issued = await w.issue(name, { notBefore: inDays(-80), notAfter: inDays(5) });
    const kept = await inPlace(name, issued);
    await expiring(name, 'ExpiresSoon', /in less than 7 days, on \d.*nothing newer: renew it there/);
    const [first, second] = await Promise.all([w.issue(name), w.issue(name)]);
    w.nhn.upload(name, first.certificate + first.chain + second.privateKey);
    await told(w, name, { reason: 'KeyMismatch', seen: /key/, kept });
    await expiring(name, 'ExpiresSoon', /in less than 7 days, on \d.*The provider has a newer one, see Synced/);
  });

  test('counts a third of a short life', async () => {
    const [short, early] = ['short-life', 'early-in-its-life'];
    await inPlace(short, await w.issue(short, { notBefore: inDays(-5), notAfter: inDays(2) }));
    await expiring(short, 'ExpiresSoon', /expires soon, on \d/);
    await inPlace(early, await w.issue(early, { notBefore: inDays(-2), notAfter: inDays(5) }));
    await expiring(early, 'NotExpiring', /is valid until \d/);
  });

  test('turns to Expired by itself, and Ready with it', async () => {
    const name = 'at-its-end';
    await inPlace(name, await w.issue(name, { notAfter: inSeconds(25) }));
    await expiring(name, 'Expired', /expired on \d.* renew it there/);
    await ready(name, 'Expired', /^The certificate in Secret at-its-end expired on \d/);
    const expired = (await w.events(name)).filter(({ reason }) => reason === 'Expiring');
    expect(expired.at(-1)?.message).toMatch(/expired on/);
  });
});

describe.concurrent('a Secret that is not ours', () => {
  test.each([
    { name: 'opaque', type: 'Opaque', values: { password: 'of-somebody-else' } },
    { name: 'their-pair', type: 'kubernetes.io/tls', values: undefined },
  ])('$name: it is left alone, and said whose it is', async ({ name, type, values }) => {
    const issued = await w.upload(name);
    await w.createSecret(name, values ?? tlsOf(await w.issue(name)), { type });
    const before = await w.secret(name);
    await w.certificate(name);
    const { message } = await w.synced(name, 'SecretConflict');
    expect(message).toMatch(
      new RegExp(
        `^Secret ${name} exists and is written by .*: choose another secretName.* It is not touched, and looked at again within 5 minutes\\.$`,
      ),
    );
    await ready(name, 'SecretConflict', `Secret ${name} is written by`);
    expect(await w.secret(name)).toEqual(before);
    expect(await w.event(name, 'SecretConflict')).toMatchObject({ type: 'Warning', count: 1, message });

    await w.patch(name, { secretName: `${name}-2` });
    await w.holds(`${name}-2`, issued);
    await w.synced(name, 'Synced');
  });

  test('because another ProviderCertificate holds it', async () => {
    const [first, second] = ['holder', 'late'];
    await inPlace(first, await w.issue(first));
    await w.upload(second);
    await w.certificate(second, { secretName: first });
    const { message } = await w.synced(second, 'SecretConflict');
    expect(message).toBe(
      `Secret holder is named by ProviderCertificate ${w.namespace}/holder, too, which comes first. Give this one another secretName, or delete the other.`,
    );
    await ready(second, 'SecretConflict', `is named by ProviderCertificate ${w.namespace}/holder, too`);
  });
});

describe.concurrent('a Secret that the API server does not take', () => {
  test('because of a policy: what was there is kept, and it is tried again', async () => {
    const name = 'policy';
    const policy = `no-secret-${w.namespace}`;
    const kept = await inPlace(name, await w.issue(name));
    await kubectl(['apply', '-f', '-'], { input: refusal(policy, [name, `${name}-first`]) });
    await eventually(async () => {
      await expect(
        kubectl(['-n', w.namespace, 'label', 'secret', name, 'probe=x', '--dry-run=server']),
      ).rejects.toThrow('nobody may write this');
    });
    const next = await w.upload(name);
    const seen = /The API server did not take the Secret: .*nobody may write this/;
    await told(w, name, { reason: 'SecretWriteFailed', seen, kept });
    await w.certificate(`${name}-first`, { remoteRef: { name } });
    await told(w, `${name}-first`, { reason: 'SecretWriteFailed', seen, kept: undefined });
    await kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', policy]);
    await w.holds(name, next);
    await w.synced(name, 'Synced');
    await w.holds(`${name}-first`, next);
    await w.synced(`${name}-first`, 'Synced');
  });

  test('because of a quota', async () => {
    await using other = await world();
    const name = 'quota';
    const issued = await other.upload(name);
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace: other.namespace } };
    const hard = { secrets: '1' };
    await kubectl(['apply', '-f', '-'], { input: { ...quota, spec: { hard } } });
    // Nobody here counts: there is no controller manager.
    const status = JSON.stringify({ status: { hard, used: { secrets: '1' } } });
    await kubectl([
      '-n',
      other.namespace,
      'patch',
      'resourcequota',
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      status,
    ]);
    await other.certificate(name);
    await told(other, name, { reason: 'SecretWriteFailed', seen: /exceeded quota: quota/, kept: undefined });
    await kubectl(['-n', other.namespace, 'delete', 'resourcequota', name]);
    await other.holds(name, issued);
    await other.synced(name, 'Synced');
  });

  test('because the operator may not', async () => {
    await using other = await world();
    const name = 'forbidden';
    await other.upload(name);
    await other.certificate(name);
    await other.synced(name, 'Synced');
    const kept = await other.secret(name);
    const roles = JSON.parse(await kubectl(['-n', other.namespace, 'get', 'roles', '-o=json'])) as {
      items: { metadata: { name: string }; rules: { resources: string[]; verbs: string[] }[] }[];
    };
    const [role] = roles.items;
    const rules = role?.rules ?? [];
    const reading = rules.map((rule) =>
      rule.resources.includes('secrets') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
    );
    const patchRole = (value: object): Promise<string> => {
      const patch = `--patch=${JSON.stringify({ rules: value })}`;
      return kubectl(['-n', other.namespace, 'patch', 'role', role?.metadata.name ?? '', '--type=merge', patch]);
    };
    await patchRole(reading);
    const next = await other.upload(name);
    await other.certificate(`${name}-first`, { remoteRef: { name } });
    const seen = /forbidden.* cannot (patch|create) resource "secrets"/;
    await told(other, name, { reason: 'SecretWriteFailed', seen, kept });
    await told(other, `${name}-first`, { reason: 'SecretWriteFailed', seen, kept: undefined });
    await patchRole(rules);
    await other.holds(name, next);
    await other.synced(name, 'Synced');
  });
});

/** Lets nobody write these Secrets. */
function refusal(name: string, secretNames: readonly string[]): object[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = [
    { apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'], operations: ['CREATE', 'UPDATE'] },
  ];
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules,
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': w.namespace } },
        },
        validations: [
          {
            expression: `!(object.metadata.name in ${JSON.stringify(secretNames)})`,
            message: 'nobody may write this',
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
