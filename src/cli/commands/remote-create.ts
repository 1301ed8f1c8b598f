import type { Command } from 'commander';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { addYesFlag, confirm, type ConfirmFlags } from '../confirm.ts';
import { describeEntry } from '../description.ts';
import { addKeyFlags, type KeyFlags } from '../keys.ts';
import type { Shell } from '../shell.ts';
import { addScpFlags, readScpDetails, type ScpFlags, withPair } from '../upload.ts';

interface Flags extends AccountFlags, KeyFlags, ScpFlags, ConfirmFlags {
  replace?: boolean;
}

export const addRemoteCreate: AddCommand = (parent, pcert) => {
  const command = parent
    .command('create <certificate-name> <files...>')
    .summary('upload a certificate with its key')
    .description(
      'Runs the gate on local files and uploads certificate, chain and key under a name (SCP, NAVER).\n' +
        'Exits with 1 when the gate or the provider refuses it: then nothing was changed.',
    );
  addAccountFlags(command);
  addKeyFlags(command);
  addScpFlags(command);
  command.option('--replace', 'put it in the place of the certificate of this name (NAVER Cloud, API v2)');
  addYesFlag(command);
  command.action(async (name: string, files: string[], _: object, command: Command) => {
    await create(name, files, command.optsWithGlobals<Flags>(), pcert.shell);
    pcert.ended(0);
  });
  addExamples(command, pcert, [
    ['At Samsung Cloud Platform', 'remote create shop-2027 bundle.pem --provider scp --timezone Asia/Seoul'],
    ['A renewal in place, at NAVER Cloud', 'remote create blog bundle.pem --provider naver --replace'],
  ]);
};

async function create(name: string, files: readonly string[], flags: Flags, shell: Shell): Promise<void> {
  const scp = readScpDetails(flags);
  await using account = await openAccount(flags, shell);
  const replace = flags.replace ? account.operation('replace') : undefined;
  const entry = await withPair(files, flags, shell, async (pair) => {
    if (replace === undefined) return account.change((manager, call) => manager.create({ name, ...pair, scp }, call));
    const former = await account.find({ name });
    await confirm(`Replace ${account.titleOf(former)}?`, flags, shell);
    return account.change((_, call) => replace(former, pair, call));
  });
  shell.out.write(describeEntry(entry, layoutFor(shell.out, shell)));
}
