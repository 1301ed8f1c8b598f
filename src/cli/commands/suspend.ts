import type { Command } from 'commander';
import { providerCertificates } from '../../api/group.ts';
import { type ClusterFlags, connect, explained, objectNames } from '../cluster.ts';
import { type AddCommand, addExamples, layoutFor } from '../command.ts';
import type { Shell } from '../shell.ts';
import { line } from '../text.ts';

export const addSuspend: AddCommand = (parent, pcert) => {
  const command = parent
    .command('suspend <names...>')
    .summary('stop all work on certificates; their Secrets stay as they are')
    .description('Sets suspend in the spec: nothing is read and nothing is written until the certificate is resumed.')
    .action(async (names: string[], _: object, command: Command) => {
      await set(names, true, command.optsWithGlobals<ClusterFlags>(), pcert.shell);
    });
  addExamples(command, pcert, [['While somebody tries something with the Secret', 'suspend www-example-com']]);
};

export const addResume: AddCommand = (parent, pcert) => {
  const command = parent
    .command('resume <names...>')
    .summary('go on with certificates that were suspended')
    .description('Removes suspend from the spec: the operator brings the Secret up to date at once.')
    .action(async (names: string[], _: object, command: Command) => {
      await set(names, null, command.optsWithGlobals<ClusterFlags>(), pcert.shell);
    });
  addExamples(command, pcert, [['And then', 'resume www-example-com']]);
};

/** @param suspend null removes the field, as if it had never been there */
async function set(names: readonly string[], suspend: true | null, flags: ClusterFlags, shell: Shell): Promise<void> {
  const wanted = objectNames(names);
  await using cluster = await connect(flags, shell);
  const { client, namespace } = cluster;
  const { signal } = new AbortController();
  for (const name of wanted) {
    await client
      .mergePatch(providerCertificates, { namespace, name }, { spec: { suspend } }, { signal })
      .catch((error: unknown) => {
        throw explained(error, `ProviderCertificate ${name} in namespace ${namespace}`);
      });
    const done = `${namespace}/${name}: ${suspend ? 'suspended' : 'resumed'}`;
    shell.out.write(line(done, undefined, layoutFor(shell.out, shell)));
  }
}
