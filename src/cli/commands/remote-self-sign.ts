import type { Command } from 'commander';
import { type AccountFlags, addAccountFlags, openAccount } from '../account-flags.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { describeEntry } from '../description.ts';
import { addScpFlags, readScpDetails, type ScpFlags } from '../upload.ts';

interface Flags extends AccountFlags, ScpFlags {
  commonName: string;
  organization: string;
  from?: string;
  until: string;
}

export const addRemoteSelfSign: AddCommand = (parent, pcert) => {
  const { shell } = pcert;
  const command = parent
    .command('self-sign <certificate-name>')
    .summary('have the provider make a certificate that it signs itself')
    .description('Lets the cloud make a key and a self-signed certificate (SCP). For tests: no browser trusts it.');
  addAccountFlags(command);
  command
    .requiredOption('--common-name <name>', 'what it is for')
    .requiredOption('--organization <name>', 'whose it is')
    .option('--from <day>', 'its first day, as YYYY-MM-DD (default: today)')
    .requiredOption('--until <day>', 'its last day');
  addScpFlags(command);
  command.action(async (name: string, _: object, command: Command) => {
    const flags = command.optsWithGlobals<Flags>();
    const { commonName, organization, from = new Date(shell.now()).toISOString().slice(0, 10), until } = flags;
    const wanted = { name, commonName, organization, notBefore: from, notAfter: until, scp: readScpDetails(flags) };
    await using account = await openAccount(flags, shell);
    const selfSign = account.operation('selfSign');
    const entry = await account.change((_, call) => selfSign(wanted, call));
    shell.out.write(describeEntry(entry, layoutFor(shell.out, shell)));
    pcert.ended(0);
  });
  addExamples(command, pcert, [
    [
      'For a year',
      'remote self-sign test-2027 --provider scp --common-name test.example.com --organization Example --until 2027-12-31 --timezone Asia/Seoul',
    ],
  ]);
};
