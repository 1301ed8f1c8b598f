/** Length of the pieces that secrets are cut into. A random piece of this length is not found by chance. */
export const pieceLength = 12;

const multiplier = 0x0100_0193;
const filterBits = 27;
let leading = 1;
for (let i = 1; i < pieceLength; i++) leading = Math.imul(leading, multiplier);

/**
 * Finds excerpts of many secrets in much text: in one pass, however many there are (a rolling hash, as Rabin and Karp
 * had it). Secrets are cut into pieces, so every excerpt is found that is nearly twice as long as a piece.
 */
export class Excerpts {
  readonly #pieces = new Set<string>();
  /** One bit per hash: most places of a text are done with after a look at it. */
  readonly #filter = new Uint8Array(2 ** (filterBits - 3));

  /** @param secret shorter than a piece, it is not looked for */
  add(secret: string): void {
    for (let start = 0; start + pieceLength <= secret.length; start += pieceLength) {
      const piece = secret.slice(start, start + pieceLength);
      this.#pieces.add(piece);
      let hash = 0;
      for (const byte of Buffer.from(piece, 'latin1')) hash = Math.imul(hash, multiplier) + byte;
      const bit = slot(hash);
      this.#filter[bit >> 3]! |= 1 << (bit & 7);
    }
  }

  /** @returns the numbers of the lines with an excerpt, from 1 */
  linesOf(text: Buffer): number[] {
    const lines: number[] = [];
    let line = 1;
    let hash = 0;
    for (let at = 0; at < text.length; at++) {
      if (at >= pieceLength) hash -= Math.imul(leading, text[at - pieceLength]!);
      hash = Math.imul(hash, multiplier) + text[at]!;
      if (text[at] === 10) line++;
      const bit = slot(hash);
      if ((this.#filter[bit >> 3]! & (1 << (bit & 7))) === 0 || lines.at(-1) === line) continue;
      if (this.#pieces.has(text.toString('latin1', at + 1 - pieceLength, at + 1))) lines.push(line);
    }
    return lines;
  }
}

function slot(hash: number): number {
  return (hash >>> 0) >>> (32 - filterBits);
}
