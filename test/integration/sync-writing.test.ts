import { X509Certificate } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { secretAnnotations, secretLabels } from '../../src/api/names.ts';
import { secrets } from '../../src/kube/objects.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { textOf, tlsOf, type World, world } from '../support/world.ts';

// They wait more than they work.
vi.setConfig({ maxConcurrency: 40 });

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(async () => w[Symbol.asyncDispose]());

const ours = 'provider-certificates';

describe.concurrent('the Secret', () => {
  test('is one whole pair with what it is, and the status says the same', async () => {
    const name = 'first';
    const issued = await w.upload(name, { dnsNames: ['first.example.com', 'also.example.com'] });
    await w.certificate(name, {}, { labels: { team: 'a' }, annotations: { note: 'b' } });
    await w.ready(name, 'Valid');
    await w.synced(name, 'Synced');

    const secret = await w.holds(name, issued);
    const leaf = new X509Certificate(issued.certificate);
    expect(secret.type).toBe('kubernetes.io/tls');
    expect(Object.keys(secret.data ?? {}).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(textOf(secret, 'tls.crt')).toBe(issued.certificate + issued.chain);
    expect(textOf(secret, 'ca.crt')).toBe(issued.root);
    const { labels, annotations, ownerReferences, managedFields } = secret.metadata;
    expect(labels).toEqual(secretLabels);
    expect(Object.keys(annotations ?? {}).toSorted()).toEqual(Object.values(secretAnnotations).toSorted());
    const fingerprint = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
    expect(annotations).toMatchObject({
      [secretAnnotations.certificate]: `${w.namespace}/${name}`,
      [secretAnnotations.commonName]: 'first.example.com',
      [secretAnnotations.dnsNames]: 'first.example.com,also.example.com',
      [secretAnnotations.notAfter]: leaf.validToDate.toISOString().replace('.000Z', 'Z'),
    });
    expect(annotations?.[secretAnnotations.fingerprintSHA256]?.toLowerCase().replaceAll(':', '')).toBe(fingerprint);
    expect(ownerReferences).toBeUndefined();
    expect(managedFields?.map(({ manager, operation }) => [manager, operation])).toEqual([[ours, 'Apply']]);

    const { status } = await w.get(name);
    expect(status).toMatchObject({
      observedGeneration: 1,
      secretName: name,
      certificate: {
        commonName: 'first.example.com',
        dnsNames: ['first.example.com', 'also.example.com'],
        fingerprintSHA256: annotations?.[secretAnnotations.fingerprintSHA256],
        notAfter: annotations?.[secretAnnotations.notAfter],
        chainLength: 2,
      },
      remote: { name },
    });
    expect(status?.syncedRevision).toBe(annotations?.[secretAnnotations.revision]);
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
    expect(await w.event(name, 'Synced')).toMatchObject({ type: 'Normal', count: 1 });
    expect(await w.reasons(name)).toEqual(['Synced']);
  });

  test('has the labels and annotations of the template, and loses those that it loses, without a download', async () => {
    const name = 'template';
    const issued = await w.upload(name);
    await w.certificate(name, { secretTemplate: { labels: { team: 'a', tier: 'web' }, annotations: { note: 'b' } } });
    await w.ready(name, 'Valid');
    const first = await w.holds(name, issued);
    expect(first.metadata.labels).toEqual({ ...secretLabels, team: 'a', tier: 'web' });
    expect(first.metadata.annotations).toMatchObject({ note: 'b' });

    await w.patchSecret(name, { metadata: { labels: { other: 'stays' }, annotations: { other: 'stays' } } });
    await w.patch(name, { secretTemplate: { labels: { team: 'c', tier: null }, annotations: null } });
    await w.synced(name, 'Synced');
    const second = await w.holds(name, issued);
    expect(second.metadata.labels).toEqual({ ...secretLabels, team: 'c', other: 'stays' });
    expect(second.metadata.annotations).toMatchObject({ other: 'stays' });
    expect(second.metadata.annotations).not.toHaveProperty('note');
    expect(second.data).toEqual(first.data);

    await w.patch(name, { secretTemplate: null });
    await w.synced(name, 'Synced');
    expect((await w.secret(name))?.metadata.labels).toEqual({ ...secretLabels, other: 'stays' });
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
  });

  test('goes with its ProviderCertificate only when deletionPolicy says so, which is metadata alone', async () => {
    const name = 'deletion';
    const issued = await w.upload(name);
    const { metadata } = await w.certificate(name, { deletionPolicy: 'Delete' });
    await w.ready(name, 'Valid');
    const owned = await w.holds(name, issued);
    const { uid } = metadata;
    const [apiVersion, kind] = ['provider-certificates.io/v1alpha1', 'ProviderCertificate'];
    const owner = { apiVersion, kind, name, uid, controller: false, blockOwnerDeletion: false };
    expect(owned.metadata.ownerReferences).toEqual([owner]);

    await w.patch(name, { deletionPolicy: 'Retain' });
    await w.synced(name, 'Synced');
    const kept = await w.holds(name, issued);
    expect(kept.metadata.ownerReferences).toBeUndefined();
    expect(kept.data).toEqual(owned.data);

    await w.patch(name, { deletionPolicy: 'Delete' });
    await w.synced(name, 'Synced');
    expect((await w.secret(name))?.metadata.ownerReferences).toEqual([owner]);
    expect(w.nhn.counters.downloadsOf[name]).toBe(1);
  });

  test('has ca.crt or not, as caCertificate says', async () => {
    const name = 'ca';
    const issued = await w.upload(name);
    await w.certificate(name, { caCertificate: 'Omit' });
    await w.ready(name, 'Valid');
    const without = await w.holds(name, issued);
    expect(without.data).not.toHaveProperty('ca.crt');
    expect(textOf(without, 'tls.crt')).toBe(issued.certificate + issued.chain);

    await w.patch(name, { caCertificate: 'Include' });
    await w.synced(name, 'Synced');
    expect(textOf(await w.secret(name), 'ca.crt')).toBe(issued.root);

    await w.patch(name, { caCertificate: 'Omit' });
    await w.synced(name, 'Synced');
    expect((await w.secret(name))?.data).not.toHaveProperty('ca.crt');
    await w.ready(name, 'Valid');
    // It is no rotation: nobody has a new certificate.
    expect(await w.reasons(name)).not.toContain('Rotated');
  });

  test('loses ca.crt when a later bundle has no root', async () => {
    const name = 'rootless';
    await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    const next = await w.issue(name);
    w.nhn.upload(name, next.certificate + next.chain + next.privateKey);
    const secret = await w.holds(name, next);
    expect(secret.data).not.toHaveProperty('ca.crt');
    expect(await w.event(name, 'CAChanged')).toMatchObject({ count: 1 });
  });
});

describe.concurrent('a Secret that the API server does not take', () => {
  test('is reported in its words, and written when it does', async () => {
    const name = 'forbidden';
    const policy = `${w.namespace}-no-secret`;
    const scope = { matchLabels: { 'kubernetes.io/metadata.name': w.namespace } };
    const secretsOfAll = [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['secrets'] },
    ];
    const [apiVersion, metadata] = ['admissionregistration.k8s.io/v1', { name: policy }];
    await kubectl(['apply', '-f', '-'], {
      input: [
        {
          apiVersion,
          kind: 'ValidatingAdmissionPolicy',
          metadata,
          spec: {
            matchConstraints: { namespaceSelector: scope, resourceRules: secretsOfAll },
            validations: [{ expression: `object.metadata.name != '${name}'`, message: 'not on a Monday' }],
          },
        },
        {
          apiVersion,
          kind: 'ValidatingAdmissionPolicyBinding',
          metadata,
          spec: { policyName: policy, validationActions: ['Deny'] },
        },
      ],
    });
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: w.namespace, name } };
    const dryRun = { dryRun: true, signal: AbortSignal.timeout(60_000) };
    await eventually(() => expect(w.client.create(secrets, secret, dryRun)).rejects.toThrow('not on a Monday'));

    const issued = await w.upload(name);
    await w.certificate(name);
    expect(await w.synced(name, 'SecretWriteFailed')).toMatchObject({
      message: expect.stringContaining('not on a Monday'),
    });
    await w.ready(name, 'SecretMissing');
    expect(await w.secret(name)).toBeUndefined();

    await kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', policy]);
    await w.holds(name, issued);
    await w.synced(name, 'Synced');
    expect(await w.event(name, 'SecretWriteFailed')).toMatchObject({ type: 'Warning', count: 1 });
  });
});

describe.concurrent('a Secret of somebody else', () => {
  test('is not touched, and written once it is gone', async () => {
    const name = 'foreign';
    const issued = await w.upload(name);
    const before = await w.createSecret(name, tlsOf(await w.issue(name)));
    await w.certificate(name);
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('somebody') });
    await w.ready(name, 'SecretConflict');
    expect(await w.secret(name)).toEqual(before);
    expect(await w.event(name, 'SecretConflict')).toMatchObject({ type: 'Warning', count: 1 });

    await w.deleteSecret(name);
    await w.refresh(name);
    await w.ready(name, 'Valid');
    await w.holds(name, issued);
  });

  test('of another type is not touched', async () => {
    const name = 'opaque';
    await w.upload(name);
    const before = await w.createSecret(name, { colour: 'green' }, { type: 'Opaque' });
    await w.certificate(name);
    await w.synced(name, 'SecretConflict');
    await w.ready(name, 'SecretConflict');
    expect(await w.secret(name)).toEqual(before);
  });

  test('with the very same bytes is not ours, and nothing of ours stays on it', async () => {
    const name = 'same-bytes';
    const issued = await w.upload(name);
    const before = await w.createSecret(name, { ...tlsOf(issued), 'ca.crt': issued.root });
    await w.certificate(name);
    await w.synced(name, 'SecretConflict');
    expect(await w.secret(name)).toEqual(before);
    const { status } = await w.get(name);
    expect(status).not.toHaveProperty('syncedRevision');
    expect(await w.reasons(name)).not.toContain('Synced');
  });

  test('that somebody copied from another namespace is not ours', async () => {
    const name = 'copied';
    await w.upload(name);
    const before = await w.putSecret(name, tlsOf(await w.issue(name)), {
      type: 'kubernetes.io/tls',
      manager: 'reflector',
      metadata: { labels: { ...secretLabels }, annotations: { [secretAnnotations.certificate]: `elsewhere/${name}` } },
    });
    await w.certificate(name);
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('reflector') });
    expect(await w.secret(name)).toEqual(before);
  });

  test('that is immutable stays as it is, also when it was ours', async () => {
    const name = 'immutable';
    const issued = await w.upload(name);
    await w.certificate(name);
    await w.ready(name, 'Valid');
    await w.patchSecret(name, { immutable: true });
    await w.upload(name);
    expect(await w.synced(name, 'SecretConflict')).toMatchObject({ message: expect.stringContaining('immutable') });
    await w.holds(name, issued);
    await w.ready(name, 'Valid');

    await w.deleteSecret(name);
    const next = await w.upload(name);
    await w.holds(name, next);
    await w.synced(name, 'Synced');
  });
});
