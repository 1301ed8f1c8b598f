import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type ControlPlane, startControlPlane } from '../../sandbox/control-plane/index.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
});

afterAll(() => controlPlane.stop());

function admin(...args: string[]): Promise<string> {
  return kubectl(args, { kubeconfig: controlPlane.adminKubeconfig });
}

/** The ids of processes whose command line names the folder. */
async function processesOf(directory: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,args=']);
  const lines = stdout.split('\n').filter((line) => line.includes(directory) && !line.includes(' ps '));
  return lines.map((line) => Number.parseInt(line, 10));
}

describe('a control plane', () => {
  test('is a kube-apiserver of the pinned version', async () => {
    const { serverVersion } = JSON.parse(await admin('version', '-o=json')) as {
      serverVersion: { gitVersion: string };
    };
    expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+/);
  });

  test('gives a ServiceAccount what its rules say, where they say it, and nothing else', async () => {
    const kubeconfig = await controlPlane.serviceAccount({
      namespace: 'system',
      name: 'reader',
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
      namespacedRules: [
        { namespace: 'shop', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }] },
      ],
    });
    const reader = (...args: string[]): Promise<string> => kubectl(args, { kubeconfig });
    expect(await reader('auth', 'whoami', '-o=jsonpath={.status.userInfo.username}')).toBe(
      'system:serviceaccount:system:reader',
    );
    await reader('get', 'secrets', '--all-namespaces');
    await reader('-n=shop', 'create', 'configmap', 'mine');
    await expect(reader('-n=default', 'create', 'configmap', 'mine')).rejects.toThrow(/forbidden/i);
    await expect(reader('-n=shop', 'get', 'configmap', 'mine')).rejects.toThrow(/forbidden/i);
    await expect(reader('get', 'nodes')).rejects.toThrow(/forbidden/i);
  });

  test('can lose its API server and get it back, with its data, its address and its tokens', async () => {
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
    const kubeconfig = await controlPlane.serviceAccount({ namespace: 'system', name: 'survivor', rules });
    await admin('create', 'configmap', 'kept', '--from-literal=color=red');
    await controlPlane.kill();
    await expect(admin('get', 'configmap', 'kept')).rejects.toThrow(/refused/);
    await controlPlane.restart();
    const color = await kubectl(['-n=default', 'get', 'configmap', 'kept', '-o=jsonpath={.data.color}'], {
      kubeconfig,
    });
    expect(color).toBe('red');
  });

  test('can be paused: it accepts connections and does not answer', async () => {
    controlPlane.pause();
    await expect(admin('get', 'namespaces', '--request-timeout=1s')).rejects.toThrow(/imeout|deadline/);
    controlPlane.resume();
    await admin('get', 'namespaces');
  });

  test('shows its metrics', async () => {
    expect(await controlPlane.metrics()).toMatch(/^apiserver_request_total\{/m);
  });

  test('leaves nothing behind when its parent is killed', async () => {
    const parent = fork(join(import.meta.dirname, 'control-plane.parent.ts'), { execArgv: [], stdio: 'ignore' });
    const [directory] = (await once(parent, 'message')) as [string];
    expect((await processesOf(directory)).length).toBeGreaterThanOrEqual(2);
    parent.kill('SIGKILL');
    await eventually(async () => {
      expect(await processesOf(directory)).toEqual([]);
      await expect(access(directory)).rejects.toThrow('ENOENT');
    });
  });

  test('stops without a trace', async () => {
    const { directory } = controlPlane;
    expect((await processesOf(directory)).length).toBeGreaterThanOrEqual(2);
    await controlPlane.stop();
    expect(await processesOf(directory)).toEqual([]);
    await expect(access(directory)).rejects.toThrow('ENOENT');
  });
});
