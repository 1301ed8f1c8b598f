import { type Command, Option } from 'commander';
import type { InventoryEntry } from '../../providers/inventory.ts';
import { allowsCertificate } from '../../sync/consent.ts';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { toJson, toYaml } from '../documents.ts';
import type { Shell } from '../shell.ts';
import { type Cell, type Layout, table } from '../text.ts';

interface Flags extends AccountFlags {
  match?: string;
  instance?: string;
  output?: 'wide' | 'json' | 'yaml';
}

export const addRemoteList: AddCommand = (parent, pcert) => {
  const command = parent
    .command('list')
    .summary('list the certificates of an account')
    .description('Lists the certificates of an account as the provider lists them, the one that ends first above.');
  addAccountFlags(command);
  command
    .option('--match <glob>', 'only those whose name fits; * stands for any characters')
    .option('--instance <number>', 'only those that this load balancer or CDN uses (NAVER Cloud, API v1)')
    .addOption(new Option('-o, --output <format>', 'more columns, or all fields').choices(['wide', 'json', 'yaml']))
    .action(async (_: object, command: Command) => {
      await list(command.optsWithGlobals<Flags>(), pcert.shell);
      pcert.ended(0);
    });
  addExamples(command, pcert, [
    ['By a provider object of the cluster', 'remote list --provider nhn'],
    ['Without a cluster', 'remote list --config provider.yaml --config credentials.yaml'],
  ]);
};

async function list(flags: Flags, shell: Shell): Promise<void> {
  await using account = await openAccount(flags, shell);
  const { instance } = flags;
  const { entries } = await account.list(instance === undefined ? undefined : { instance });
  const shown = entries
    .filter(({ name }) => flags.match === undefined || allowsCertificate([flags.match], name))
    .sort((a, b) => (a.notAfter ?? '').localeCompare(b.notAfter ?? '') || a.name.localeCompare(b.name));
  if (flags.output === 'json') shell.out.write(toJson(shown));
  else if (flags.output === 'yaml') shell.out.write(toYaml(shown));
  else shell.out.write(inventoryTable(shown, { wide: flags.output === 'wide', layout: layoutFor(shell.out, shell) }));
}

export function inventoryTable(
  entries: readonly InventoryEntry[],
  { wide, layout }: { wide: boolean; layout: Layout },
): string {
  const columns: [head: string, cell: (entry: InventoryEntry) => Cell][] = [
    ['NAME', ({ name }) => name],
    // Where a name is all that there is, it is the id as well.
    ['ID', ({ id, name }) => (id === name ? '-' : id)],
    ['COMMON NAME', ({ commonName }) => commonName ?? '-'],
    ['STATE', ({ state, problem }) => ({ text: state ?? '-', style: problem ? 'red' : undefined })],
    ['ENDS', ({ notAfter }) => notAfter ?? '-'],
  ];
  if (wide) columns.push(['BEGINS', ({ notBefore }) => notBefore ?? '-'], ['REVISION', ({ revision }) => revision]);
  columns.push(['NOTE', ({ problem, withheld }) => problem?.message ?? withheld?.message ?? '']);
  return table(
    columns.map(([head]) => head),
    entries.map((entry) => columns.map(([, cell]) => cell(entry))),
    layout,
  );
}
