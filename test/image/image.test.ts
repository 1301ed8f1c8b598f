import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { accessOf } from '../../sandbox/control-plane/kubeconfig.ts';
import { freePort } from '../../sandbox/control-plane/port.ts';
import { leaderElectionRules, namespaceRules } from '../../sandbox/rbac.ts';
import { buildCommandLine, buildOperator } from '../../scripts/build.ts';
import { eventually } from '../support/eventually.ts';
import { entryPoint } from '../support/image.ts';
import { kubectl } from '../support/kubectl.ts';
import { world } from '../support/world.ts';
import { makeBase } from './base.ts';
import { type Engine, findEngine, runLabel } from './engine.ts';

const root = join(import.meta.dirname, '..', '..');
const run = inject('imageRun');
const base = `localhost/provider-certificates-base:${run}`;
const image = `localhost/provider-certificates:${run}`;

let engine: Engine;
let controlPlane: ControlPlane;

/** As a cluster with the Pod Security Standard `restricted` would run it, and without a file system to write to. */
class Operator extends GenericContainer {
  constructor() {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges').withNetworkMode('host');
  }
}

/** Waits until a container has ended. @returns how, and what it has written */
async function ended(container: StartedTestContainer): Promise<{ code: number; output: string }> {
  const handle = engine.getContainer(container.getId());
  const { StatusCode: code } = (await handle.wait()) as { StatusCode: number };
  const output = await handle.logs({ stdout: true, stderr: true, follow: false });
  await handle.remove();
  return { code, output: textOf(output) };
}

/** Each piece of a log comes with eight bytes before it, of which the last four are its length. */
function textOf(log: Buffer): string {
  let text = '';
  for (let at = 0; at < log.length;) {
    const end = at + 8 + log.readUInt32BE(at + 4);
    text += log.toString('utf8', at + 8, end);
    at = end;
  }
  return text;
}

/** What the kubelet puts into a pod, for everybody to read: token, CA and namespace. */
async function serviceAccountFolder(kubeconfig: string, namespace: string): Promise<string> {
  const folder = await mkdtemp(join(controlPlane.directory, 'service-account-'));
  const { token = '', ca } = accessOf(await readFile(kubeconfig, 'utf8'));
  for (const [name, text] of Object.entries({ token, 'ca.crt': ca, namespace }))
    await writeFile(join(folder, name), text);
  await chmod(folder, 0o755);
  return folder;
}

beforeAll(async () => {
  if (run === undefined) return;
  engine = (await findEngine())!;
  const folder = join(inject('runDirectory'), 'base');
  await mkdir(folder, { recursive: true });
  await makeBase(engine, base, { folder, run });
  await buildOperator(join(root, 'dist', 'operator.mjs'));
  await buildCommandLine(join(root, 'dist', 'pcert.mjs'));
  await GenericContainer.fromDockerfile(root)
    .withTarget('prebuilt')
    .withBuildArgs({ NODE_IMAGE: base, VERSION: '1.2.3', REVISION: 'abc' })
    .build(image, { deleteOnExit: false });
  controlPlane = await startControlPlane();
});

afterAll(() => controlPlane?.stop());

describe.skipIf(run === undefined)('the image', () => {
  test('adds less than 15 MB to its base, and three files', async () => {
    const [before, after] = await Promise.all([base, image].map((name) => engine.getImage(name).inspect()));
    const added = after!.Size - before!.Size;
    console.log(`The image adds ${(added / 1e6).toFixed(1)} MB to its base.`);
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThan(15e6);
  });

  test('says what it is, and runs as a user by number', async () => {
    const { Config: config } = await engine.getImage(image).inspect();
    expect(config.User).toBe('65532:65532');
    expect(config.Entrypoint).toEqual(['node', ...entryPoint.flags, '/app/operator.mjs']);
    expect(config.Env).toEqual(
      expect.arrayContaining(Object.entries(entryPoint.env).map(([name, value]) => `${name}=${value}`)),
    );
    expect(entryPoint).toEqual({ flags: [expect.any(String), expect.any(String)], env: { MALLOC_ARENA_MAX: '2' } });
    expect(config.Cmd ?? []).toEqual([]);
    expect(config.Labels).toMatchObject({
      [runLabel]: run,
      'org.opencontainers.image.title': 'provider-certificates',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.revision': 'abc',
      'org.opencontainers.image.created': 'unknown',
    });
  });

  test.each([
    { args: ['--version'], code: 0, output: /^\d+\.\d+\.\d+\n$/ },
    { args: ['--no-such-flag'], code: 2, output: /^[^\n]*--no-such-flag[^\n]*\n$/ },
    // Neither in a cluster nor told of one.
    { args: ['--listen-address=127.0.0.1:0'], code: 1, output: /^[^\n]+\n$/ },
  ])('ends with $code when it is started with $args', async ({ args, code, output }) => {
    const container = await new Operator().withCommand(args).withWaitStrategy(Wait.forLogMessage(/./)).start();
    expect(await ended(container)).toEqual({ code, output: expect.stringMatching(output) });
  });

  test('works as in a pod: keeps a certificate, with a file system that it cannot write to, and ends with 0', async () => {
    const { adminKubeconfig, url } = controlPlane;
    await kubectl(['apply', '--server-side', '--filename', join(root, 'crds')], { kubeconfig: adminKubeconfig });
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all'], { kubeconfig: adminKubeconfig });
    await using w = await world({ kubeconfig: adminKubeconfig, operator: false });
    const { namespace } = w;
    const rules = [...namespaceRules, ...leaderElectionRules];
    const kubeconfig = await controlPlane.serviceAccount({
      namespace,
      name: 'operator',
      rules: [],
      namespacedRules: [{ namespace, rules }],
    });
    const { hostname, port } = new URL(url);
    const address = `127.0.0.1:${await freePort()}`;
    const container = await new Operator()
      .withCommand([
        '--leader-elect',
        `--watch-namespace=${namespace}`,
        `--listen-address=${address}`,
        '--allow-endpoint=127.0.0.1',
      ])
      .withEnvironment({ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port })
      .withBindMounts([
        {
          source: await serviceAccountFolder(kubeconfig, namespace),
          target: '/var/run/secrets/kubernetes.io/serviceaccount',
          mode: 'ro',
        },
      ])
      .withWaitStrategy(Wait.forLogMessage(/work begins/))
      .start();
    const { HostConfig: host } = await engine.getContainer(container.getId()).inspect();
    expect(host).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], NetworkMode: 'host' });

    const issued = await w.upload('www');
    await w.certificate('www');
    await w.holds('www', issued);
    expect(await w.event('www', 'Synced')).toMatchObject({ type: 'Normal' });
    await w.holds('www', await w.upload('www'));
    await eventually(async () => expect((await fetch(`http://${address}/readyz`)).status).toBe(200));

    // The command line goes with it, and has the rights of the pod.
    expect(await container.exec(['node', '/app/pcert.mjs', 'status'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^NAME .*\nwww +True .*\n$/),
    });

    await engine.getContainer(container.getId()).kill({ signal: 'SIGTERM' });
    const { code, output } = await ended(container);
    expect(code).toBe(0);
    expect(output.trim().split('\n').at(-1)).toContain('"msg":"stopped"');
  });
});
