import { FormatError } from './format-error.ts';

/** ASN.1 tags as they stand in DER. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

export interface Element {
  tag: number;
  content: Buffer;
  /** Tag, length and content. */
  bytes: Buffer;
}

/**
 * Reads DER elements one after the other, without copying. As strict as Go's parser, which most programs behind an
 * ingress use: definite lengths in their shortest form, tags of one byte.
 */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Tag of the next element; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element, which must have `tag` when that is given. */
  next(tag?: number): Element {
    const found = this.tag;
    const first = this.#bytes[this.#at + 1];
    if (found === undefined || first === undefined) throw new FormatError('it ends too early');
    if (tag === undefined ? (found & 0x1f) === 0x1f : found !== tag)
      throw new FormatError('it is not built as expected');
    let start = this.#at + 2;
    let length = first;
    if (first >= 0x80) {
      const octets = first & 0x7f;
      if (octets === 0 || octets > 4 || start + octets > this.#bytes.length) throw new FormatError('a length is wrong');
      length = this.#bytes.readUIntBE(start, octets);
      if (length < 0x80 || length < 2 ** (8 * (octets - 1)))
        throw new FormatError('a length is not in its shortest form');
      start += octets;
    }
    const end = start + length;
    if (end > this.#bytes.length) throw new FormatError('it ends too early');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return { tag: found, content: this.#bytes.subarray(start, end), bytes };
  }

  /** The next element if it has `tag`. */
  optional(tag: number): Element | undefined {
    return this.tag === tag ? this.next(tag) : undefined;
  }

  /** Opens the next element, which must have `tag`. */
  enter(tag: number): DerReader {
    return new DerReader(this.next(tag).content);
  }

  /** To be called where nothing may follow. */
  finish(): void {
    if (!this.done) throw new FormatError('it holds more data than it should');
  }
}

/** The element that `bytes` consists of; it must have `tag`. */
export function only(bytes: Buffer, tag: number): Element {
  const reader = new DerReader(bytes);
  const element = reader.next(tag);
  reader.finish();
  return element;
}

/** Opens the element that `bytes` consists of; it must have `tag`. */
export function enterOnly(bytes: Buffer, tag: number): DerReader {
  return new DerReader(only(bytes, tag).content);
}

/** Content of an INTEGER that must not be negative; throws for one that is, and for one that is not in its shortest form. */
export function naturalNumber({ content }: Element): bigint {
  const [first, second = 0xff] = content;
  if (first === undefined || (first === 0 && second < 0x80))
    throw new FormatError('a number is not in its shortest form');
  if (first >= 0x80) throw new FormatError('a number is negative');
  return BigInt(`0x${content.toString('hex')}`);
}

/** Checks an OBJECT IDENTIFIER (every number below 2^31, shortest form) and returns its content in hex. */
export function identifier({ content }: Element): string {
  let arc = 0;
  let inside = false;
  for (const byte of content) {
    if (!inside && byte === 0x80) throw new FormatError('an object identifier is wrong');
    arc = arc * 128 + (byte & 0x7f);
    if (arc >= 2 ** 31) throw new FormatError('an object identifier is too large');
    inside = byte >= 0x80;
    if (!inside) arc = 0;
  }
  if (inside || content.length === 0) throw new FormatError('an object identifier is wrong');
  return content.toString('hex');
}

/** Checks a BIT STRING and returns its bytes. */
export function bits({ content }: Element): Buffer {
  const [unused] = content;
  const last = content.length > 1 ? (content.at(-1) ?? 0) : 0;
  if (
    unused === undefined ||
    unused > 7 ||
    (content.length === 1 && unused > 0) ||
    (last & ((1 << unused) - 1)) !== 0
  ) {
    throw new FormatError('a bit string is wrong');
  }
  return content.subarray(1);
}

/** Checks that what is left is well-formed at every depth. */
export function checkTree(reader: DerReader, depth = 0): void {
  if (depth > 32) throw new FormatError('it is nested too deeply');
  while (!reader.done) {
    const { tag, content } = reader.next();
    if ((tag & 0x20) !== 0) checkTree(new DerReader(content), depth + 1);
  }
}
