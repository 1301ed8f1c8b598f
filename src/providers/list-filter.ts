import { ProviderError } from './errors.ts';
import type { InventoryEntry } from './inventory.ts';
import type { ListFilter } from './manager.ts';

/** @throws ProviderError (InvalidRequest) for a filter that the cloud does not have */
export function requireFilters(known: readonly (keyof ListFilter)[], filter: ListFilter): void {
  const unknown = (Object.keys(filter) as (keyof ListFilter)[]).find(
    (name) => filter[name] !== undefined && !known.includes(name),
  );
  if (unknown === undefined) return;
  const message = `This provider's list cannot be asked for by ${unknown}: it knows ${known.join(', ')}.`;
  throw new ProviderError({ reason: 'InvalidRequest', message });
}

/** Whether an entry fits what the list shows of it: everything but the instances. */
export function fits({ name, id, commonName }: ListFilter, entry: InventoryEntry): boolean {
  return (
    (name === undefined || entry.name === name) &&
    (id === undefined || entry.id === id) &&
    (commonName === undefined || entry.commonName?.toLowerCase() === commonName.toLowerCase())
  );
}
