import { describe, expect, test } from 'vitest';
import { uncovered } from '../../../src/certificate/names.ts';

describe('uncovered', () => {
  test.each<[string, string[], string[], string[]]>([
    ['the same name', ['a.example'], ['a.example'], []],
    ['ASCII case', ['A.Example'], ['a.eXAMPLE'], []],
    ['no other case folding', ['k.example'], ['\u212A.example'], ['\u212A.example']],
    ['a wildcard for one label', ['*.example'], ['a.example'], []],
    ['not for two', ['*.example'], ['a.b.example'], ['a.b.example']],
    ['not for none', ['*.example'], ['example', '.example'], ['example', '.example']],
    ['not inside a label', ['w*.example', '*w.example'], ['www.example'], ['www.example']],
    ['not further right', ['a.*.example'], ['a.b.example'], ['a.b.example']],
    ['a wanted wildcard needs that very name', ['*.example'], ['*.example'], []],
    ['and not a wider one', ['*.example', 'a.b.example'], ['*.b.example'], ['*.b.example']],
    ['a single label', ['*'], ['localhost'], ['localhost']],
    ['nothing asked', [], [], []],
    ['nothing there', [], ['a.example'], ['a.example']],
  ])('%s', (_, dnsNames, wanted, missing) => {
    expect(uncovered(dnsNames, wanted)).toEqual(missing);
  });
});
