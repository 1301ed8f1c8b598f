import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { inject } from 'vitest';

/**
 * Runs kubectl against the shared control plane, or the one of `kubeconfig`.
 * @param input what it reads from stdin, for `apply -f -`; an object or a list of them is sent as JSON
 * @returns what it printed
 * @throws with what it printed to stderr
 */
export function kubectl(
  args: readonly string[],
  { input, kubeconfig = inject('kubeconfig') }: { input?: string | object; kubeconfig?: string } = {},
): Promise<string> {
  // kubectl caches what an address serves for hours, and another control plane may have had this one's.
  const env = { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(kubeconfig, '..', 'kubectl-cache') };
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', args, { env, maxBuffer: 1 << 28, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin!.on('error', () => {}); // it ended without reading: its own message says why
    child.stdin!.end(input === undefined || typeof input === 'string' ? input : manifest(input));
  });
}

/** Makes a namespace that nobody else uses, and returns its name. There is nobody who would ever end it. */
export async function namespace(prefix = 'test'): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await kubectl(['create', 'namespace', name]);
  return name;
}

function manifest(input: object): string {
  return JSON.stringify(Array.isArray(input) ? { apiVersion: 'v1', kind: 'List', items: input } : input);
}
