import type { Command } from 'commander';
import { providerCertificates } from '../../api/group.ts';
import { refreshAnnotation } from '../../api/names.ts';
import { type KubeObject, objectKey } from '../../kube/objects.ts';
import { conditionOf, listCertificates, type Stored } from '../certificates.ts';
import { type Cluster, type ClusterFlags, connect, explained, objectNames } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { readDuration } from '../duration.ts';
import { Failure } from '../failure.ts';
import { Progress } from '../progress.ts';
import type { Shell } from '../shell.ts';
import { line } from '../text.ts';
import { follow } from '../watching.ts';

interface Flags extends ClusterFlags {
  all?: boolean;
  allNamespaces?: boolean;
  wait?: boolean;
  timeout: string;
}

export const addSync: AddCommand = (parent, pcert) => {
  const command = parent
    .command('sync [names...]')
    .summary('have certificates downloaded and compared now')
    .description(
      'Asks the operator, by the refresh annotation, to download these certificates and compare them in full.\n' +
        'With --wait it exits with 1 when one is not in sync afterwards.',
    )
    .option('--all', 'all of the namespace')
    .option('-A, --all-namespaces', 'with --all: of all namespaces')
    .option('--wait', 'wait until the operator has done it')
    .option('--timeout <duration>', 'how long to wait at most', '2m')
    .action(async (names: string[], _: object, command: Command) => {
      pcert.ended((await sync(names, command.optsWithGlobals<Flags>(), pcert.shell)) ? 0 : 1);
    });
  addExamples(command, pcert, [
    ['After an upload on the same day, which NHN Cloud does not show', 'sync www-example-com --wait'],
    ['Everything in a namespace', 'sync --all -n shop --wait --timeout 5m'],
  ]);
};

/** Requests under way. */
const atOnce = 8;
const suspended = 'it is suspended: resume it first';

/** @returns whether there is nothing amiss */
async function sync(names: readonly string[], flags: Flags, shell: Shell): Promise<boolean> {
  const { all = false, allNamespaces = false, wait = false } = flags;
  if (all === names.length > 0) throw new Failure('Give either names or --all.');
  if (allNamespaces && !all) throw new Failure('--all-namespaces goes with --all.');
  const timeoutMs = readDuration('--timeout', flags.timeout);
  const wanted = objectNames(names);
  await using cluster = await connect(flags, shell);
  const { signal } = new AbortController();
  const namespace = allNamespaces ? undefined : cluster.namespace;
  const objects = all
    ? (await listCertificates(cluster, namespace, signal)).map(({ metadata }) => metadata)
    : wanted.map((name) => ({ namespace: cluster.namespace, name }));
  if (objects.length === 0) {
    shell.err.write('There are no ProviderCertificates.\n');
    return true;
  }

  const layout = layoutFor(shell.out, shell);
  const value = new Date(shell.now()).toISOString();
  const asked = new Map<string, Stored>();
  for (let at = 0; at < objects.length; at += atOnce) {
    const annotated = objects.slice(at, at + atOnce).map((object) => annotate(cluster, object, value, signal));
    for (const object of await Promise.all(annotated)) asked.set(objectKey(object.metadata), object);
  }
  if (!wait)
    for (const [key, { spec }] of asked)
      shell.out.write(line(`${key}: requested${spec?.suspend ? `, but ${suspended}` : ''}`, undefined, layout));
  if (!wait) return true;

  const progress = new Progress(shell.err, shell, asked.size);
  let good = true;
  const tell = (key: string, object: Stored | undefined): boolean => {
    const outcome = outcomeOf(object, value);
    if (outcome === undefined) return false;
    good &&= outcome.good;
    progress.done(() => shell.out.write(line(`${key}: ${outcome.said}`, outcome.good ? 'green' : 'red', layout)));
    return true;
  };
  progress.draw('waiting for the operator');
  const left = await follow(cluster, namespace, asked.keys(), {
    timeoutMs,
    onChange(key, object) {
      if (object !== undefined) asked.set(key, object);
      const ended = tell(key, object);
      progress.draw('waiting for the operator');
      return ended;
    },
  });
  progress.end();
  for (const key of left) {
    const said = saidOf(asked.get(key));
    shell.out.write(line(`${key}: not done within ${flags.timeout}; ${said}`, 'red', layout));
  }
  return good && left.length === 0;
}

async function annotate(
  { client }: Cluster,
  { namespace, name }: { namespace?: string | undefined; name: string },
  value: string,
  signal: AbortSignal,
): Promise<Stored> {
  const patch = { metadata: { annotations: { [refreshAnnotation]: value } } };
  try {
    return await client.mergePatch<Stored & KubeObject>(providerCertificates, { namespace, name }, patch, { signal });
  } catch (error) {
    throw explained(error, `ProviderCertificate ${name} in namespace ${namespace}`);
  }
}

/** How it ended; undefined while there is something to wait for. */
function outcomeOf(object: Stored | undefined, value: string): { good: boolean; said: string } | undefined {
  if (object === undefined) return { good: false, said: 'it was deleted meanwhile' };
  if (object.spec?.suspend === true) return { good: false, said: suspended };
  const synced = conditionOf(object, 'Synced');
  // What is asked by an object that breaks a rule is never done.
  const invalid = synced?.reason === 'InvalidSpec' && synced.observedGeneration === object.metadata.generation;
  if (!invalid && object.status?.lastHandledRefresh !== value) return undefined;
  return { good: synced?.status !== 'False', said: saidOf(object) };
}

function saidOf(object: Stored | undefined): string {
  const synced = object && conditionOf(object, 'Synced');
  return synced === undefined
    ? 'the operator has said nothing yet: does it run?'
    : `${synced.reason}: ${synced.message}`;
}
