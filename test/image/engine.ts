import { getContainerRuntimeClient } from 'testcontainers';

/** A client for the API of the Docker engine. */
export type Engine = Awaited<ReturnType<typeof getContainerRuntimeClient>>['container']['dockerode'];

/** @returns undefined when no Docker engine answers */
export async function findEngine(): Promise<Engine | undefined> {
  // See reaper.ts for who tidies up instead.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  // Containers are on the network of the host: it need not be found out, which fails where an engine has no other.
  process.env['TESTCONTAINERS_HOST_OVERRIDE'] = '127.0.0.1';
  const client = await getContainerRuntimeClient().catch(() => undefined);
  return client?.container.dockerode;
}

/** On all images of a run, and so on all containers that are made from them. */
export const runLabel = 'io.provider-certificates.test-run';

/** Removes what carries the label of a run. */
export async function removeAll(engine: Engine, run: string): Promise<void> {
  const filters = { label: [`${runLabel}=${run}`] };
  for (const { Id } of await engine.listContainers({ all: true, filters }))
    await engine.getContainer(Id).remove({ force: true, v: true });
  for (const { Id } of await engine.listImages({ filters })) {
    // One may have gone with another that was built on it.
    await engine
      .getImage(Id)
      .remove({ force: true })
      .catch(() => {});
  }
}
