/**
 * Waits until the tests have ended, however they end, and removes the images and containers of the run. Testcontainers has
 * a container of its own for that, but its image must be pulled.
 */
import { findEngine, removeAll } from './engine.ts';

const run = process.argv[2]!;
// Its parent's terminal sends these to it too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('disconnect', () => void reap());
process.send!('ready');

async function reap(): Promise<void> {
  const engine = await findEngine();
  if (engine !== undefined) await removeAll(engine, run);
}
