import { Command, CommanderError } from 'commander';
import { printable } from '../printable.ts';
import { addClusterFlags } from './cluster.ts';
import { type AddCommand, addExamples, type Pcert } from './command.ts';
import { addCheck } from './commands/check.ts';
import { addCompletion } from './commands/completion.ts';
import { addFetch } from './commands/fetch.ts';
import { addImport } from './commands/import.ts';
import { addRemote } from './commands/remote.ts';
import { addResume, addSuspend } from './commands/suspend.ts';
import { addStatus } from './commands/status.ts';
import { addSync } from './commands/sync.ts';
import { addVerify } from './commands/verify.ts';
import { answerShell } from './completion.ts';
import { type ExitCode, Failure } from './failure.ts';
import type { Shell } from './shell.ts';

const commands: readonly AddCommand[] = [
  addStatus,
  addVerify,
  addSync,
  addSuspend,
  addResume,
  addImport,
  addRemote,
  addCheck,
  addFetch,
  addCompletion,
];

/** What shells call. Its arguments are a command line that is not complete, so they are not parsed as one. */
const completeCommand = '__complete';

/** The whole command line. */
export function program(pcert: Pcert): Command {
  const { shell, version } = pcert;
  const root = new Command(shell.name)
    .description('Asks the operator provider-certificates, checks certificates, and fetches them without a cluster.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void shell.out.write(text),
      writeErr: (text) => void shell.err.write(text),
      outputError: () => {}, // the error is thrown, and printed as all others are
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    });
  addClusterFlags(root);
  for (const add of commands) add(root, pcert);
  addExamples(root, pcert, [
    ['How all certificates of the cluster are', 'status -A'],
    ['Whether a server serves what the Secret holds', 'verify www-example-com --endpoint www.example.com:443'],
    ['Look at a bundle before it is uploaded', 'check bundle.pem --dns www.example.com'],
  ]);
  root.addHelpText(
    'after',
    '\nExit codes: 0, all is as it should be; 1, it is not; 2, that could not be found out.\n' +
      'More: https://github.com/provider-certificates/provider-certificates/blob/main/docs/cli.md',
  );
  return root;
}

/** Runs one command line. Whatever goes wrong is one sentence. */
export async function run(args: readonly string[], shell: Shell, version: string): Promise<ExitCode> {
  let code: ExitCode = 0;
  try {
    const root = program({ shell, version, ended: (ended) => (code = ended) });
    if (args.length === 0) root.outputHelp();
    else if (args[0] === completeCommand) await answerShell(root, args.slice(1), shell);
    else await root.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && error.code === 'commander.help') return 2; // and that was printed
    shell.err.write(`${shell.name}: ${printable(sentence(error), 1024)}\n`);
    return error instanceof Failure ? error.exitCode : 2;
  }
}

function sentence(error: unknown): string {
  if (error instanceof CommanderError) {
    // The suggestion stands on a line of its own.
    const [said = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n');
    return `${said.replace(/\.$/, '')}${suggestion && ` ${suggestion}`}; --help tells more.`;
  }
  const said = error instanceof Error ? error.message : String(error);
  return /[.!?\u2026]$/.test(said) ? said : `${said}.`;
}
