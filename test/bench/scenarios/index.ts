import type { Scenario } from '../bench.ts';
import { burst } from './burst.ts';
import { floor } from './floor.ts';
import { foreign } from './foreign.ts';
import { restart } from './restart.ts';
import { rotation } from './rotation.ts';
import { scale } from './scale.ts';
import { shared } from './shared.ts';
import { steady } from './steady.ts';
import { throttled } from './throttled.ts';

/** In the order in which they run. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  burst,
  floor,
  restart,
  steady,
  rotation,
  foreign,
  throttled,
  scale,
  shared,
};
