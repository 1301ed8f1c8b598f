import { expect, test } from 'vitest';

import { parseOptions } from '../../bench/options.ts';

const scenarios = ['burst', 'restart'];

test('without flags everything is measured, with a latency of 300 ms', () => {
  expect(parseOptions([], scenarios)).toEqual({ latencyMs: 300, help: false });
});

test('reads every flag', () => {
  const args =
    '--only restart,burst --n 200 --latency 0 --concurrency 8 --in-flight 16 --json a --peer b --operator c --profile d';
  expect(parseOptions(args.split(' '), scenarios)).toEqual({
    only: ['restart', 'burst'],
    n: 200,
    latencyMs: 0,
    concurrency: 8,
    inFlight: 16,
    json: 'a',
    peer: 'b',
    operator: 'c',
    profile: 'd',
    help: false,
  });
});

test.each([
  ['--only=burst,storm', '--only knows burst, restart, not storm'],
  ['--n=0', '--n must be a whole number from 1 on, not 0'],
  ['--n=1e3', '--n must be a whole number from 1 on, not 1e3'],
  ['--latency=-1', '--latency must be a whole number from 0 on, not -1'],
  ['--frequency=1', "Unknown option '--frequency'"],
])('says what is wrong with %s', (arg, message) => {
  expect(() => parseOptions([arg], scenarios)).toThrow(message);
});
