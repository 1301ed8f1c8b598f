/** A Markdown table. Cells are one line each; what Markdown would take for its own is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map((cells) => row(cells.map(escaped)))].join('\n');
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A bar ends a cell even inside of code; an asterisk means something outside of it only. */
const escaped = (cell: string): string =>
  cell.replace(/`[^`]*`|[*|]/g, (match) =>
    match.startsWith('`') ? match.replaceAll('|', String.raw`\|`) : `\\${match}`,
  );
