import { expect, test } from 'vitest';

import { quantile, type Run } from '../../bench/measures.ts';
import { jsonLine, table } from '../../bench/report.ts';

const run = (subject: string, n: number, ready100S: number, posts: number): Run => ({
  subject,
  n,
  values: { ready100S, downloads: n, requests: 3 * n, cpuPerCertificateMs: 4.26 },
  requests: { 'POST events': posts },
});

test('a table has a column for each run, in the order of the measures', () => {
  expect(table('burst', [run('ours', 100, 1.5, 100), run('ours', 1_000, 12, 1_000)]).split('\n')).toEqual([
    'burst                           100      1,000',
    '100 % Ready after               1.50 s   12.00 s',
    'provider: downloads             100      1,000',
    'API requests                    300      3,000',
    '  POST events                   100      1,000',
    'operator: CPU per certificate   4.3 ms   4.3 ms',
  ]);
});

test('a peer is compared with us at the same size', () => {
  const runs = [run('ours', 100, 1.5, 100), run('ours', 200, 3, 0), run('peer', 200, 30, 50), run('peer', 100, 3, 200)];
  const [head, ready, , , events] = table('burst', runs).split('\n');
  expect(head).toMatch(/^burst +100, ours +200, ours +200, peer +100, peer$/);
  expect(ready).toMatch(/^100 % Ready after +1\.50 s +3\.00 s +30\.00 s +× 10\.0 +3\.00 s +× 2\.0$/);
  expect(events).toMatch(/^ {2}POST events +100 +0 +50 +200 +× 2\.0$/);
});

test('a line of JSON says the same', () => {
  expect(jsonLine('burst', { latencyMs: 300, inFlight: undefined }, [run('ours', 100, 1 / 3, 100)])).toBe(
    '{"scenario":"burst","latencyMs":300,"runs":[{"subject":"ours","n":100,' +
      '"values":{"ready100S":0.333,"downloads":100,"requests":300,"cpuPerCertificateMs":4.26},"requests":{"POST events":100}}]}',
  );
});

test('a quantile is the smallest value that so many do not exceed', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.5, 0.95, 1].map((share) => quantile(values, share))).toEqual([1, 1, 3, 5, 5]);
  expect(quantile([7], 0.5)).toBe(7);
});
