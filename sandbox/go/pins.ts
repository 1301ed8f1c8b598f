import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Reads which versions a go.mod pins.
 * @param folder of the go.mod
 * @returns tells the version of a module, like `v1.36.3`; throws for one that is not required
 */
export async function pinsOf(folder: string): Promise<(module: string) => string> {
  const lines = (await readFile(join(folder, 'go.mod'), 'utf8'))
    .split('\n')
    .map((line) => line.trim().replace(/^require /, ''));
  return (module) => {
    const version = lines.find((line) => line.startsWith(`${module} v`))?.split(' ')[1];
    if (version === undefined) throw new Error(`${join(folder, 'go.mod')} does not require ${module}`);
    return version;
  };
}
