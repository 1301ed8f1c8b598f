import type { Command } from 'commander';
import { judge } from '../certificate/gate.ts';
import { leafAndChain } from '../certificate/leaf-and-chain.ts';
import type { Pair } from '../providers/manager.ts';
import type { ScpDetails } from '../providers/scp/details.ts';
import { collect } from './command.ts';
import { Failure } from './failure.ts';
import { readInput } from './input.ts';
import { type KeyFlags, readKeys } from './keys.ts';
import type { Shell } from './shell.ts';

/**
 * Reads what is to be uploaded, judges it as the operator judges what it downloads, and hands it to `work`.
 * @throws Failure for what the gate refuses; it is not sent
 */
export async function withPair<T>(
  files: readonly string[],
  flags: KeyFlags,
  shell: Shell,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const parts: Buffer[] = [];
  for (const file of files) parts.push(await readInput(file, shell));
  const keys = await readKeys(flags, shell);
  const verdict = judge({ parts, ...keys, dnsNames: flags.dns ?? [], caCertificate: 'Omit', now: shell.now() });
  for (const secret of [...parts, ...(keys.privateKey ? [keys.privateKey] : [])]) secret.fill(0);
  if (!verdict.accepted) throw new Failure(`Nothing was sent: ${verdict.reason}: ${verdict.message}`, 1);
  const { certificates, privateKey } = verdict.pair;
  try {
    return await work({
      ...leafAndChain(certificates),
      privateKey: Buffer.from(privateKey.buffer, privateKey.byteOffset, privateKey.length),
    });
  } finally {
    privateKey.fill(0);
  }
}

/** What Samsung Cloud Platform wants to know of a new certificate. */
export interface ScpFlags {
  timezone?: string;
  recipient?: string[];
  tag?: string[];
  region?: string;
}

export function addScpFlags(command: Command): void {
  command
    .option('--timezone <zone>', 'SCP: of the dates in its mails, such as Asia/Seoul; needed there')
    .option('--recipient <region/id/name>', 'SCP: a user who is mailed before the end; repeatable', collect)
    .option('--tag <key=value>', 'SCP: repeatable', collect)
    .option('--region <region>', 'SCP: default is that of the provider object');
}

/** Throws Failure. */
export function readScpDetails({ timezone = '', recipient = [], tag = [], region }: ScpFlags): ScpDetails {
  return {
    timezone,
    recipients: recipient.map((text) => {
      const [, region, userId, userName] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(text) ?? [];
      if (region === undefined || userId === undefined || userName === undefined)
        throw new Failure(`--recipient must be REGION/ID/NAME, not ${JSON.stringify(text)}`);
      return { region, userId, userName };
    }),
    tags: tag.map((text) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key === undefined || value === undefined)
        throw new Failure(`--tag must be KEY=VALUE, not ${JSON.stringify(text)}`);
      return { key, value };
    }),
    region,
  };
}
