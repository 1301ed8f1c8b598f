import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64 } from '../../../src/certificate/base64.ts';
import { pemBlocks, type Find } from '../../../src/certificate/pem.ts';

/** Splits a text and counts how many characters the searches look at. */
function split(text: string) {
  let examined = 0;
  const find: Find = (buffer, needle, from) => {
    const found = buffer.indexOf(needle, from, 'latin1');
    examined += (found === -1 ? buffer.length : found + needle.length) - from;
    return found;
  };
  const labels: string[] = [];
  try {
    for (const { label } of pemBlocks(Buffer.from(text, 'latin1'), find)) labels.push(label);
    return { labels, examined, problem: undefined };
  } catch (error) {
    return { labels, examined, problem: (error as Error).message };
  }
}

const half = 512 * 1024;
const filled = (unit: string): string => unit.repeat(Math.ceil(half / unit.length)).slice(0, half);
const block = '-----BEGIN X-----\nAAAA\n-----END X-----\n';

describe('splitting', () => {
  test.each([
    ['BEGIN lines', filled('-----BEGIN CERTIFICATE-----\n')],
    ['END lines', filled('-----END CERTIFICATE-----\n')],
    ['dashes', filled('-')],
    ['almost BEGIN', filled('-----BEGIN')],
    ['one block that never ends', `-----BEGIN X-----\n${filled('A')}`],
    ['nested blocks', filled('-----BEGIN A-----\n-----BEGIN B-----\n-----END B-----\n')],
    ['small blocks', filled(block)],
    ['small blocks far apart', filled(block + '\n'.repeat(5000))],
    ['blocks and then an open one', filled(block).slice(0, -500) + filled('-----BEGIN X-----\n')],
    ['labels without end', filled('-----BEGIN X')],
    ['text', filled('Bag Attributes\n')],
  ])('looks at every character twice at most: %s', (_, text) => {
    const { examined, labels } = split(text);
    // Each search may reach over the marker it finds into the next one's range.
    expect(examined).toBeLessThanOrEqual(2 * text.length + 32 * (labels.length + 1));
  });

  test.each([
    ['a block that does not end', '-----BEGIN A-----\nAAAA\n', 'does not end'],
    ['an end alone', 'AAAA\n-----END A-----\n', 'did not begin'],
    ['an end before the block', `-----END A-----\n${block}`, 'did not begin'],
    ['an end after the block', `${block}-----END A-----\n`, 'did not begin'],
    ['another label at the end', '-----BEGIN A-----\nAAAA\n-----END B-----\n', 'before its end'],
    ['a block in a block', `-----BEGIN A-----\n${block}-----END A-----\n`, 'before its end'],
    ['a block in a block of the same kind', `-----BEGIN X-----\n${block}`, 'before its end'],
    ['an endless label', `-----BEGIN ${'A'.repeat(100)}-----\n-----END A-----\n`, 'not complete'],
    ['an armour line that is cut', '-----BEGIN A-----\nAAAA\n-----END A--', 'not complete'],
    ['an armour line over two lines', '-----BEGIN A\nB-----\nAAAA\n-----END A\nB-----', 'not complete'],
    ['a last line that is cut', `${block}-----BE`, 'stops'],
  ])('refuses %s', (_, text, message) => {
    expect(split(text).problem).toContain(message);
  });

  test.each([
    ['nothing', '', []],
    ['text', 'Hello\n---\n-- \n', []],
    ['blocks on one line', `${block.trim()}${block.trim()}`, ['X', 'X']],
    ['an empty label, as the standard allows', '-----BEGIN -----\n-----END -----', ['']],
  ])('reads %s', (_, text, labels) => {
    expect(split(text)).toMatchObject({ labels, problem: undefined });
  });
});

describe('Base64', () => {
  test('decodes what Node encodes, wrapped or not, padded or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 80 }), (bytes, width) => {
        const text = Buffer.from(bytes).toString('base64');
        const wrapped = text.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
        for (const form of [text, wrapped, text.replaceAll('=', '')]) {
          expect(decodeBase64(Buffer.from(form))).toEqual(Buffer.from(bytes));
        }
        const urlSafe = Buffer.from(Buffer.from(bytes).toString('base64url'));
        expect(decodeBase64(urlSafe, true)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test.each(['A', 'AAAAA', 'AA=A', 'AA===', 'AAA==', '=', 'AA-_', 'AA.A', 'AAÄA'])('refuses %s', (text) => {
    expect(decodeBase64(Buffer.from(text))).toBeUndefined();
  });
});
