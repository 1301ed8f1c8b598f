/** Lines of context around what differs. */
const context = 3;

/**
 * What differs between two texts, as diff(1) shows it: lines with `-` are gone, lines with `+` are new, and `…` is where
 * lines that both have were left out.
 */
export function difference(before: string, after: string): string {
  const lines = compared(before.split('\n'), after.split('\n'));
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - context), at + context + 1).some(isChange));
  return lines
    .flatMap((line, at) => (near[at] ? [line] : near[at - 1] === false || at === 0 ? [] : ['…']))
    .join('\n')
    .trimEnd();
}

const isChange = (line: string): boolean => !line.startsWith(' ');

/** By the longest common subsequence of lines. */
function compared(before: readonly string[], after: readonly string[]): string[] {
  const longest = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      longest[i]![j] =
        before[i] === after[j] ? longest[i + 1]![j + 1]! + 1 : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      lines.push(`  ${before[i]}`);
      i++;
      j++;
    } else if (j === after.length || (i < before.length && longest[i + 1]![j]! >= longest[i]![j + 1]!))
      lines.push(`- ${before[i++]}`);
    else lines.push(`+ ${after[j++]}`);
  }
  return lines;
}
