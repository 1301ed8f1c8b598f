import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const dockerfile = readFileSync(join(import.meta.dirname, '..', '..', 'Dockerfile'), 'utf8');

/** How the image starts the operator: the flags of Node, and what of its environment matters for memory. */
export const entryPoint: { flags: string[]; env: Record<string, string> } = {
  flags: (JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]).filter((word) =>
    word.startsWith('--'),
  ),
  env: Object.fromEntries(
    [...dockerfile.matchAll(/^ENV (MALLOC_\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
  ),
};
