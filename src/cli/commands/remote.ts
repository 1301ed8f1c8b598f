import type { AddCommand } from '../command.ts';
import { addRemoteList } from './remote-list.ts';
import { addRemoteShow } from './remote-show.ts';

/** What can be done at the provider; a file for each. */
const operations: readonly AddCommand[] = [addRemoteList, addRemoteShow];

export const addRemote: AddCommand = (parent, pcert) => {
  const group = parent
    .command('remote')
    .summary('what a provider has')
    .description('Talks to the certificate manager of a cloud, with the account of a provider object.')
    .helpCommand(false);
  for (const add of operations) add(group, pcert);
};
