import type { AddCommand } from '../command.ts';
import { addRemoteCheckName } from './remote-check-name.ts';
import { addRemoteCreate } from './remote-create.ts';
import { addRemoteDelete } from './remote-delete.ts';
import { addRemoteList } from './remote-list.ts';
import { addRemoteSelfSign } from './remote-self-sign.ts';
import { addRemoteShow } from './remote-show.ts';
import { addRemoteValidate } from './remote-validate.ts';

/** What can be done at the provider; a file for each. */
const operations: readonly AddCommand[] = [
  addRemoteList,
  addRemoteShow,
  addRemoteCheckName,
  addRemoteValidate,
  addRemoteCreate,
  addRemoteSelfSign,
  addRemoteDelete,
];

export const addRemote: AddCommand = (parent, pcert) => {
  const group = parent
    .command('remote')
    .summary('what a provider has, and changes to it')
    .description('Talks to the certificate manager of a cloud, with the account of a provider object.')
    .helpCommand(false);
  for (const add of operations) add(group, pcert);
};
