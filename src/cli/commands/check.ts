import type { Command } from 'commander';
import { judge } from '../../certificate/gate.ts';
import { offline } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import { Failure } from '../failure.ts';
import { readInput } from '../input.ts';
import { type KeyFlags, addKeyFlags, readKeys } from '../keys.ts';
import type { Shell } from '../shell.ts';
import { line } from '../text.ts';
import { describeParts, explainVerdict } from '../verdict.ts';

export const addCheck: AddCommand = (parent, pcert) => {
  const command = parent
    .command('check <files...>')
    .summary('run the gate on local files and explain what it finds')
    .description(
      'Judges files as the operator judges what a provider gives: together they are one bundle. "-" is what is piped in.\n' +
        'Nothing is sent anywhere. Exits with 1 when the bundle is refused.',
    );
  addKeyFlags(command);
  command.action(async (files: string[], _: object, command: Command) => {
    pcert.ended((await check(files, command.opts<KeyFlags>(), pcert.shell)) ? 0 : 1);
  });
  offline(command);
  addExamples(command, pcert, [
    ['A bundle with certificate, chain and key, as NHN Cloud takes it', 'check bundle.pem --dns www.example.com'],
    ['Three files, as Samsung Cloud Platform takes them', 'check certificate.pem chain.pem --key key.pem'],
    ['A key with a passphrase', 'check bundle.pem --passphrase-file passphrase.txt'],
  ]);
};

/** @returns whether the gate lets it pass */
async function check(files: readonly string[], flags: KeyFlags, shell: Shell): Promise<boolean> {
  if (files.filter((file) => file === '-').length > 1) throw new Failure('"-" can be given once only.');
  const parts: Buffer[] = [];
  for (const file of files) parts.push(await readInput(file, shell));
  const keys = await readKeys(flags, shell);
  const now = shell.now();
  const layout = layoutFor(shell.out, shell);
  const verdict = judge({
    parts,
    ...keys,
    dnsNames: flags.dns ?? [],
    caCertificate: 'Include',
    now,
  });
  shell.out.write(explainVerdict(verdict, { now, layout }));
  if (verdict.accepted) verdict.pair.privateKey.fill(0);
  else {
    const described = describeParts(parts, layout);
    if (described !== '') shell.out.write(line('The bundle holds', undefined, layout) + described);
  }
  for (const secret of [...parts, ...(keys.privateKey ? [keys.privateKey] : [])]) secret.fill(0);
  return verdict.accepted;
}
