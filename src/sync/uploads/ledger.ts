import type { CertificateUploadStatus, UploadedCertificate } from '../../api/upload.ts';
import type { Facts } from '../../certificate/facts.ts';
import { printable } from '../../printable.ts';
import { timestamp } from '../../kube/objects.ts';
import type { Inventory, InventoryEntry } from '../../providers/inventory.ts';
import type { Ledger } from './situation.ts';

/** As many as the status has room for. What falls out is never deleted at the provider. */
const longestHistory = 20;

/** What a status says, as far as it is about this provider object: ids of another account mean nothing. */
export function ledgerOf(status: CertificateUploadStatus | undefined, provider: string): Ledger {
  if (status?.provider !== provider) return { history: [] };
  const { uploadName, remote, history = [] } = status;
  return { uploadName, remote, history };
}

/**
 * Notes that the provider holds the certificate of the Secret. Only what was made by this object goes into the history:
 * what it announced, or had noted before.
 */
export function found(ledger: Ledger, { id, name }: InventoryEntry, facts: Facts, now: number): Ledger {
  const remote = {
    id: printable(id, 253),
    name: printable(name, 253),
    fingerprintSHA256: facts.fingerprintSHA256,
    notAfter: timestamp(facts.notAfter),
  };
  const noted = ledger.history.some((made) => made.id === remote.id);
  const made = !noted && ledger.uploadName === remote.name;
  const history = made ? [{ ...remote, uploadTime: timestamp(now) }, ...ledger.history] : ledger.history;
  return { ...ledger, remote, history: history.slice(0, longestHistory) };
}

/** Without what the provider does not list any more. */
export function stillListed(ledger: Ledger, inventory: Inventory): Ledger {
  const history = ledger.history.filter((made) => isListed(made, inventory));
  return history.length === ledger.history.length ? ledger : { ...ledger, history };
}

export function without(ledger: Ledger, id: string): Ledger {
  return { ...ledger, history: ledger.history.filter((made) => made.id !== id) };
}

/** Under the id and the name that were noted, and not as something deleted. */
export function isListed({ id, name }: Pick<UploadedCertificate, 'id' | 'name'>, inventory: Inventory): boolean {
  const entry = inventory.byId(id);
  return entry !== undefined && entry.name === name && entry.problem?.reason !== 'CertificateNotFound';
}
