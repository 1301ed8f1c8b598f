import { ProviderError } from './errors.ts';

/** What a cloud lets a new certificate be called. Those that are there may have been made under an older rule. */
export interface NameRule {
  pattern: RegExp;
  /** In characters. */
  longest: number;
  /** That, in words that continue "must have". */
  means: string;
}

/** @throws ProviderError (InvalidRequest) for a name that the cloud would refuse, which is not sent */
export function requireName({ pattern, means }: NameRule, name: string): void {
  if (pattern.test(name)) return;
  throw new ProviderError({ reason: 'InvalidRequest', message: `The name of a certificate must have ${means}.` });
}
