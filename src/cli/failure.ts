/**
 * How a command ends, as with grep and diff: 0, all is as it should be; 1, it is not (something is not Ready, behind,
 * refused); 2, that could not be found out (wrong flags, no cluster, no permission).
 */
export type ExitCode = 0 | 1 | 2;

/** Ends a command with one sentence for its user. The sentence is escaped where it is printed. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}
