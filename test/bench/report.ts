import { render } from '../../sandbox/table.ts';
import { formatted, measures, type Run, type Values } from './measures.ts';

interface Column {
  head: string;
  value(name: keyof Values): string;
  request(name: string): string;
}

/** One column for each run, and beside each run of a peer one that says how many times ours that is. */
export function table(scenario: string, runs: readonly Run[]): string {
  const several = new Set(runs.map(({ subject }) => subject)).size > 1;
  const columns = runs.flatMap((run, index) => {
    const ours = runs
      .slice(0, index)
      .find(({ n, note, subject }) => n === run.n && note === run.note && subject !== run.subject);
    return ours === undefined ? [column(run, several)] : [column(run, several), comparison(run, ours)];
  });
  const rows: string[][] = [];
  for (const name of Object.keys(measures) as (keyof Values)[]) {
    if (runs.some(({ values }) => values[name] !== undefined))
      rows.push([measures[name].title, ...columns.map(({ value }) => value(name))]);
    if (name === 'requests') rows.push(...requestRows(runs, columns));
  }
  return render([scenario, ...columns.map(({ head }) => head)], rows);
}

function requestRows(runs: readonly Run[], columns: readonly Column[]): string[][] {
  const names = new Set(runs.flatMap(({ requests }) => Object.keys(requests)));
  return [...names].toSorted().map((name) => [`  ${name}`, ...columns.map(({ request }) => request(name))]);
}

function column({ subject, n, note, values, requests }: Run, named: boolean): Column {
  return {
    head: [n.toLocaleString('en'), note, named ? subject : undefined].filter((part) => part !== undefined).join(', '),
    value: (name) => formatted(values[name], measures[name].unit),
    request: (name) => formatted(requests[name], ''),
  };
}

function comparison(peer: Run, ours: Run): Column {
  const times = (a: number | undefined, b: number | undefined): string =>
    a === undefined || b === undefined || b === 0 ? '' : `× ${(a / b).toFixed(1)}`;
  return {
    head: '',
    value: (name) => times(peer.values[name], ours.values[name]),
    request: (name) => times(peer.requests[name], ours.requests[name]),
  };
}

/** The same for programs, on one line. Numbers have at most three decimals. */
export function jsonLine(scenario: string, circumstances: object, runs: readonly Run[]): string {
  return JSON.stringify({ scenario, ...circumstances, runs }, (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toFixed(3)) : value,
  );
}
