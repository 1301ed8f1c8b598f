const invalid = 0xff;
const blank = 0xfe;
const padding = 0xfd;

function alphabet(characters: string): Uint8Array {
  const table = new Uint8Array(256).fill(invalid);
  for (const [value, character] of [...characters].entries()) table[character.charCodeAt(0)] = value % 64;
  for (const character of ' \t\r\n') table[character.charCodeAt(0)] = blank;
  table['='.charCodeAt(0)] = padding;
  return table;
}

const common = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const standard = alphabet(`${common}+/`);
const either = alphabet(`${common}+/${common}-_`);

/**
 * Decodes Base64, wrapped or not, padded or not; undefined if anything else stands in it. (`Buffer.from` would skip
 * what it does not know, and so take a damaged key for a sound one.) No string is made: strings cannot be wiped.
 */
export function decodeBase64(text: Uint8Array, urlSafe = false): Buffer | undefined {
  const table = urlSafe ? either : standard;
  const bytes = Buffer.alloc(Math.ceil((text.length * 3) / 4));
  let length = 0;
  let digits = 0;
  let pads = 0;
  let group = 0;
  for (const character of text) {
    const value = table[character] ?? invalid;
    if (value === blank) continue;
    if (value === padding) {
      pads += 1;
      continue;
    }
    if (value === invalid || pads > 0) return undefined;
    group = (group << 6) | value;
    digits += 1;
    if (digits % 4 === 0) {
      length = bytes.writeUIntBE(group & 0xffffff, length, 3);
      group = 0;
    }
  }
  const rest = digits % 4;
  if (rest === 1 || (pads > 0 && rest + pads !== 4)) return undefined;
  if (rest === 2) bytes[length++] = group >> 4;
  if (rest === 3) length = bytes.writeUInt16BE((group >> 2) & 0xffff, length);
  return bytes.subarray(0, length);
}
