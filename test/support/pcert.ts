import { run } from '../../src/cli/program.ts';
import type { Output } from '../../src/cli/shell.ts';

interface Surroundings {
  /** Of the terminal that both outputs are; undefined: they are pipes. */
  columns?: number;
  env?: Record<string, string>;
  /** What is piped in. */
  input?: string | Buffer;
  /** What is typed when it asks; undefined: nobody is there. */
  answer?: string;
  /** Milliseconds since the epoch; default: now. */
  now?: number;
}

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs one command line in this process, and holds that no private key comes out of it unless that was asked for. */
export async function pcert(
  args: readonly string[],
  { columns, env = {}, input = '', answer, now = Date.now() }: Surroundings = {},
): Promise<Outcome> {
  const written = { out: '', err: '' };
  const output = (to: 'out' | 'err'): Output => ({
    write: (text) => void (written[to] += text),
    ...(columns !== undefined && { isTTY: true, columns }),
  });
  const shell = {
    name: 'pcert',
    out: output('out'),
    err: output('err'),
    env,
    now: () => now,
    // The command may wipe what it gets.
    input: async () => Buffer.from(input),
    async ask(question: string) {
      written.err += answer === undefined ? '' : question;
      return answer;
    },
  };
  const code = await run(args, shell, '1.2.3');
  if (!args.includes('--show-key') && showsKey(written.out + written.err))
    throw new Error(`pcert ${args.join(' ')} prints a private key`);
  return { code, ...written };
}

/** As PEM, or as the Base64 of PEM, which begins at any of three places of what was encoded as a whole. */
function showsKey(text: string): boolean {
  return ['PRIVATE KEY', 'UFJJVkFURSBLRV', 'SSVZBVEUgS0VZ', 'QUklWQVRFIEtF'].some((piece) => text.includes(piece));
}

/** Colours as people write them: `<red>False</>`. */
export function withColourNames(text: string): string {
  const names: Record<string, string> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow' };
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[(\d+)m/g, (_, code: string) => (names[code] === undefined ? '</>' : `<${names[code]}>`));
}
