import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

export interface Options {
  /** Names of scenarios; absent: all. */
  only: string[] | undefined;
  /** Instead of all sizes of the scenarios. */
  n: number | undefined;
  /** Of each call to the provider, in milliseconds. */
  latencyMs: number;
  /** Given to the operator; absent: its default. */
  concurrency: number | undefined;
  /** Set on the provider object; absent: the operator's default. */
  inFlight: number | undefined;
  /** File that the JSON lines are appended to. */
  json: string | undefined;
  /** File that describes a peer; see peer.ts. */
  peer: string | undefined;
  /** A built operator; absent: it is built from the sources as they are. */
  operator: string | undefined;
  /** Folder for CPU profiles of the operator. */
  profile: string | undefined;
  help: boolean;
}

export const usage = `Usage: npm run bench -- [flags]

Measures the operator against a real API server and a simulated cloud. Without flags everything is measured as in
docs/performance.md, which takes about a quarter of an hour on an idle machine.

  --only NAME[,NAME]  only these scenarios
  --n N               this size instead of the ones of each scenario, for a try
  --latency MS        how late the cloud answers each call (default: 300)
  --concurrency N     as the flag of the operator
  --in-flight N       spec.limits.inFlight of the provider (default: not set)
  --json FILE         append the JSON lines to this file, too
  --peer FILE         run a peer in the same scenarios; test/bench/peer.ts says what the file holds
  --operator FILE     measure this build instead of the sources as they are
  --profile DIR       write CPU profiles of the operator there (times are then longer than without)
  --help              print this text
`;

const flags = {
  only: { type: 'string' },
  n: { type: 'string' },
  latency: { type: 'string', default: '300' },
  concurrency: { type: 'string' },
  'in-flight': { type: 'string' },
  json: { type: 'string' },
  peer: { type: 'string' },
  operator: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsOptionsConfig;

/**
 * @param scenarios names that `--only` may use
 * @throws Error, one line, when the command line makes no sense
 */
export function parseOptions(args: readonly string[], scenarios: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: flags });
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !scenarios.includes(name));
  if (unknown !== undefined) throw new Error(`--only knows ${scenarios.join(', ')}, not ${unknown}`);
  return {
    only,
    n: whole('--n', values.n, 1),
    latencyMs: whole('--latency', values.latency, 0) ?? 0,
    concurrency: whole('--concurrency', values.concurrency, 1),
    inFlight: whole('--in-flight', values['in-flight'], 1),
    json: values.json,
    peer: values.peer,
    operator: values.operator,
    profile: values.profile,
    help: values.help,
  };
}

function whole(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least)
    throw new Error(`${flag} must be a whole number from ${least} on, not ${text}`);
  return value;
}
