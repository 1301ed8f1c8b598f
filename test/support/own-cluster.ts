import { FaultyProxy } from './faulty-proxy.ts';
import { type ObservedControlPlane, startObserved } from './observed.ts';
import type { RunFolders } from './run.ts';
import { type World, world } from './world.ts';

/** A control plane that no other test uses, and a world in it whose operator reaches it through a proxy that can break. */
export interface OwnCluster extends AsyncDisposable {
  observed: ObservedControlPlane;
  proxy: FaultyProxy;
  w: World;
}

/** The operator is not started yet. */
export async function ownCluster(folders: RunFolders): Promise<OwnCluster> {
  await using owned = new AsyncDisposableStack();
  const observed = await startObserved(() => folders);
  owned.defer(() => observed.controlPlane.stop());
  const { adminKubeconfig: kubeconfig } = observed.controlPlane;
  const proxy = owned.use(await FaultyProxy.start(kubeconfig));
  const through = (kubeconfig: string): Promise<string> => proxy.kubeconfig(kubeconfig);
  const w = owned.use(await world({ kubeconfig, clusterWide: true, operator: false, through }));
  const disposables = owned.move();
  return { observed, proxy, w, [Symbol.asyncDispose]: () => disposables.disposeAsync() };
}
