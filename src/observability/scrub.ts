/**
 * A private key in PEM inside of a JSON text: to its end line or, where that is missing, to the end of the JSON string.
 * Each character is looked at once: what follows the first line is either an escape or one character.
 */
const privateKey =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^"\\]|\\.)*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|(?="))/g;

/** The line without private keys. */
export function scrubbed(json: string): string {
  return json.includes('PRIVATE KEY-----') ? json.replace(privateKey, '[private key]') : json;
}
