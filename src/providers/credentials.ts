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
 * @param where they are, for messages: `Secret NAMESPACE/NAME`
 * @returns the credentials, or a sentence that names the key that is at fault and never a value
 */
export function readCredentials(
  keys: readonly CredentialKey[],
  data: Readonly<Record<string, string | undefined>>,
  where: string,
): { credentials: Credentials } | { message: string } {
  const credentials: Record<string, string> = {};
  for (const { name, pattern = headerSafe, alphabet = 'printable ASCII characters' } of keys) {
    const encoded = data[name];
    if (encoded === undefined) return { message: `${where} has no key ${name}${found(data)}.` };
    const value = Buffer.from(encoded, 'base64').toString('utf8').trim();
    if (value === '') return { message: `The key ${name} of ${where} is empty.` };
    if (!headerSafe.test(value) || !pattern.test(value)) {
      return { message: `The key ${name} of ${where} must hold only ${alphabet}, at most 1,024.` };
    }
    credentials[name] = value;
  }
  return { credentials };
}

/** Names of keys show a slip of the pen at once, and are no secret. */
function found(data: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(data).slice(0, 5);
  return keys.length === 0 ? ', and no other' : `; it has ${keys.join(', ')}`;
}
