/**
 * Foreign text made fit for a message or log: one line, at most `length` characters, without control and
 * direction characters, and without runs that could be a key in Base64 (a line of PEM has 64 characters).
 */
export function excerpt(value: string, length: number): string {
  const line = value
    .slice(0, 4 * length)
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/[A-Za-z0-9+/=]{64,}/g, '…')
    .trim();
  return (line.length > length ? `${line.slice(0, length - 1)}…` : line).toWellFormed();
}
