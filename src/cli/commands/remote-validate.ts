import type { Command } from 'commander';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { addKeyFlags, type KeyFlags } from '../keys.ts';
import { line } from '../text.ts';
import { withPair } from '../upload.ts';

type Flags = AccountFlags & KeyFlags;

export const addRemoteValidate: AddCommand = (parent, pcert) => {
  const { shell } = pcert;
  const command = parent
    .command('validate <files...>')
    .summary('ask whether the provider would take a certificate')
    .description(
      'Runs the gate on local files and then has the provider check the pair, which it does not keep (SCP).\n' +
        'The private key is sent. Exits with 1 when the gate or the provider refuses it.',
    );
  addAccountFlags(command);
  addKeyFlags(command);
  command.action(async (files: string[], _: object, command: Command) => {
    const flags = command.optsWithGlobals<Flags>();
    await using account = await openAccount(flags, shell);
    const validate = account.operation('validate');
    await withPair(files, flags, shell, (pair) => account.ask((_, call) => validate(pair, call)));
    shell.out.write(line('The provider would take it', 'green', layoutFor(shell.out, shell)));
    pcert.ended(0);
  });
  addExamples(command, pcert, [['Before an upload', 'remote validate bundle.pem --provider scp']]);
};
