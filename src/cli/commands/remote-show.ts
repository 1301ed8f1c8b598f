import type { Command } from 'commander';
import { judge } from '../../certificate/gate.ts';
import { ProviderError } from '../../providers/errors.ts';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { describeEntry } from '../description.ts';
import { Failure } from '../failure.ts';
import { addKeyFlags, type KeyFlags, readKeys } from '../keys.ts';
import { RemoteAccount } from '../remote-account.ts';
import { addSelectorFlags, readSelector, type SelectorFlags } from '../selector.ts';
import type { Shell } from '../shell.ts';
import { describeParts, explainVerdict } from '../verdict.ts';

interface Flags extends AccountFlags, KeyFlags, SelectorFlags {
  pem?: boolean;
  showKey?: boolean;
}

export const addRemoteShow: AddCommand = (parent, pcert) => {
  const command = parent
    .command('show')
    .summary('show one certificate, and what the gate says of it')
    .description(
      'Shows what the provider lists of one certificate, downloads it and judges it as the operator would.\n' +
        'Exits with 1 when it is not there, not handed out, or refused.',
    );
  addSelectorFlags(command);
  addAccountFlags(command);
  addKeyFlags(command);
  command
    .option('--pem', 'print certificate and chain as PEM, and nothing else')
    .option('--show-key', 'with --pem: the private key, too')
    .action(async (_: object, command: Command) => {
      pcert.ended((await show(command.optsWithGlobals<Flags>(), pcert.shell)) ? 0 : 1);
    });
  addExamples(command, pcert, [
    ['By its name', 'remote show --provider nhn --name www.example.com'],
    ['The newest one of a domain', 'remote show --provider scp --common-name shop.example.com'],
    ['Its chain, to look at with other tools', 'remote show --provider nhn --name www.example.com --pem'],
  ]);
};

/** @returns whether it could be used */
async function show(flags: Flags, shell: Shell): Promise<boolean> {
  const { pem = false, showKey = false } = flags;
  if (showKey && !pem) throw new Failure('--show-key goes with --pem.');
  const selector = readSelector(flags);
  await using account = await openAccount(flags, shell);
  const { inventory } = await account.list();
  const entry = RemoteAccount.selected(inventory, selector);
  const layout = layoutFor(shell.out, shell);
  if (!pem) shell.out.write(describeEntry(entry, layout));
  let parts: Uint8Array[];
  try {
    parts = await account.download(entry);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    throw new Failure(`${entry.name}: ${error.message}`, 1);
  }
  const keys = await readKeys(flags, shell);
  const now = shell.now();
  const verdict = judge({
    parts,
    ...keys,
    dnsNames: flags.dns ?? [],
    caCertificate: 'Include',
    now,
  });
  if (!pem) {
    shell.out.write(explainVerdict(verdict, { now, layout }));
    if (!verdict.accepted) shell.out.write(describeParts(parts, layout));
  } else if (!verdict.accepted) {
    throw new Failure(`${entry.name} is refused: ${verdict.reason}: ${verdict.message}`, 1);
  } else {
    const { certificates, privateKey, ca = '' } = verdict.pair;
    shell.out.write(certificates + ca + (showKey ? Buffer.from(privateKey).toString('latin1') : ''));
  }
  for (const part of parts) part.fill(0);
  if (verdict.accepted) verdict.pair.privateKey.fill(0);
  return verdict.accepted;
}
