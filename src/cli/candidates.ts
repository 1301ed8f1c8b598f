import type { Argument, Command, Option } from 'commander';

/** Names that only the cluster knows. */
export type Wanted = 'certificates' | 'providers' | 'namespaces';

/** What may come next on a command line. */
export interface Candidates {
  /** Each with a word about it. All of them begin as the line ends. */
  words: { word: string; about: string }[];
  /** Names that are wanted as well. */
  names?: Wanted;
  /** What stands before a name in its word: `--provider=`. */
  prefix: string;
  /** Files are wanted as well. */
  files: boolean;
  /** Where the cluster and its objects are, by the flags on the line so far. */
  flags: Record<string, string>;
}

const nothing = { words: [], prefix: '', files: false };

/**
 * What may come next.
 * @param words those after the name of the program; the last one is being written and may be empty
 */
export function candidates(root: Command, words: readonly string[]): Candidates {
  const flags: Record<string, string> = {};
  let command = root;
  let position = 0;
  let pending: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (word === '=') continue; // bash makes three words of --flag=value
    if (pending !== undefined) {
      flags[pending.attributeName()] = word;
      pending = undefined;
    } else if (word.startsWith('-')) {
      const [flag = '', value] = word.split(/=(.*)/s);
      const option = optionsOf(command).find(({ short, long }) => short === flag || long === flag);
      if (option === undefined || option.isBoolean()) continue;
      if (value === undefined) pending = option;
      else flags[option.attributeName()] = value;
    } else {
      const next = position === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next === undefined) position += 1;
      else command = next;
    }
  }
  const last = words.at(-1) ?? '';
  if (pending !== undefined) return { ...nothing, ...valuesOf(pending, last === '=' ? '' : last), flags };
  const [, flag, value = ''] = /^(--[^=]+)=(.*)$/s.exec(last) ?? [];
  if (flag !== undefined) {
    const option = optionsOf(command).find(({ long }) => long === flag);
    const { words: values, ...rest } = option ? valuesOf(option, value) : nothing;
    const prefix = `${flag}=`;
    return { ...nothing, ...rest, words: values.map((one) => ({ ...one, word: prefix + one.word })), prefix, flags };
  }
  if (last.startsWith('-')) return { ...nothing, words: starting(last, optionsOf(command).map(described)), flags };
  if (position === 0 && command.commands.length > 0) {
    const known = command.createHelp().visibleCommands(command);
    return {
      ...nothing,
      words: starting(
        last,
        known.map((one) => ({ word: one.name(), about: one.summary() })),
      ),
      flags,
    };
  }
  return { ...nothing, ...argumentsOf(command, position, last), flags };
}

/** Its own, and those of the whole program where they mean something. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...(help.showGlobalOptions ? help.visibleGlobalOptions(command) : [])];
}

function described({ long, short, description }: Option): { word: string; about: string } {
  return { word: long ?? short ?? '', about: description };
}

function valuesOf(option: Option, last: string): Pick<Candidates, 'words' | 'names' | 'files'> {
  const { argChoices = [], flags } = option;
  const names = ({ namespace: 'namespaces', provider: 'providers' } as const)[option.attributeName()];
  return {
    words: starting(
      last,
      argChoices.map((word) => ({ word, about: '' })),
    ),
    ...(names && { names }),
    files: /<(?:file|dir)>/.test(flags),
  };
}

function argumentsOf(command: Command, position: number, last: string): Pick<Candidates, 'words' | 'names' | 'files'> {
  const all: readonly Argument[] = command.registeredArguments;
  const argument = all[position] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (argument === undefined) return nothing;
  const { argChoices = [] } = argument;
  return {
    words: starting(
      last,
      argChoices.map((word) => ({ word, about: '' })),
    ),
    ...(/^names?$/.test(argument.name()) && { names: 'certificates' as const }),
    files: argument.name() === 'files',
  };
}

function starting<T extends { word: string }>(last: string, words: readonly T[]): T[] {
  return words.filter(({ word }) => word.startsWith(last));
}
