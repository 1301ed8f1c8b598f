import type { Command } from 'commander';
import { type ClusterFlags, connect } from './cluster.ts';
import { collect } from './command.ts';
import { Failure } from './failure.ts';
import { RemoteAccount } from './remote-account.ts';
import type { Shell } from './shell.ts';
import { providerReference, sourceInCluster, sourceInFiles } from './source.ts';

export interface AccountFlags extends ClusterFlags {
  provider?: string;
  config?: string[];
  allowEndpoint?: string[];
}

/** For a command that talks to an account, known to the cluster or not. */
export function addAccountFlags(command: Command): void {
  command.option('--provider <name>', 'a provider object of the cluster: NAME, cprov/NAME or ccprov/NAME');
  addConfigFlag(command);
  addEndpointFlag(command);
}

export function addConfigFlag(command: Command): void {
  command.option(
    '--config <file>',
    'a provider object in a file, with its Secret there, in another such file, or in PCERT_… variables; repeatable',
    collect,
  );
}

export function addEndpointFlag(command: Command): void {
  command.option(
    '--allow-endpoint <host>',
    'a host that a provider object of the cluster may name besides the built-in ones; repeatable',
    collect,
  );
}

/** The account that the flags name. Throws Failure. */
export async function openAccount(flags: AccountFlags, shell: Shell): Promise<RemoteAccount> {
  const { provider, config, allowEndpoint: allow = [] } = flags;
  if ((provider === undefined) === (config === undefined))
    throw new Failure('Give either --provider, for an object of the cluster, or --config, for a file.');
  const { env } = shell;
  if (config !== undefined) return RemoteAccount.open(await sourceInFiles(config, shell), { allow, env });
  const ref = providerReference(provider ?? '');
  await using cluster = await connect(flags, shell);
  const source = await sourceInCluster(cluster, ref, new AbortController().signal);
  return await RemoteAccount.open(source, { allow, env });
}
