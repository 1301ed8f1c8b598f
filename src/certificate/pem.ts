import { FormatError } from './format-error.ts';

export interface PemBlock {
  label: string;
  /** What stands between the two armour lines; a view, not a copy. */
  body: Buffer;
  /** The whole block with its armour; a view. */
  bytes: Buffer;
  /** Offset of the block in the text. */
  start: number;
}

const begin = '-----BEGIN ';
const end = '-----END ';
const dashes = '-----';
const longestLabel = 64;

/** Looks for `needle` from `from` on; -1 if there is none. */
export type Find = (text: Buffer, needle: string, from: number) => number;

const indexOf: Find = (text, needle, from) => text.indexOf(needle, from, 'latin1');

/**
 * Yields the blocks of a PEM text; whatever stands before, between and after them is ignored. One search runs ahead for
 * BEGIN and one for END, so every character is looked at twice at most, whatever the text. Throws a FormatError for a
 * block without an end, an end without a block, a block inside a block, and a text that stops inside a BEGIN line.
 */
export function* pemBlocks(text: Buffer, find: Find = indexOf): Generator<PemBlock> {
  let start = find(text, begin, 0);
  let stop = find(text, end, 0);
  let after = 0;
  while (start !== -1) {
    if (stop === -1) throw new FormatError('a block begins and does not end');
    if (stop < start) throw new FormatError('a block ends that did not begin');
    const opening = armour(text, start + begin.length);
    const closing = armour(text, stop + end.length);
    if (opening === undefined || closing === undefined || opening.after > stop) {
      throw new FormatError('a line that begins or ends a block is not complete');
    }
    const following = find(text, begin, opening.after);
    if (opening.label !== closing.label || (following !== -1 && following < stop)) {
      throw new FormatError(`a block ${opening.label} begins and another one follows before its end`);
    }
    after = closing.after;
    yield {
      label: opening.label,
      body: text.subarray(opening.after, stop),
      bytes: text.subarray(start, after),
      start,
    };
    start = following;
    stop = find(text, end, after);
  }
  if (stop !== -1) throw new FormatError('a block ends that did not begin');
  const lastLine = text
    .subarray(Math.max(after, text.length - begin.length))
    .toString('latin1')
    .split('\n')
    .at(-1);
  if (lastLine !== undefined && lastLine !== '' && begin.startsWith(lastLine)) {
    throw new FormatError('it stops where a block begins');
  }
}

/** Reads the rest of an armour line: the label and the closing dashes. */
function armour(text: Buffer, from: number): { label: string; after: number } | undefined {
  const line = text.subarray(from, from + longestLabel + dashes.length).toString('latin1');
  const length = line.indexOf(dashes);
  const label = line.slice(0, length);
  return length !== -1 && /^[\x20-\x7e]*$/.test(label) ? { label, after: from + length + dashes.length } : undefined;
}
