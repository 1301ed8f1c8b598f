import { type Command, Option } from 'commander';
import {
  conditionOf,
  endOf,
  getCertificate,
  listCertificates,
  messageOf,
  providerOf,
  readiness,
  remoteOf,
  type Stored,
} from '../certificates.ts';
import { type ClusterFlags, connect, objectNames } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { describeCertificate } from '../description.ts';
import { toJson, toYaml } from '../documents.ts';
import { readDuration, roughly } from '../duration.ts';
import { Failure } from '../failure.ts';
import type { Shell } from '../shell.ts';
import { type Cell, type Layout, type Style, table } from '../text.ts';

interface Flags extends ClusterFlags {
  allNamespaces?: boolean;
  expiring?: string;
  output?: 'wide' | 'json' | 'yaml';
}

export const addStatus: AddCommand = (parent, pcert) => {
  const command = parent
    .command('status [name]')
    .summary('how certificates are, the one that ends first above')
    .description(
      'Shows ProviderCertificates, the one that ends first above; with a name, all there is to know about one.\n' +
        'Exits with 1 when one that it shows is not Ready.',
    )
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--expiring <duration>', 'only those that end within this time (30d, 12h), or have ended')
    .addOption(new Option('-o, --output <format>', 'more columns, or the objects').choices(['wide', 'json', 'yaml']))
    .action(async (name: string | undefined, _: object, command: Command) => {
      pcert.ended((await status(name, command.optsWithGlobals<Flags>(), pcert.shell)) ? 0 : 1);
    });
  addExamples(command, pcert, [
    ['Those of the namespace of the current context', 'status'],
    ['What ends within 30 days, in all namespaces', 'status -A --expiring 30d'],
    ['All there is to know about one', 'status www-example-com'],
    ['For a script: who is not Ready', 'status -A -o json'],
  ]);
};

/** @returns whether everything that is shown is Ready */
async function status(name: string | undefined, flags: Flags, shell: Shell): Promise<boolean> {
  const { allNamespaces = false, expiring, output } = flags;
  if (name !== undefined && allNamespaces) throw new Failure('A name and --all-namespaces do not go together.');
  const within = expiring === undefined ? undefined : readDuration('--expiring', expiring);
  if (name !== undefined) objectNames([name]);
  await using cluster = await connect(flags, shell);
  const { signal } = new AbortController();
  const now = shell.now();
  const listed =
    name === undefined
      ? await listCertificates(cluster, allNamespaces ? undefined : cluster.namespace, signal)
      : [await getCertificate(cluster, name, signal)];
  const shown = listed
    .filter((object) => within === undefined || (endOf(object) ?? Infinity) <= now + within)
    .sort(byEnd);

  const layout = layoutFor(shell.out, shell);
  if (output === 'json' || output === 'yaml') {
    const [first] = shown;
    const list = { apiVersion: 'v1', kind: 'List', metadata: {}, items: shown };
    shell.out.write((output === 'json' ? toJson : toYaml)(name === undefined ? list : (first ?? list)));
  } else if (shown.length === 0) {
    const where = allNamespaces ? '' : ` in namespace ${cluster.namespace}`;
    shell.err.write(`No ProviderCertificates${where}${within === undefined ? '' : ` that end within ${expiring}`}.\n`);
  } else if (name === undefined) {
    shell.out.write(statusTable(shown, { now, layout, wide: output === 'wide', allNamespaces }));
  } else {
    for (const object of shown) shell.out.write(describeCertificate(object, { now, layout }));
  }
  return shown.every((object) => readiness(object) === 'True');
}

const readyStyles: Readonly<Record<string, Style>> = { True: 'green', False: 'red', Unknown: 'yellow' };

/** What kubectl would print, and how long each has left. */
export function statusTable(
  objects: readonly Stored[],
  { now, layout, wide, allNamespaces }: { now: number; layout: Layout; wide: boolean; allNamespaces: boolean },
): string {
  const columns: [head: string, cell: (object: Stored) => Cell][] = [
    ['NAME', ({ metadata }) => metadata.name],
    ['READY', (object) => ({ text: readiness(object), style: readyStyles[readiness(object)] })],
    ['EXPIRES', ({ status }) => status?.certificate?.notAfter ?? ''],
    ['LEFT', (object) => timeLeft(object, now)],
    ['SECRET', ({ status }) => status?.secretName ?? ''],
  ];
  if (allNamespaces) columns.unshift(['NAMESPACE', ({ metadata }) => metadata.namespace ?? '']);
  if (wide) {
    columns.push(
      ['PROVIDER', providerOf],
      ['REMOTE', remoteOf],
      ['ISSUER', ({ status }) => status?.certificate?.issuer ?? ''],
      ['SERIAL', ({ status }) => status?.certificate?.serialNumber ?? ''],
    );
  }
  columns.push(['STATUS', messageOf]);
  return table(
    columns.map(([head]) => head),
    objects.map((object) => columns.map(([, cell]) => cell(object))),
    layout,
  );
}

function timeLeft(object: Stored, now: number): Cell {
  const end = endOf(object);
  if (end === undefined) return '';
  const soon = conditionOf(object, 'Expiring')?.status === 'True' ? 'yellow' : undefined;
  return { text: end <= now ? 'ended' : roughly(end - now), style: end <= now ? 'red' : soon };
}

/** Those without a certificate first: nothing is less usable. */
function byEnd(a: Stored, b: Stored): number {
  const [endA, endB] = [endOf(a) ?? -Infinity, endOf(b) ?? -Infinity];
  if (endA !== endB) return endA < endB ? -1 : 1;
  const [keyA, keyB] = [a, b].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`) as [string, string];
  return keyA < keyB ? -1 : 1;
}
