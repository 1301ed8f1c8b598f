/**
 * The quick start: a real API server, a simulated cloud and the operator on this machine, and a tour of what they do.
 * Then it stays for a try by kubectl until Ctrl-C; with --once it ends, 0 when everything on the tour happened.
 */
import { readFile } from 'node:fs/promises';
import { tour } from './tour.ts';
import { World } from './world.ts';

const say = (line: string): void => console.log(line);
const once = process.argv.includes('--once');
const interrupted = new Promise<number>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => resolve(signal === 'SIGINT' ? 130 : 143));
});

/** @returns the exit code */
async function visit(world: World): Promise<number> {
  say('Starting the operator, with the rights of a ServiceAccount that has nothing but what it needs …');
  await world.startOperator();
  const ended = world.operator?.exited.then(async () => {
    throw new Error(`The operator ended by itself:\n${await readFile(world.operatorLog, 'utf8')}`);
  });
  await Promise.race([tour(world, say), ended]);
  if (once) return 0;
  say('\nAll of it stays until Ctrl-C. Try it:');
  say(`  export KUBECONFIG=${world.controlPlane.adminKubeconfig}`);
  say('  kubectl get pcert,cprov,cupload');
  say('  kubectl describe pcert www-example-com');
  say('  kubectl annotate pcert www-example-com provider-certificates.io/refresh="$(date +%s)" --overwrite');
  say(`  tail -f ${world.operatorLog}`);
  await Promise.race([interrupted, ended]);
  return 0;
}

async function main(): Promise<number> {
  say('Starting etcd and kube-apiserver …');
  await using world = await World.start(say);
  return await Promise.race([visit(world), interrupted]);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
