import type { Command } from 'commander';
import type { ExitCode } from './failure.ts';
import { hasColour, type Output, type Shell, widthOf } from './shell.ts';
import type { Layout } from './text.ts';

/** What commands are added with. */
export interface Pcert {
  shell: Shell;
  version: string;
  /** Told how a command ended. One that fails throws instead. */
  ended(code: ExitCode): void;
}

export type AddCommand = (parent: Command, pcert: Pcert) => void;

/** How text is laid out there. */
export function layoutFor(output: Output, { env }: Shell): Layout {
  return { colour: hasColour(output, env), width: widthOf(output, env) };
}

/** Ends the help of a command with examples, each with a line that says what it does. */
export function addExamples(
  command: Command,
  { shell }: Pick<Pcert, 'shell'>,
  examples: readonly (readonly [what: string, args: string])[],
): void {
  const lines = examples.map(([what, args]) => `  # ${what}\n  ${shell.name} ${args}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n\n')}`);
}

/** For a flag that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
