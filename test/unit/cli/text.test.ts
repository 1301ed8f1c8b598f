import { describe, expect, test } from 'vitest';
import { hasColour, widthOf } from '../../../src/cli/shell.ts';
import { displayWidth, fields, line, table } from '../../../src/cli/text.ts';
import { withColourNames } from '../../support/pcert.ts';

const plain = { colour: false };

describe('a table', () => {
  const rows = [
    ['www', { text: 'False', style: 'red' as const }, 'a long message'],
    ['인증서', 'True', ''],
  ];

  test('aligns columns by what they take on a terminal, and ends lines without blanks', () => {
    expect(table(['NAME', 'READY', 'STATUS'], rows, plain)).toBe(
      'NAME    READY  STATUS\nwww     False  a long message\n인증서  True\n',
    );
  });

  test('cuts the last column to the width, but not to nothing', () => {
    expect(table(['NAME', 'READY', 'STATUS'], rows, { colour: false, width: 25 })).toContain('False  a long message\n');
    expect(table(['NAME', 'S'], [['www', 'x'.repeat(50)]], { colour: false, width: 40 })).toBe(
      `NAME  S\nwww   ${'x'.repeat(33)}…\n`,
    );
  });

  test('counts neither colours nor escapes wrongly', () => {
    const text = table(['A', 'B'], [[{ text: 'x', style: 'green' }, 'y\u001b[2J']], { colour: true });
    expect(withColourNames(text)).toBe('A  B\n<green>x</>  y\\u{1b}[2J\n');
  });
});

test('fields leave out what has no value', () => {
  expect(
    fields(
      [
        ['id', '1'],
        ['name', undefined],
        ['a key', 'x\ny'],
        ['none', ''],
      ],
      plain,
    ),
  ).toBe('  id     1\n  a key  x\\u{a}y\n');
});

test('a line is one line', () => {
  expect(withColourNames(line('a\nb', 'red', { colour: true }))).toBe('<red>a\\u{a}b</>\n');
  expect(line('a', 'red', plain)).toBe('a\n');
});

test.each([
  ['abc', 3],
  ['한글', 4],
  ['e\u0301', 1],
  ['…', 1],
])('%s takes %i columns', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  { isTTY: true, env: {}, colour: true },
  { isTTY: false, env: {}, colour: false },
  { isTTY: true, env: { NO_COLOR: '1' }, colour: false },
  { isTTY: true, env: { TERM: 'dumb' }, colour: false },
  { isTTY: false, env: { FORCE_COLOR: '1' }, colour: true },
  { isTTY: true, env: { FORCE_COLOR: '0' }, colour: false },
  { isTTY: false, env: { FORCE_COLOR: '1', NO_COLOR: '1' }, colour: false },
])('colours: terminal $isTTY, $env', ({ isTTY, env, colour }) => {
  expect(hasColour({ write() {}, isTTY }, env)).toBe(colour);
});

test('only terminals have a width, unless it is told', () => {
  expect(widthOf({ write() {} }, {})).toBeUndefined();
  expect(widthOf({ write() {}, isTTY: true, columns: 120 }, {})).toBe(120);
  expect(widthOf({ write() {}, isTTY: true }, {})).toBe(80);
  expect(widthOf({ write() {} }, { COLUMNS: '60' })).toBe(60);
  expect(widthOf({ write() {} }, { COLUMNS: 'wide' })).toBeUndefined();
});
