import type { Command } from 'commander';
import { certificateProviders, clusterCertificateProviders, providerCertificates } from '../api/group.ts';
import { printable } from '../printable.ts';
import { type KubeObject, namespaces, type Resource } from '../kube/objects.ts';
import { type Candidates, candidates, type Wanted } from './candidates.ts';
import { connect } from './cluster.ts';
import type { Shell } from './shell.ts';

/** Whoever presses Tab does not wait longer for a cluster. */
const patienceMs = 3_000;

/**
 * Answers a shell that asks how a command line may go on, in the manner of kubectl: a line for each word, with a tab and
 * what it is about, then `:0` when files are wanted as well, or `:4`.
 */
export async function answerShell(root: Command, words: readonly string[], shell: Shell): Promise<void> {
  const found = candidates(root, words);
  const { prefix, files, names } = found;
  const last = (words.at(-1) ?? '').slice(prefix.length);
  const more = names === undefined ? [] : await named(names, found, shell).catch(() => []);
  const all = [
    ...found.words,
    ...more.filter((name) => name.startsWith(last)).map((name) => ({ word: prefix + name, about: '' })),
  ];
  for (const { word, about } of all) shell.out.write(`${printable(word, 512)}${about && `\t${about}`}\n`);
  shell.out.write(files ? ':0\n' : ':4\n');
}

/** Names of objects, without looking at what is in them. */
async function named(wanted: Wanted, { flags }: Candidates, shell: Shell): Promise<string[]> {
  await using cluster = await connect(flags, shell);
  const { client, namespace } = cluster;
  const signal = AbortSignal.timeout(patienceMs);
  const list = async (resource: Resource): Promise<string[]> => {
    const names: string[] = [];
    const where = resource.namespaced ? { namespace } : {};
    for await (const { items } of client.pages<KubeObject>(resource, { ...where, signal, metadataOnly: true }))
      names.push(...items.map(({ metadata }) => metadata.name));
    return names;
  };
  switch (wanted) {
    case 'certificates':
      return await list(providerCertificates);
    case 'namespaces':
      return await list(namespaces);
    case 'providers': {
      // Whoever may see one kind only, is offered that.
      const both = await Promise.allSettled([list(certificateProviders), list(clusterCertificateProviders)]);
      const [own = [], shared = []] = both.map((one) => (one.status === 'fulfilled' ? one.value : []));
      return [...own, ...shared.map((name) => `ccprov/${name}`)];
    }
  }
}
