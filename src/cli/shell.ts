/** Where text goes: a terminal, a pipe or a file. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  /** Of a terminal. */
  columns?: number;
}

/** All that a command has to do with besides clusters, clouds and files: given to it, so that tests can give their own. */
export interface Shell {
  /** What a user calls this program: `pcert`, or `kubectl pcert`. */
  name: string;
  out: Output;
  err: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** What is piped in. */
  input(): Promise<Buffer>;
  /** Asks whoever sits at the terminal, and returns the line that was typed; undefined when nobody does. */
  ask(question: string): Promise<string | undefined>;
}

/** Whether colours are welcome there: on terminals, unless NO_COLOR is set; anywhere with FORCE_COLOR. */
export function hasColour({ isTTY }: Output, { NO_COLOR, FORCE_COLOR, TERM }: Shell['env']): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY === true && TERM !== 'dumb';
}

/** How many columns there are to fill; undefined for a pipe or file, which has room for everything. */
export function widthOf({ isTTY, columns }: Output, { COLUMNS }: Shell['env']): number | undefined {
  if (COLUMNS !== undefined && /^[1-9]\d{0,4}$/.test(COLUMNS)) return Number(COLUMNS);
  return isTTY === true ? (columns ?? 80) : undefined;
}
