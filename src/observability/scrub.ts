/**
 * A private key in PEM inside of a JSON text: to its end line or, where that is missing, to the end of the JSON string.
 * Each character is looked at once: what follows the first line is either an escape or one character.
 */
const privateKey =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^"\\]|\\.)*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|(?="))/g;

/** What credentials, and the headers that prove them, are called by us, the clouds and Kubernetes; written in any way. */
const secret = String.raw`[\w.-]*(?:app-?key|access-?key(?:-?id)?|secret-?key|private[-_]?key|tls\.key|key-data|passphrase|passwo?r?d|token|authorization|authentication-(?:id|secret)|signature(?:-v\d)?)`;

/** Fields that hold secrets, in our own objects, in requests and in Secrets. */
const secretField = new RegExp(`"(${secret}|headers|credentials|data|stringData)":`, 'i');
const secretName = new RegExp(`^(?:${secret}|headers|credentials|data|stringData)$`, 'i');

/** The same inside of a text: `name: value`, `name=value`, or as JSON in JSON. Each run of letters is looked at once. */
const secretInText = new RegExp(
  String.raw`((?<![\w.-])${secret}(?:\\?["'])?\s*[:=]\s*(?:\\?["'])?)(?:(?:Basic|Bearer) +)?[^\s"'\\,;&}]+`,
  'gi',
);
/** Long enough to be none of the words that may follow in a sentence. */
const authorization = /\b(Bearer|Basic) +[\w.~+/=-]{20,}/gi;
/** NHN Cloud has it in its URLs. */
const appKeyInPath = /(\/appkeys\/)[^/\s"'\\?#]+/gi;

/** The line without secrets: fields that are called so, at any depth, and what looks like one in a text. */
export function scrubbed(json: string): string {
  // Only a line that needs it is parsed again.
  const line = secretField.test(json) ? withoutSecretFields(json) : json;
  const shown = line
    .replace(secretInText, '$1[redacted]')
    .replace(authorization, '$1 [redacted]')
    .replace(appKeyInPath, '$1[redacted]');
  return shown.includes('PRIVATE KEY-----') ? shown.replace(privateKey, '[private key]') : shown;
}

function withoutSecretFields(json: string): string {
  const line = JSON.stringify(JSON.parse(json), (name, value: unknown) =>
    secretName.test(name) ? '[redacted]' : value,
  );
  return line + json.slice(json.lastIndexOf('}') + 1);
}

/** The line with what JSON lets through, but a terminal acts upon or hides, escaped: C1 controls, bidirectional and invisible characters. */
export function visible(json: string): string {
  return json.replace(/(?!\n$)[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
