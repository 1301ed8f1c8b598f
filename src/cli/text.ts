import { styleText } from 'node:util';
import { printable } from '../printable.ts';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Text that may be of foreign origin, and how it is to look. It is escaped when it is laid out, not before. */
export type Cell = string | { text: string; style: Style | undefined };

export interface Layout {
  colour: boolean;
  /** Columns of the terminal: what would go beyond is cut. Undefined: nothing is cut. */
  width?: number | undefined;
}

/** The longest text that a cell shows: a certificate with thousands of names must not fill the screen. */
const longestCell = 4096;
const gap = '  ';
/** So much of the last column is shown however narrow the terminal is. */
const narrowest = 20;

/** Columns as kubectl prints them; the last one is cut to the width of the terminal. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], layout: Layout): string {
  const lines = [head, ...rows].map((cells) => cells.map(escaped));
  const last = head.length - 1;
  const widths = head.map((_, column) => Math.max(0, ...lines.map((cells) => displayWidth(cells[column]?.text ?? ''))));
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + gap.length, 0);
  const room = layout.width === undefined ? Infinity : Math.max(layout.width - before, narrowest);
  return lines
    .map((cells) =>
      cells
        .map(({ text, style }, column) => {
          const shown = column === last ? cut(text, room) : text;
          const padding = column === last ? '' : ' '.repeat((widths[column] ?? 0) - displayWidth(text));
          return paint(shown, style, layout) + padding;
        })
        .join(gap)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Names and values below each other; what has no value is left out. */
export function fields(
  values: readonly (readonly [name: string, value: Cell | undefined])[],
  layout: Layout,
  indent = '  ',
): string {
  const given = values.filter((entry): entry is [string, Cell] => entry[1] !== undefined && entry[1] !== '');
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given
    .map(([name, value]) => {
      const { text, style } = escaped(value);
      return `${indent}${name.padEnd(width)}${gap}${paint(text, style, layout)}\n`;
    })
    .join('');
}

/** One line. */
export function line(text: string, style: Style | undefined, layout: Layout): string {
  return `${paint(printable(text, longestCell), style, layout)}\n`;
}

function escaped(cell: Cell): { text: string; style: Style | undefined } {
  return typeof cell === 'string'
    ? { text: printable(cell, longestCell), style: undefined }
    : { text: printable(cell.text, longestCell), style: cell.style };
}

function paint(text: string, style: Style | undefined, { colour }: Layout): string {
  return colour && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const combining = /\p{M}/u;

/** Columns that a text takes on a terminal: names of certificates are often Korean, whose letters take two each. */
export function displayWidth(text: string): number {
  // oxlint-disable-next-line no-control-regex
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

function widthOfOne(character: string): number {
  if (wide.test(character)) return 2;
  return combining.test(character) ? 0 : 1;
}

/** What fits into so many columns, with `…` for the rest. */
function cut(text: string, room: number): string {
  if (displayWidth(text) <= room) return text;
  let shown = '';
  let width = 0;
  for (const character of text) {
    width += widthOfOne(character);
    if (width > room - 1) break;
    shown += character;
  }
  return `${shown}…`;
}
