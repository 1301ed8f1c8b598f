import { join } from 'node:path';
import type { Command } from 'commander';
import { judge } from '../../certificate/gate.ts';
import { inspectPair } from '../../certificate/inspect.ts';
import { instant } from '../../printable.ts';
import type { Facts } from '../../certificate/facts.ts';
import type { Pair } from '../../certificate/verdict.ts';
import { ProviderError } from '../../providers/errors.ts';
import type { InventoryEntry } from '../../providers/inventory.ts';
import { allowsCertificate } from '../../sync/consent.ts';
import { addConfigFlag, addEndpointFlag, openAccount } from '../account-flags.ts';
import { offline } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { Failure } from '../failure.ts';
import { addKeyFlags, type KeyFlags, readKeys } from '../keys.ts';
import { localNames } from '../names.ts';
import { filesIn, putPair } from '../pair-files.ts';
import { Progress } from '../progress.ts';
import { RemoteAccount } from '../remote-account.ts';
import { secretManifest } from '../secret-manifest.ts';
import { addSelectorFlags, readSelector, type SelectorFlags } from '../selector.ts';
import type { Shell } from '../shell.ts';
import { line } from '../text.ts';

interface Flags extends KeyFlags, SelectorFlags {
  config: string[];
  all?: boolean;
  match?: string;
  out?: string;
  secretManifest?: boolean;
  showKey?: boolean;
  allowOlder?: boolean;
  allowIncompleteChain?: boolean;
  allowEndpoint?: string[];
}

export const addFetch: AddCommand = (parent, pcert) => {
  const command = parent
    .command('fetch')
    .summary('get certificates as files, without a cluster')
    .description(
      'Downloads a certificate, judges it as the operator does, and puts tls.crt, tls.key and ca.crt into a folder. All of ' +
        'them change at once; whatever is refused leaves the files as they are. For cron and for machines outside of clusters.\n' +
        'Exits with 1 when a certificate is not there, not handed out, or refused.',
    );
  addConfigFlag(command);
  addSelectorFlags(command);
  command
    .option('--all', 'everything that the account holds, each in a folder of its own')
    .option('--match <glob>', 'with --all: only those whose name fits; * stands for any characters')
    .option('--out <dir>', 'where the files go; made when it is not there')
    .option(
      '--secret-manifest',
      'print a Secret instead, for GitOps; it holds the private key, so --show-key is needed',
    )
    .option('--show-key', 'allow the private key to be printed');
  addKeyFlags(command);
  command
    .option('--allow-older', 'also take a certificate that is older than the one in the folder')
    .option('--allow-incomplete-chain', 'also take one without its intermediates where the folder has one with them');
  addEndpointFlag(command);
  command.action(async (_: object, command: Command) => {
    const flags = command.opts<Flags>();
    pcert.ended((await (flags.all ? fetchAll(flags, pcert.shell) : fetchOne(flags, pcert.shell))) ? 0 : 1);
  });
  offline(command);
  addExamples(command, pcert, [
    ['One certificate', 'fetch --config provider.yaml --name www.example.com --out /etc/nginx/tls'],
    [
      'With the credentials in PCERT_APP_KEY, PCERT_ACCESS_KEY_ID and PCERT_SECRET_ACCESS_KEY, or in a Secret of a file',
      'fetch --config provider.yaml --config credentials.yaml --name www.example.com --out tls',
    ],
    [
      'Everything that has a name of example.com',
      "fetch --config provider.yaml --all --match '*.example.com' --out tls",
    ],
    [
      'A Secret, straight into sops',
      'fetch --config provider.yaml --name www.example.com --secret-manifest --show-key',
    ],
  ]);
};

/** @returns whether it is there, or was printed */
async function fetchOne(flags: Flags, shell: Shell): Promise<boolean> {
  const { out, secretManifest: asManifest = false, showKey = false } = flags;
  if (flags.match !== undefined) throw new Failure('--match goes with --all.');
  if ((out === undefined) !== asManifest) throw new Failure('Give either --out or --secret-manifest.');
  if (asManifest && !showKey)
    throw new Failure(
      'A Secret holds the private key, which is printed with --show-key only: add it, and encrypt what comes.',
    );
  if (showKey && !asManifest) throw new Failure('--show-key goes with --secret-manifest.');
  const selector = readSelector(flags);
  await using account = await openAccount(flags, shell);
  const { inventory } = await account.list();
  const entry = RemoteAccount.selected(inventory, selector);
  const obtained = await obtain(account, entry, {
    ...flags,
    directory: out,
    keys: await readKeys(flags, shell),
    now: shell.now(),
  });
  const errors = layoutFor(shell.err, shell);
  if ('refused' in obtained) {
    shell.err.write(line(obtained.refused, 'red', errors));
    return false;
  }
  const { pair, notes } = obtained;
  for (const note of notes) shell.err.write(line(note, 'yellow', errors));
  if (out !== undefined) shell.out.write(line(put(entry, pair, out), undefined, layoutFor(shell.out, shell)));
  else shell.out.write(secretManifest(localNames([entry.name]).get(entry.name) ?? '', pair));
  pair.privateKey.fill(0);
  return true;
}

/** @returns whether all of them are there */
async function fetchAll(flags: Flags, shell: Shell): Promise<boolean> {
  const { out, match } = flags;
  if (out === undefined || flags.secretManifest || flags.showKey)
    throw new Failure('--all goes with --out, and not with --secret-manifest.');
  if (flags.name !== undefined || flags.id !== undefined || flags.commonName !== undefined)
    throw new Failure('--all goes with --match, and not with --name, --id or --common-name.');
  await using account = await openAccount(flags, shell);
  const { entries } = await account.list();
  const chosen = entries.filter(({ name }) => match === undefined || allowsCertificate([match], name));
  const timesUsed = Map.groupBy(chosen, ({ name }) => name);
  const titleOf = ({ name, id }: InventoryEntry): string =>
    timesUsed.get(name)?.length === 1 ? name : `${name} ${id}`;
  const folders = localNames(chosen.map(titleOf));
  const progress = new Progress(shell.err, shell, chosen.length);
  const keys = await readKeys(flags, shell);
  const [layout, errors] = [layoutFor(shell.out, shell), layoutFor(shell.err, shell)];
  let all = true;
  progress.draw('');
  const one = async (entry: InventoryEntry): Promise<void> => {
    const directory = join(out, folders.get(titleOf(entry)) ?? '');
    const obtained = await obtain(account, entry, { ...flags, directory, keys, now: shell.now() });
    if ('refused' in obtained) {
      all = false;
      progress.done(() => shell.err.write(line(obtained.refused, 'red', errors)));
    } else {
      const done = put(entry, obtained.pair, directory);
      obtained.pair.privateKey.fill(0);
      progress.done(() => {
        for (const note of obtained.notes) shell.err.write(line(note, 'yellow', errors));
        shell.out.write(line(done, undefined, layout));
      });
    }
    progress.draw(entry.name);
  };
  try {
    await Promise.all(chosen.map(one));
  } finally {
    progress.end();
  }
  if (chosen.length === 0) shell.err.write('There are no such certificates.\n');
  return all;
}

interface Conditions extends Flags {
  directory: string | undefined;
  keys: Awaited<ReturnType<typeof readKeys>>;
  now: number;
}

/** Downloads a certificate and judges it, beside the pair in the folder. Throws Failure when the provider fails. */
async function obtain(
  account: RemoteAccount,
  entry: InventoryEntry,
  { directory, keys, now, dns: dnsNames = [], allowOlder = false, allowIncompleteChain = false }: Conditions,
): Promise<{ pair: Pair; notes: string[] } | { refused: string }> {
  let parts: Uint8Array[];
  try {
    parts = await account.download(entry);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { refused: `${entry.name}: ${error.message}` };
  }
  const inPlace = directory === undefined ? undefined : placed(directory);
  const verdict = judge({
    parts,
    ...keys,
    dnsNames,
    allowOlder,
    allowIncompleteChain,
    caCertificate: 'Include',
    ...(inPlace && { inPlace }),
    now,
  });
  for (const part of parts) part.fill(0);
  if (verdict.accepted) {
    const notes = verdict.findings.map(({ reason, message }) => `${entry.name}: ${reason}: ${message}`);
    return { pair: verdict.pair, notes };
  }
  const kept = directory === undefined ? '' : ', and the files are as they were';
  return { refused: `${entry.name} is refused${kept}: ${verdict.reason}: ${verdict.message}` };
}

/** The pair in a folder, as the gate wants to know it. */
function placed(directory: string): { facts: Facts; asRecorded: true } | undefined {
  const files = filesIn(directory);
  const found = files && inspectPair(files);
  files?.privateKey.fill(0);
  return found?.intact ? { facts: found.facts, asRecorded: true } : undefined;
}

function put(entry: InventoryEntry, pair: Pair, directory: string): string {
  const done = putPair(directory, pair) ? 'written to' : 'unchanged in';
  return `${entry.name}: ${done} ${directory}, valid until ${instant(pair.facts.notAfter)}`;
}
