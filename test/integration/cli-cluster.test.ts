import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { load, loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { accessOf, kubeconfig } from '../../sandbox/control-plane/kubeconfig.ts';
import type { ProviderCertificate } from '../../src/api/certificate.ts';
import { type Outcome, pcert as run, withColourNames } from '../support/pcert.ts';
import { runFolders } from '../support/run.ts';
import { type World, world } from '../support/world.ts';

let w: World;
const allow = ['--allow-endpoint', '127.0.0.1'];

beforeAll(async () => {
  w = await world();
});
afterAll(() => w?.[Symbol.asyncDispose]());

/** As somebody whose context has the namespace of this world. */
function pcert(args: readonly string[], o: Parameters<typeof run>[1] = {}): Promise<Outcome> {
  return run(['-n', w.namespace, ...args], { ...o, env: { KUBECONFIG: inject('kubeconfig'), ...o.env } });
}

describe('status', () => {
  beforeAll(async () => {
    const day = 86_400_000;
    await w.upload('www');
    await w.upload('soon', { notBefore: new Date(Date.now() - 80 * day), notAfter: new Date(Date.now() + 5.5 * day) });
    await w.certificate('www');
    await w.certificate('soon');
    await w.synced('www', 'Synced');
    await w.synced('soon', 'Synced');
  });

  test('what ends first stands above; all are Ready', async () => {
    const { code, out, err } = await pcert(['status']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [head, ...lines] = out.trimEnd().split('\n');
    expect(head).toMatch(/^NAME +READY +EXPIRES +LEFT +SECRET +STATUS$/);
    expect(lines).toEqual([
      expect.stringMatching(/^soon  True   20\S+Z  5d    soon    The certificate expires in less than 7 days, .*$/),
      expect.stringMatching(
        /^www   True   20\S+Z  88d   www     Secret www holds what the provider has, valid until 20\S+Z\.$/,
      ),
    ]);
  });

  test('a terminal gets colours, and no more than fits', async () => {
    const { out } = await pcert(['status'], { columns: 80 });
    const lines = withColourNames(out).trimEnd().split('\n');
    expect(lines[1]).toMatch(/^soon  <green>True<\/>   \S+  <yellow>5d<\/>    soon    The certificate .*…$/);
    // oxlint-disable-next-line no-control-regex
    for (const line of out.replaceAll(/\u001b\[\d+m/g, '').split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('what ends soon', async () => {
    expect((await pcert(['status', '--expiring', '30d'])).out).toMatch(/^NAME.*\nsoon .*\n$/);
    expect(await pcert(['status', '--expiring', '1h'])).toEqual({
      code: 0,
      out: '',
      err: `No ProviderCertificates in namespace ${w.namespace} that end within 1h.\n`,
    });
  });

  test('one, in words and as the object', async () => {
    const { code, out } = await pcert(['status', 'www']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^${w.namespace}/www\\n  Ready +True \\(Valid\\): `));
    const object = await w.get('www');
    expect(out).toContain(object.status?.certificate?.fingerprintSHA256);
    const { managedFields: _, ...metadata } = object.metadata as ProviderCertificate['metadata'] & {
      managedFields?: unknown;
    };
    for (const [format, read] of [
      ['json', JSON.parse],
      ['yaml', load],
    ] as const) {
      const printed = await pcert(['status', 'www', '-o', format]);
      expect(read(printed.out)).toMatchObject({ kind: 'ProviderCertificate', metadata, spec: object.spec });
    }
    expect(JSON.parse((await pcert(['status', '-A', '-o', 'json'])).out)).toMatchObject({
      kind: 'List',
      items: expect.any(Array),
    });
  });

  test('ends with 1 when one is not Ready, and says why', async () => {
    await w.certificate('typo');
    await w.ready('typo', 'SecretMissing');
    const { code, out } = await pcert(['status'], { columns: 200 });
    expect(code).toBe(1);
    // Nothing is less usable than what is not there.
    expect(withColourNames(out).split('\n')[1]).toMatch(
      /^typo  <red>False<\/> +typo +The provider lists no certificate with this name\./,
    );
    expect((await pcert(['status', 'www'])).code).toBe(0);
    expect((await pcert(['status', 'typo'])).out).toContain('  Synced        False (CertificateNotFound): ');
    await w.remove('typo');
  });
});

describe('sync, suspend and resume', () => {
  test('sync has a certificate compared now, and waits for it', async () => {
    const before = (await w.get('www')).status?.lastHandledRefresh;
    expect(await pcert(['sync', 'www'])).toEqual({ code: 0, out: `${w.namespace}/www: requested\n`, err: '' });
    const { code, out } = await pcert(['sync', 'www', '--wait', '--timeout', '60s']);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/\/www: Synced: Secret www holds what the provider has, valid until 20\S+Z\.\n$/),
    });
    expect((await w.get('www')).status?.lastHandledRefresh).not.toBe(before);
  });

  test('all of them, with a bar on a terminal', async () => {
    const { code, out, err } = await pcert(['sync', '--all', '--wait'], { columns: 80 });
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line.includes('Synced: '))).toHaveLength(2);
    expect(err).toContain('1/2 waiting for the operator');
  });

  test('what is suspended does nothing until it is resumed', async () => {
    expect(await pcert(['suspend', 'www'])).toEqual({ code: 0, out: `${w.namespace}/www: suspended\n`, err: '' });
    await w.synced('www', 'Suspended');
    expect(await pcert(['sync', 'www', '--wait'])).toEqual({
      code: 1,
      out: `${w.namespace}/www: it is suspended: resume it first\n`,
      err: '',
    });
    expect((await pcert(['status', 'www'])).out).toContain('Suspended     yes\n');
    expect(await pcert(['resume', 'www'])).toMatchObject({ code: 0 });
    expect((await w.get('www')).spec).not.toHaveProperty('suspend');
    await w.synced('www', 'Synced');
  });

  test('one that breaks a rule is not waited for', async () => {
    await w.certificate('odd', { remoteRef: { commonName: 'www.example.com' } });
    await w.synced('odd', 'InvalidSpec');
    const { code, out } = await pcert(['sync', 'odd', '--wait', '--timeout', '60s']);
    expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/\/odd: InvalidSpec: [^\n]+\n$/) });
    await w.remove('odd');
  });

  test('one that comes out badly ends it with 1', async () => {
    await w.certificate('gone', { remoteRef: { name: 'gone' } });
    await w.synced('gone', 'CertificateNotFound');
    const { code, out } = await pcert(['sync', 'gone', 'www', '--wait'], { columns: 200 });
    expect(code).toBe(1);
    expect(withColourNames(out)).toMatch(/<red>\S+\/gone: CertificateNotFound: [^\n]+<\/>\n/);
    expect(withColourNames(out)).toMatch(/<green>\S+\/www: Synced: [^\n]+<\/>\n/);
    await w.remove('gone');
  });

  test('nobody who answers is told of', async () => {
    await using quiet = await world({ operator: false });
    await quiet.certificate('www');
    const { code, out } = await pcert(['sync', 'www', '-n', quiet.namespace, '--wait', '--timeout', '1s']);
    expect({ code, out }).toEqual({
      code: 1,
      out: `${quiet.namespace}/www: not done within 1s; the operator has said nothing yet: does it run?\n`,
    });
    expect(await pcert(['status', '-n', quiet.namespace])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/\nwww +Unknown /),
    });
  });
});

describe('import', () => {
  test('prints manifests that the API server takes', async () => {
    w.nhn.upload('*.example.com', (await w.issue('www')).bundle);
    const { code, out, err } = await pcert(['import', '--provider', 'nhn', '--match', '*w*', ...allow]);
    expect(code).toBe(0);
    expect(err).toBe('Manifests: 1, for 1 of 3 certificates.\n');
    expect(loadAll(out)).toEqual([
      {
        apiVersion: 'provider-certificates.io/v1alpha1',
        kind: 'ProviderCertificate',
        metadata: { name: 'www', namespace: w.namespace },
        spec: { providerRef: { name: 'nhn' }, remoteRef: { name: 'www' } },
      },
    ]);
    const all = loadAll((await pcert(['import', '--provider', 'cprov/nhn', ...allow])).out) as ProviderCertificate[];
    expect(all.map(({ metadata }) => metadata.name)).toEqual(['soon', 'wildcard-example-com', 'www']);
    const [, wildcard] = all;
    await w.certificate('wildcard-example-com', wildcard?.spec);
    await w.synced('wildcard-example-com', 'Synced');
  });
});

test('remote list and show use the provider object and its credentials', async () => {
  expect(await pcert(['remote', 'list', '--provider', 'nhn', ...allow])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^NAME .*\nsoon .*\n[^]*www /),
  });
  expect(await pcert(['remote', 'show', '--provider', 'nhn', '--name', 'www', ...allow])).toMatchObject({ code: 0 });
});

describe('wrong names, wrong credentials, wrong clusters', () => {
  test.each([
    { args: ['status', 'nope'], err: 'There is no ProviderCertificate nope in namespace NS.' },
    { args: ['verify', 'nope'], err: 'There is no ProviderCertificate nope in namespace NS.' },
    { args: ['sync', 'nope'], err: 'There is no ProviderCertificate nope in namespace NS.' },
    { args: ['suspend', 'nope'], err: 'There is no ProviderCertificate nope in namespace NS.' },
    { args: ['status', '../secrets/x'], err: '"../secrets/x" cannot be the name of an object.' },
    { args: ['sync'], err: 'Give either names or --all.' },
    { args: ['sync', 'www', '-A'], err: '--all-namespaces goes with --all.' },
    { args: ['status', 'www', '-A'], err: 'A name and --all-namespaces do not go together.' },
    { args: ['import', '--provider', 'nope'], err: 'There is no CertificateProvider nope in namespace NS.' },
    { args: ['import', '--provider', 'ccprov/nope'], err: 'There is no ClusterCertificateProvider nope.' },
    {
      args: ['import', '--provider', 'nhn', '--by', 'id', ...allow],
      err: 'CertificateProvider nhn selects by name, not by id.',
    },
    {
      args: ['remote', 'list', '--provider', 'nhn'],
      err: "CertificateProvider nhn: The endpoint's host is not allowed; use --allow-endpoint 127.0.0.1:PORT to allow it.",
    },
    { args: ['status', '--context', 'nope'], err: 'the kubeconfig has no context nope.' },
  ])('$args', async ({ args, err }) => {
    const { code, out, err: said } = await pcert(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    const port = new URL(w.nhn.url).port;
    expect(said).toBe(`pcert: ${err.replace('NS', w.namespace).replace('PORT', port)}\n`);
  });

  test('credentials that the cloud does not take', async () => {
    await w.credentials('wrong', { ...w.access, secretAccessKey: 'no-such-secret' });
    await w.provider('wrong', w.nhn);
    const { code, out, err } = await pcert(['remote', 'list', '--provider', 'wrong', ...allow]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^pcert: CertificateProvider wrong: .*does not accept the credentials.*\n$/);
    expect(err).not.toContain('no-such-secret');
    await w.provider('none', w.nhn);
    expect((await pcert(['remote', 'list', '--provider', 'none', ...allow])).err).toBe(
      `pcert: There is no Secret ${w.namespace}/none-credentials, which CertificateProvider none names.\n`,
    );
  });

  test('whoever may not do it is told so', async () => {
    // The operator may read, but not annotate.
    const env = { KUBECONFIG: await w.serviceAccount() };
    expect(await pcert(['status', '-A'], { env })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^pcert: .*forbidden.*\n$/i),
    });
  });

  test.each([
    {
      what: 'a token that it does not know',
      change: { token: 'no-such-token' },
      err: /^pcert: .*(?:Unauthorized|401).*\n$/,
    },
    { what: 'a server that is not there', change: { url: 'https://127.0.0.1:1' }, err: /^pcert: .*ECONNREFUSED.*\n$/ },
  ])('$what', async ({ change, err }) => {
    const { cert: _, key: __, ...access } = accessOf(await readFile(inject('kubeconfig'), 'utf8'));
    const path = join(runFolders(inject('runDirectory')).logs, '..', 'wrong.kubeconfig');
    await writeFile(path, kubeconfig('somebody', { token: 'x', ...access, ...change }));
    const said = await pcert(['status'], { env: { KUBECONFIG: path } });
    expect(said).toEqual({ code: 2, out: '', err: expect.stringMatching(err) });
    expect(said.err).not.toContain('no-such-token');
  });

  test('no API server is configured', async () => {
    const { code, out, err } = await pcert(['status'], { env: { KUBECONFIG: '', HOME: '/nonexistent' } });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^pcert: no API server is configured: .*\n$/);
  });
});

describe('the built file', () => {
  const { commandLine } = runFolders(inject('runDirectory'));
  const env = (): NodeJS.ProcessEnv => ({
    PATH: [dirname(process.execPath), dirname(commandLine), process.env['PATH']].join(delimiter),
    KUBECONFIG: inject('kubeconfig'),
    HOME: dirname(commandLine),
  });

  test('is a plugin of kubectl', async () => {
    const { stdout } = await promisify(execFile)('kubectl', ['pcert', 'status', '-n', w.namespace], { env: env() });
    expect(stdout).toMatch(/^NAME .*\nsoon .*\n/);
    const help = await promisify(execFile)('kubectl', ['pcert', 'verify', '--help'], { env: env() });
    expect(help.stdout).toContain('\n  kubectl pcert verify www-example-com\n');
  });

  test('completes names from the cluster, and what kubectl asks for', async () => {
    const { stdout } = await promisify(execFile)(commandLine, ['__complete', '-n', w.namespace, 'status', 'w'], {
      env: env(),
    });
    expect(stdout).toBe('wildcard-example-com\nwww\n:4\n');
  });

  test('a script for bash does that, too', async () => {
    const script = `pcert() { kubectl-pcert "$@"; }; source <(pcert completion bash)
      COMP_WORDS=(pcert -n ${w.namespace} status w); COMP_CWORD=4; _pcert; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env: env() });
    expect(stdout).toBe('wildcard-example-com www\n');
  });

  test('is quiet when whoever reads has seen enough', async () => {
    const child = spawn(commandLine, ['status', '-n', w.namespace, '-o', 'json'], { env: env() });
    child.stdout.destroy();
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect({ said, code }).toEqual({ said: '', code: 0 });
  });

  test('does not ask when there is no terminal', async () => {
    const child = spawn(commandLine, ['remote', 'delete', '--name', 'x', '--config', '-'], { env: env() });
    child.stdin.end('kind: CertificateProvider\nspec: {}');
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect({ said, code }).toEqual({
      said: expect.stringMatching(/^kubectl pcert: CertificateProvider is not valid: .*\n$/),
      code: 2,
    });
  });
});
