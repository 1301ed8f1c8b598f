/** Starts a control plane, tells its folder, and waits to be killed. */
import { startControlPlane } from '../../sandbox/control-plane/index.ts';

const controlPlane = await startControlPlane();
process.send!(controlPlane.directory);
