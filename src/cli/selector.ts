import type { Command } from 'commander';
import type { RemoteRef } from '../providers/inventory.ts';
import { Failure } from './failure.ts';

/** As `remoteRef` has them. */
export interface SelectorFlags {
  name?: string;
  id?: string;
  commonName?: string;
}

export function addSelectorFlags(command: Command): void {
  command
    .option('--name <name>', 'the certificate of this name at the provider')
    .option('--id <id>', 'the one with this id')
    .option('--common-name <name>', 'the newest usable one of this domain (SCP, NAVER)');
}

/** The one selector that is given. Throws Failure. */
export function readSelector({ name, id, commonName }: SelectorFlags): RemoteRef {
  const given = Object.entries({ name, id, commonName }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw new Failure('Give exactly one of --name, --id and --common-name.');
  return Object.fromEntries(given);
}
