import { type Cause, type ManagementReason, ProviderError } from './errors.ts';
import type { Call } from './provider.ts';

/** A refusal that has two causes, and how to find out which. */
interface Doubt {
  /** Of the refusals that may have another cause. */
  reasons: readonly ManagementReason[];
  /** Asks the provider whether it is the other cause. */
  isOther(): Promise<boolean>;
  other: Cause;
}

/**
 * The error to be thrown for one that was met: clouds have one code for several causes, or never published which, but can be
 * asked. When that fails as well the refusal stands.
 */
export async function toldApart(met: unknown, { reasons, isOther, other }: Doubt, call: Call): Promise<unknown> {
  if (!(met instanceof ProviderError) || !reasons.some((reason) => reason === met.reason)) return met;
  try {
    await call.another();
    if (!(await isOther())) return met;
  } catch {
    call.signal.throwIfAborted();
    return met;
  }
  return new ProviderError({ ...other, code: met.code, requestId: met.requestId });
}

/** Refusals of a new certificate that may be about its name. */
export const perhapsNameTaken = {
  reasons: ['UploadRefused', 'InvalidRequest'],
  other: { reason: 'NameTaken', message: 'The provider has a certificate of this name already.' },
} as const satisfies Omit<Doubt, 'isOther'>;
