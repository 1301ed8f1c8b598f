import { printable } from '../printable.ts';

const colours: Record<string, string> = { trace: '90', debug: '36', info: '32', warn: '33', error: '31' };

/** A JSON log line for human eyes: time, level, message, then the other fields. */
export function prettyLine(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const label = `\u001B[${colours[String(level)] ?? '0'}m${String(level).toUpperCase().padEnd(5)}\u001B[0m`;
  const rest = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const { stack, message } = (err ?? {}) as { stack?: string; message?: string };
  const problem = stack ?? message;
  const line = `${String(time).slice(11, 23)} ${label} ${shown(String(msg ?? '') + rest.join(''))}\n`;
  return problem ? `${line}${shown(problem)}\n` : line;
}

/** Nothing in a text may look like a line of the log, or move the cursor; only the frames of a stack have lines of their own. */
function shown(text: string): string {
  return text
    .split(/\n(?= {4}at )/)
    .map((line) => printable(line, Infinity))
    .join('\n');
}
