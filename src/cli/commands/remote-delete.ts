import type { Command } from 'commander';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { addYesFlag, confirm, type ConfirmFlags } from '../confirm.ts';
import { Failure } from '../failure.ts';
import { line } from '../text.ts';

interface Flags extends AccountFlags, ConfirmFlags {
  name?: string;
  id?: string;
}

export const addRemoteDelete: AddCommand = (parent, pcert) => {
  const { shell } = pcert;
  const command = parent
    .command('delete')
    .summary('delete a certificate at the provider')
    .description(
      'Deletes a certificate at the provider (SCP, NAVER); Secrets that were made from it stay.\n' +
        'Exits with 1 when it is not there or in use.',
    )
    .option('--name <name>', 'the certificate of this name at the provider')
    .option('--id <id>', 'the one with this id');
  addAccountFlags(command);
  addYesFlag(command);
  command.action(async (_: object, command: Command) => {
    const flags = command.optsWithGlobals<Flags>();
    const { name, id } = flags;
    if ((name === undefined) === (id === undefined)) throw new Failure('Give either --name or --id.');
    await using account = await openAccount(flags, shell);
    const entry = await account.find({ name, id });
    await confirm(`Delete ${account.titleOf(entry)}?`, flags, shell);
    await account.change((manager, call) => manager.delete(entry, call));
    shell.out.write(line(`${entry.name}: deleted`, undefined, layoutFor(shell.out, shell)));
    pcert.ended(0);
  });
  addExamples(command, pcert, [['What nothing uses any more', 'remote delete --provider scp --name shop-2025']]);
};
