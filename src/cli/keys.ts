import type { Command } from 'commander';
import { readInput } from './input.ts';
import type { Shell } from './shell.ts';

/** What the gate is given besides the bundle. */
export interface KeyFlags {
  key?: string;
  passphraseFile?: string;
  dns?: string[];
}

export function addKeyFlags(command: Command): void {
  command
    .option('--key <file>', 'a private key (PEM) to use when the bundle holds none that fits')
    .option('--passphrase-file <file>', 'holds the passphrase of an encrypted key')
    .option('--dns <name...>', 'names that the certificate must cover, or it is refused');
}

/** Reads the key and the passphrase. Throws Failure. */
export async function readKeys(
  { key, passphraseFile }: KeyFlags,
  shell: Pick<Shell, 'input'>,
): Promise<{ privateKey?: Buffer; passphrase?: string }> {
  const privateKey = key === undefined ? undefined : await readInput(key, shell);
  const passphrase = passphraseFile === undefined ? undefined : await readInput(passphraseFile, shell);
  return {
    ...(privateKey && { privateKey }),
    // Editors and `echo` end it with a newline that is not part of it, as the operator takes it.
    ...(passphrase && { passphrase: passphrase.toString('utf8').replace(/\r?\n$/, '') }),
  };
}
