import { expect, test } from 'vitest';
import { Progress } from '../../../src/cli/progress.ts';

function progressOn(isTTY: boolean): { written: () => string; progress: Progress; print: () => void } {
  let text = '';
  const output = { write: (more: string) => void (text += more), isTTY, columns: 60 };
  return { written: () => text, progress: new Progress(output, { env: {} }, 2), print: () => void (text += 'done\n') };
}

test('on a terminal a bar stands below what is done, and leaves nothing behind', () => {
  const { progress, print, written } = progressOn(true);
  progress.draw('one');
  progress.done(print);
  progress.draw(`two${'.'.repeat(90)}`);
  progress.done(print);
  progress.draw('three');
  progress.end();
  const [first, second, ...rest] = written().split('\r\u001b[K');
  expect(first).toBe(`[${'.'.repeat(24)}] 0/2 one`);
  expect(second).toMatch(/^done\n\[#{12}\.{12}\] 1\/2 two\.+…$/);
  expect(second?.split('\n')[1]?.length).toBeLessThan(60);
  expect(rest).toEqual(['done\n']);
});

test('a pipe gets the lines alone', () => {
  const { progress, print, written } = progressOn(false);
  progress.draw('one');
  progress.done(print);
  progress.end();
  expect(written()).toBe('done\n');
});
