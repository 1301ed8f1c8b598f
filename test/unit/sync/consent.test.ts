import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowsCertificate, allowsNamespace } from '../../../src/sync/consent.ts';

const selecting = (selector: object) => ({ from: 'Selector' as const, selector });

describe('namespaces', () => {
  test.for<[string, Parameters<typeof allowsNamespace>[0], Record<string, string> | undefined, boolean]>([
    ['All', { from: 'All' }, {}, true],
    ['All, but the namespace is not known', { from: 'All' }, undefined, false],
    ['None', { from: 'None' }, {}, false],
    ['matchLabels', selecting({ matchLabels: { team: 'a' } }), { team: 'a', other: 'x' }, true],
    ['matchLabels, another value', selecting({ matchLabels: { team: 'a' } }), { team: 'b' }, false],
    ['In', selecting({ matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] }), { team: 'b' }, true],
    [
      'In, without the label',
      selecting({ matchExpressions: [{ key: 'team', operator: 'In', values: ['a'] }] }),
      {},
      false,
    ],
    [
      'NotIn, without the label',
      selecting({ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] }),
      {},
      true,
    ],
    [
      'NotIn',
      selecting({ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] }),
      { team: 'a' },
      false,
    ],
    ['Exists', selecting({ matchExpressions: [{ key: 'team', operator: 'Exists' }] }), { team: '' }, true],
    ['DoesNotExist', selecting({ matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }), { team: '' }, false],
    [
      'all parts must hold',
      selecting({ matchLabels: { a: '1' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] }),
      { a: '1' },
      false,
    ],
  ])('%s', ([, consent, labels, expected]) => {
    expect(allowsNamespace(consent, labels)).toBe(expected);
  });
});

describe('certificates', () => {
  test('without globs all are allowed', () => {
    expect(allowsCertificate(undefined, 'anything')).toBe(true);
  });

  test('a glob means what the same regular expression means', () => {
    const piece = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(piece, fc.stringMatching(/^[ab]{0,10}$/), (glob, name) => {
        const expected = new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name);
        expect(allowsCertificate([glob], name)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
