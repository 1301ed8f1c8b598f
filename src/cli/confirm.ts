import type { Command } from 'commander';
import { Failure } from './failure.ts';
import type { Shell } from './shell.ts';

export interface ConfirmFlags {
  yes?: boolean;
}

export function addYesFlag(command: Command): void {
  command.option('-y, --yes', 'do it without asking');
}

/**
 * Has something confirmed that cannot be taken back.
 * @throws Failure when it is not
 */
export async function confirm(question: string, { yes = false }: ConfirmFlags, shell: Shell): Promise<void> {
  if (yes) return;
  const answer = await shell.ask(`${question} [y/N] `);
  if (answer === undefined) throw new Failure('There is no terminal to ask on: give --yes to do it without asking.');
  if (!/^\s*y(?:es)?\s*$/i.test(answer)) throw new Failure('Nothing was changed.', 1);
}
