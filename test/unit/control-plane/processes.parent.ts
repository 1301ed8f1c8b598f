/** Starts a process that has a child, tells what there is, and ends as it is told to. */
import { join } from 'node:path';

import { ProcessGroup } from '../../../sandbox/control-plane/processes.ts';

const group = await ProcessGroup.start();
const { pid } = await group.spawn({
  file: 'sh',
  args: ['-c', 'sleep 1000 & echo $!; wait'],
  log: join(group.directory, 'log'),
});
process.send!({ pid, directory: group.directory });
process.on('message', () => process.exit(0));
