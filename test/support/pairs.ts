import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pair as it went into a Secret; PEM. */
export interface WrittenPair {
  certificates: string;
  privateKey: string | Uint8Array;
}

/** The same, as the programs that check it get it. */
interface Loaded {
  crt: string;
  key: string;
}

/** Collects the pairs that tests saw written, to prove at the end that servers load every one of them. */
export class WrittenPairs {
  readonly #pairs = new Map<string, Loaded>();

  add({ certificates, privateKey }: WrittenPair): void {
    const key = typeof privateKey === 'string' ? privateKey : Buffer.from(privateKey).toString();
    this.#pairs.set(certificates + key, { crt: certificates, key });
  }

  /**
   * What Go's tls.X509KeyPair and the openssl command say against the collected pairs; empty if they load all.
   * A tool that is not installed is left out, and a line on the console says so.
   * @param tools the command takes some 10 ms for each pair, Go next to nothing.
   */
  problems(tools: readonly ('go' | 'openssl')[] = ['go', 'openssl']): string[] {
    const pairs = [...this.#pairs.values()];
    return tools.flatMap((tool) => (tool === 'go' ? goProblems(pairs) : opensslProblems(pairs)));
  }
}

function goProblems(pairs: readonly Loaded[]): string[] {
  const program = buildGocheck();
  if (program === undefined) return skipped('go');
  const input = JSON.stringify(pairs);
  const verdicts: string[] = JSON.parse(execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 26 }));
  return verdicts.filter((verdict) => verdict !== '').map((verdict) => `go: ${verdict}`);
}

/** Builds the checker once per version of its source and of Go. */
function buildGocheck(): string | undefined {
  const version = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (version.status !== 0) return undefined;
  const source = join(import.meta.dirname, 'gocheck');
  const hash = createHash('sha256').update(version.stdout);
  for (const file of ['go.mod', 'main.go']) hash.update(readFileSync(join(source, file)));
  const cache = join(import.meta.dirname, '../../.cache/gocheck');
  const program = join(cache, hash.digest('hex').slice(0, 16));
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true });
    // Another test process may build it at the same time.
    const fresh = `${program}.${randomUUID()}`;
    execFileSync('go', ['build', '-o', fresh, '.'], { cwd: source, stdio: 'pipe' });
    renameSync(fresh, program);
  }
  return program;
}

function opensslProblems(pairs: readonly Loaded[]): string[] {
  if (spawnSync('openssl', ['version']).status !== 0) return skipped('openssl');
  const directory = mkdtempSync(join(tmpdir(), 'pairs-'));
  try {
    return pairs.flatMap((pair) => {
      const [crt, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
      writeFileSync(crt, pair.crt);
      writeFileSync(key, pair.key, { mode: 0o600 });
      // Of the commands that take a pair, this one compares key and certificate and reads the whole chain.
      const flags = ['-keypbe', 'NONE', '-certpbe', 'NONE', '-nomac', '-passout', 'pass:', '-out', '/dev/null'];
      const run = spawnSync('openssl', ['pkcs12', '-export', '-in', crt, '-inkey', key, ...flags], {
        encoding: 'utf8',
      });
      return run.status === 0 ? [] : [`openssl: ${run.stderr}`];
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function skipped(tool: string): string[] {
  console.log(`${tool} is not installed: written pairs were not checked with it`);
  return [];
}
