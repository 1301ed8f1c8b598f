/** What the tests are told by environment variables. */
export interface Settings {
  /** Where images get their names from; without a slash at the end. */
  imagePrefix: string;
  /** What images are built on: its name, `local` for one made from the Node of this machine, absent for what is shipped. */
  nodeImage: string | undefined;
  /** Shell command that brings the image `$IMAGE` into the cluster; absent: the cluster has the images of the engine. */
  loadImage: string | undefined;
  /** Path of an ingress controller. */
  traefik: string | undefined;
}

/** @throws with one sentence when nothing says which cluster it shall be */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const value = (name: string): string | undefined => env[name] || undefined;
  if (value('KUBECONFIG') === undefined)
    throw new Error(
      'KUBECONFIG is not set: these tests install into the cluster that it names. CONTRIBUTING.md has an example.',
    );
  return {
    imagePrefix: value('E2E_IMAGE_PREFIX') ?? 'localhost',
    nodeImage: value('E2E_NODE_IMAGE'),
    loadImage: value('E2E_LOAD_IMAGE'),
    traefik: value('E2E_TRAEFIK'),
  };
}
