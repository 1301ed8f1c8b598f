import { Argument } from 'commander';
import { offline } from '../cluster.ts';
import { type AddCommand, addExamples } from '../command.ts';
import { completionScripts } from '../completion-scripts.ts';

export const addCompletion: AddCommand = (parent, pcert) => {
  const command = parent
    .command('completion')
    .summary('print a script that lets a shell complete command lines')
    .description(
      'Prints a completion script. It also completes names of certificates, providers and namespaces, by asking the cluster.\n' +
        'For "kubectl pcert" it is the file kubectl_complete-pcert, which must be executable and on the PATH.',
    )
    .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(completionScripts)))
    .action((shell: keyof typeof completionScripts) => {
      pcert.shell.out.write(completionScripts[shell]);
      pcert.ended(0);
    });
  offline(command);
  addExamples(command, pcert, [
    ['For this bash; in ~/.bashrc, for all to come', 'completion bash'],
    ['Into a folder of zsh’s fpath, as _pcert', 'completion zsh'],
    ['Into ~/.config/fish/completions/pcert.fish', 'completion fish'],
    ['As kubectl_complete-pcert', 'completion kubectl'],
  ]);
};
