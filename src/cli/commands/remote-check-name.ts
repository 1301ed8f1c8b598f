import type { Command } from 'commander';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { line } from '../text.ts';

export const addRemoteCheckName: AddCommand = (parent, pcert) => {
  const { shell } = pcert;
  const command = parent
    .command('check-name <certificate-name>')
    .summary('ask whether a name is still free')
    .description('Asks whether a certificate can be made under this name. Exits with 1 when it cannot.');
  addAccountFlags(command);
  command.action(async (name: string, _: object, command: Command) => {
    await using account = await openAccount(command.optsWithGlobals<AccountFlags>(), shell);
    const free = await account.ask((manager, call) => manager.isNameFree(name, call));
    const said = free ? 'is free' : 'is taken';
    shell.out.write(line(`${name} ${said}`, free ? 'green' : 'red', layoutFor(shell.out, shell)));
    pcert.ended(free ? 0 : 1);
  });
  addExamples(command, pcert, [['Before an upload', 'remote check-name shop-2027 --provider scp']]);
};
