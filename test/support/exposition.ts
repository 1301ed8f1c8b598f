/** One sample of a scrape. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Not a number is written in whatever case: Go, which reads it, minds none. */
const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|nan)$/i;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y;

/**
 * Reads the text of a scrape as Prometheus does.
 * @throws when a line is neither a comment nor a sample, or a label is not escaped
 */
export function readExposition(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !/^# (HELP|TYPE) /.test(line));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = sample.exec(line) ?? [];
    if (name === '') throw new Error(`Not a sample: ${line}`);
    return { name, labels: labelsIn(labels, line), value: Number(value.replace('Inf', 'Infinity')) };
  });
}

function labelsIn(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  for (let at = 0; at < text.length; at = label.lastIndex) {
    const [, name = '', value = ''] = label.exec(text) ?? [];
    if (name === '') throw new Error(`Not a list of labels: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}
