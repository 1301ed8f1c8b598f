/** Credentials of one account, by key: trimmed, and fit to be sent. */
export type Credentials = Readonly<Record<string, string>>;

export interface CredentialKey {
  /** The key in the credentials Secret. */
  name: string;
  /** What the value must look like, where it is more than printable ASCII. */
  pattern?: RegExp;
  /** That, in words that continue "must hold only". */
  alphabet?: string;
}

/** Printable ASCII that fits into a header. */
const headerSafe = /^[\x20-\x7e]{1,1024}$/;

/**
 * Reads credentials out of a Secret. Outer white space (the newline that editors and `echo` leave) is trimmed; this is
 * the only place that does so.
 *
 * @param keys what the provider needs
 * @param data `data` of the Secret: Base64
 * @returns the credentials, or a sentence that names the key that is at fault and never a value
 */
export function readCredentials(
  keys: readonly CredentialKey[],
  data: Readonly<Record<string, string | undefined>>,
): { credentials: Credentials } | { message: string } {
  const credentials: Record<string, string> = {};
  for (const { name, pattern = headerSafe, alphabet = 'printable ASCII characters' } of keys) {
    const encoded = data[name];
    if (encoded === undefined) return { message: `The credentials Secret has no key ${name}.` };
    const value = Buffer.from(encoded, 'base64').toString('utf8').trim();
    if (value === '') return { message: `The key ${name} of the credentials Secret is empty.` };
    if (!headerSafe.test(value) || !pattern.test(value)) {
      return { message: `The key ${name} of the credentials Secret must hold only ${alphabet}, at most 1,024.` };
    }
    credentials[name] = value;
  }
  return { credentials };
}
