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

/** The line with what JSON lets through, but a terminal acts upon or hides, escaped: C1 controls, bidirectional and invisible characters. */
export function visible(json: string): string {
  return json.replace(/(?!\n$)[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
