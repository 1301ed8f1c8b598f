const newline = 0x0a;

/**
 * Splits a stream of bytes into its lines, without the newline; what follows the last newline is dropped, because it was
 * cut off. Works on bytes, so that a character split over two chunks stays whole.
 * @param tooLong makes the error for a line of more than `maxBytes`
 */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLong: () => Error,
): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      if (length + end - start > maxBytes) throw tooLong();
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString('utf8');
      pieces = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > maxBytes) throw tooLong();
  }
}
