import { type Command, Option } from 'commander';
import { apiGroup, apiVersion } from '../../api/group.ts';
import { instant } from '../../printable.ts';
import type { InventoryEntry, Selector } from '../../providers/inventory.ts';
import { allowsCertificate } from '../../sync/consent.ts';
import { addEndpointFlag } from '../account-flags.ts';
import { type ClusterFlags, connect } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { toYamlStream } from '../documents.ts';
import { Failure } from '../failure.ts';
import { localNames } from '../names.ts';
import { RemoteAccount } from '../remote-account.ts';
import type { Shell } from '../shell.ts';
import { providerReference, type Source, sourceInCluster } from '../source.ts';
import { line } from '../text.ts';

interface Flags extends ClusterFlags {
  provider: string;
  match?: string;
  by?: Selector;
  allowEndpoint?: string[];
}

export const addImport: AddCommand = (parent, pcert) => {
  const command = parent
    .command('import')
    .summary('print manifests for what an account holds')
    .description(
      'Lists what the account of a provider object holds and prints a ProviderCertificate for each certificate, for ' +
        'kubectl apply or for Git. You must be allowed to read the credentials Secret.',
    )
    .requiredOption('--provider <name>', 'the provider object: NAME, cprov/NAME or ccprov/NAME')
    .option('--match <glob>', 'only certificates whose name at the provider fits; * stands for any characters')
    .addOption(
      new Option(
        '--by <selector>',
        'how the manifests select (default: commonName where renewals get other names, else name)',
      ).choices(['name', 'id', 'commonName']),
    );
  addEndpointFlag(command);
  command.action(async (_: object, command: Command) => {
    await importAll(command.optsWithGlobals<Flags>(), pcert.shell);
    pcert.ended(0);
  });
  addExamples(command, pcert, [
    ['Everything, into a file that goes to Git', 'import --provider nhn'],
    ['Some of it', "import --provider nhn --match '*.example.com'"],
    ['From an account that is shared by namespaces', 'import --provider ccprov/shared -n team-a'],
  ]);
};

async function importAll(flags: Flags, shell: Shell): Promise<void> {
  const ref = providerReference(flags.provider);
  const { signal } = new AbortController();
  let source: Source;
  let namespace: string;
  {
    await using cluster = await connect(flags, shell);
    source = await sourceInCluster(cluster, ref, signal);
    ({ namespace } = cluster);
  }
  await using account = await RemoteAccount.open(source, { allow: flags.allowEndpoint ?? [], env: shell.env });
  const selectors = source.provider.selectors(source.settings);
  if (flags.by !== undefined && !selectors.includes(flags.by))
    throw new Failure(`${source.title} selects by ${selectors.join(' or ')}, not by ${flags.by}.`);
  const { entries } = await account.list();
  const chosen = entries.filter(({ name }) => flags.match === undefined || allowsCertificate([flags.match], name));
  const layout = layoutFor(shell.err, shell);
  const usable = chosen.filter((entry) => {
    const why = unusable(entry, source);
    if (why !== undefined) shell.err.write(line(`left out: ${entry.name}: ${why}`, undefined, layout));
    return why === undefined;
  });
  const manifests = manifestsFor(usable, { source, namespace, by: flags.by });
  shell.out.write(toYamlStream(manifests));
  shell.err.write(`Manifests: ${manifests.length}, for ${chosen.length} of ${entries.length} certificates.\n`);
  if (source.provider.type === 'NAVER' && manifests.some(({ spec }) => spec.mode === undefined))
    shell.err.write('NAVER Cloud hands out no private keys: add privateKeySecretRef to each.\n');
}

function unusable({ name, problem, notAfter }: InventoryEntry, { settings, title }: Source): string | undefined {
  if (problem) return problem.message;
  const end = Date.parse(notAfter ?? '');
  if (end < Date.now() - 86_400_000) return `it ended at ${instant(end)}`;
  return allowsCertificate(settings.allowedCertificates, name) ? undefined : `${title} does not allow its use`;
}

interface Manifest {
  apiVersion: string;
  kind: 'ProviderCertificate';
  metadata: { name: string; namespace: string };
  spec: {
    providerRef: { name: string; kind?: 'ClusterCertificateProvider' };
    remoteRef: Partial<Record<Selector, string>>;
    mode?: 'Observe';
  };
}

/** One for each certificate; by common name one for each domain, whose newest certificate is what the operator takes. */
export function manifestsFor(
  entries: readonly InventoryEntry[],
  {
    source,
    namespace,
    by,
  }: { source: Pick<Source, 'ref' | 'provider' | 'settings'>; namespace: string; by?: Selector | undefined },
): Manifest[] {
  const { ref, provider, settings } = source;
  const renamed = provider.selectors(settings).includes('commonName');
  const timesUsed = Map.groupBy(entries, ({ name }) => name);
  const selected = entries.map((entry): { selector: Selector; value: string; entry: InventoryEntry } => {
    const { id, name, commonName } = entry;
    const wanted = by ?? (renamed ? 'commonName' : 'name');
    if (wanted === 'commonName' && commonName) return { selector: 'commonName', value: commonName, entry };
    const unique = timesUsed.get(name)?.length === 1;
    return wanted === 'id' || !unique ? { selector: 'id', value: id, entry } : { selector: 'name', value: name, entry };
  });
  const once = [...new Map(selected.map((one) => [`${one.selector}=${one.value}`, one])).values()];
  const titles = once.map(({ selector, value, entry }) => (selector === 'id' ? `${entry.name} ${value}` : value));
  const names = localNames(titles);
  return once
    .map(({ selector, value, entry }, index): Manifest => {
      const title = titles[index] ?? value;
      return {
        apiVersion: `${apiGroup}/${apiVersion}`,
        kind: 'ProviderCertificate',
        metadata: { name: names.get(title) ?? title, namespace },
        spec: {
          providerRef: { name: ref.name, ...(ref.kind === 'ClusterCertificateProvider' && { kind: ref.kind }) },
          remoteRef: { [selector]: value },
          ...(entry.withheld && { mode: 'Observe' as const }),
        },
      };
    })
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
