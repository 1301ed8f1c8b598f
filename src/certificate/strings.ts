import type { Element } from './der.ts';
import { FormatError } from './format-error.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of an attribute of a distinguished name, by the string types and characters that Go's parser knows. */
export function readText({ tag, content }: Element): string {
  const latin1 = content.toString('latin1');
  switch (tag) {
    case 0x0c: // UTF8String
      try {
        return utf8.decode(content);
      } catch {
        break;
      }
    case 0x13: // PrintableString; `*` and `&` are not allowed there but common
      if (/^[A-Za-z0-9'()+,\-./ :=?*&]*$/.test(latin1)) return latin1;
      break;
    case 0x14: // T61String, in practice Latin-1
      return latin1;
    case 0x16: // IA5String
      // oxlint-disable-next-line no-control-regex
      if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
      break;
    case 0x12: // NumericString
      if (/^[0-9 ]*$/.test(latin1)) return latin1;
      break;
    case 0x1e: {
      // BMPString: UTF-16BE without surrogates and noncharacters
      if (content.length % 2 !== 0) break;
      const text = Buffer.from(content).swap16().toString('utf16le');
      if (!/[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]/.test(text)) return text;
      break;
    }
  }
  throw new FormatError('a name in it is not properly encoded');
}
