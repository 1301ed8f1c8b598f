import { printable } from '../printable.ts';
import { type Output, type Shell, widthOf } from './shell.ts';

const barWidth = 24;

/**
 * Shows how far something is: on a terminal a bar that is drawn anew, below the lines of what is done; elsewhere the lines
 * alone.
 */
export class Progress {
  readonly #output: Output;
  readonly #width: number | undefined;
  readonly #total: number;
  #done = 0;
  #drawn = false;

  constructor(output: Output, { env }: Pick<Shell, 'env'>, total: number) {
    this.#output = output;
    this.#width = output.isTTY === true && env['TERM'] !== 'dumb' ? widthOf(output, env) : undefined;
    this.#total = total;
  }

  /** One more is done. @param print prints what is to be said of it, where the bar does not get in its way */
  done(print: () => void): void {
    this.#done += 1;
    this.#clear();
    print();
  }

  /** Draws the bar, with what is under way. */
  draw(label: string): void {
    if (this.#width === undefined || this.#done >= this.#total) return;
    const filled = Math.floor((this.#done / this.#total) * barWidth);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${this.#done}/${this.#total} `;
    this.#clear();
    this.#output.write(bar + printable(label, Math.max(this.#width - bar.length - 1, 1)));
    this.#drawn = true;
  }

  /** Leaves nothing behind. */
  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.#output.write('\r\u001b[K');
    this.#drawn = false;
  }
}
