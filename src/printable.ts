import { createHash } from 'node:crypto';

const harmful = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * Makes text from a certificate or a provider fit for a message, a status or an annotation: control, bidirectional,
 * invisible and unassigned characters become `\u{…}`, and what is longer than `max` UTF-16 units is cut with `…`.
 */
export function printable(text: string, max: number): string {
  if (text.length <= max && !harmful.test(text)) return text; // as nearly all are
  let shown = '';
  for (const character of text) {
    const next = harmful.test(character) ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}` : character;
    if (shown.length + next.length > max) return `${fitting(shown, max - 1)}…`;
    shown += next;
  }
  return shown;
}

/** Printable text to be kept and compared: what is longer than `max` is cut, but ends with a digest, so that it tells a change after the cut. */
export function distinct(text: string, max: number): string {
  const shown = printable(text, Infinity);
  if (shown.length <= max) return shown;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${printable(shown, max - digest.length)}${digest}`;
}

/** The first `max` units, without the half of a surrogate pair at the end. */
function fitting(text: string, max: number): string {
  const cut = text.slice(0, Math.max(max, 0));
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** A name or label of foreign origin inside a message. */
export function quoted(text: string): string {
  return `"${printable(text, 120)}"`;
}

/** Several of them; after the first five only their number. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(quoted).join(', ');
  return names.length > 5 ? `${shown} (+${names.length - 5} more)` : shown;
}

/** A point in time (ms since the epoch) inside a message: to the second, UTC. */
export function instant(time: number): string {
  return `${new Date(time).toISOString().slice(0, -5)}Z`;
}
