import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { GenericContainer } from 'testcontainers';

import { buildOperator, bundle } from '../../scripts/build.ts';
import { makeBase } from '../image/base.ts';
import { type Engine, findEngine } from '../image/engine.ts';
import type { Settings } from './settings.ts';

const root = join(import.meta.dirname, '..', '..');

/** An image by its name, as the chart wants it. */
interface Image {
  repository: string;
  tag: string;
}

export interface Images {
  operator: Image;
  /** The simulated clouds. */
  clouds: Image;
}

/**
 * Builds the images of a run and brings them into the cluster. Disposing of it removes them from the engine; what has them
 * from there keeps them.
 *
 * @throws with one sentence when there is no engine, or an image does not get into the cluster
 */
export async function provideImages(
  { imagePrefix, nodeImage, loadImage }: Settings,
  { run, directory }: { run: string; directory: string },
): Promise<{ names: Images } & AsyncDisposable> {
  const engine = await findEngine();
  if (engine === undefined) throw new Error('No Docker engine answers here, which would build the images.');
  const named = (name: string): Image => ({ repository: `${imagePrefix}/${name}`, tag: `e2e-${run}` });
  const names = { operator: named('provider-certificates'), clouds: named('provider-certificates-clouds') };
  const base = `localhost/provider-certificates-base:e2e-${run}`;
  const remove = (): Promise<void> => removeImages(engine, [...Object.values(names).map(textOf), base]);
  try {
    const folder = join(directory, 'images');
    if (nodeImage === 'local') await makeBase(engine, base, { folder: await emptied(join(folder, 'base')), run });
    const NODE_IMAGE = nodeImage === 'local' ? base : nodeImage;
    const args: Record<string, string> = NODE_IMAGE === undefined ? {} : { NODE_IMAGE };

    await buildOperator(join(root, 'dist', 'operator.mjs'));
    await GenericContainer.fromDockerfile(root)
      .withTarget('prebuilt')
      .withBuildArgs(args)
      .build(textOf(names.operator), { deleteOnExit: false });

    const context = await emptied(join(folder, 'clouds'));
    await copyFile(join(import.meta.dirname, 'clouds', 'Dockerfile'), join(context, 'Dockerfile'));
    await bundle(join(import.meta.dirname, 'clouds', 'main.ts'), join(context, 'clouds.mjs'));
    await GenericContainer.fromDockerfile(context)
      .withBuildArgs(args)
      .build(textOf(names.clouds), { deleteOnExit: false });

    if (loadImage !== undefined) for (const image of Object.values(names)) await load(loadImage, textOf(image));
    return { names, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function textOf({ repository, tag }: Image): string {
  return `${repository}:${tag}`;
}

async function emptied(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

async function load(command: string, image: string): Promise<void> {
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, IMAGE: image },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`E2E_LOAD_IMAGE ended with ${code} for ${image}: ${command}`);
}

async function removeImages(engine: Engine, names: readonly string[]): Promise<void> {
  for (const name of names) {
    // One that was never built is none to remove.
    await engine
      .getImage(name)
      .remove({ force: true })
      .catch(() => {});
  }
}
