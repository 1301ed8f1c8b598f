import { expect, test } from 'vitest';

import { jsonPathCondition } from '../../bench/json-path.ts';

const object = {
  metadata: { name: 'web', labels: { 'app-name': 'web' } },
  status: {
    phase: 'Synced',
    count: 0,
    conditions: [
      { type: 'Synced', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
};

test.each<[string, boolean]>([
  ['{.status.phase}=Synced', true],
  ['{.status.phase}=Ready', false],
  ['{.status.phase}=', false],
  ['{.status.count}=0', true],
  ['{.metadata.labels.app-name}=web', true],
  ['{.status.conditions[?(@.type=="Ready")].status}=True', true],
  ["{.status.conditions[?(@.type=='Ready')].status}=True", true],
  ['{.status.conditions[?(@.type=="Synced")].status}=True', false],
  ['{.status.conditions[?(@.type=="Stalled")].status}=True', false],
  ['{.status.conditions[0].status}=False', true],
  ['{.status.conditions[2].status}=True', false],
  ['{.status.conditions[*].status}=True', true],
  ['{.status.nothing.below}=True', false],
  ['{.status.phase.length}=6', false],
  ['{.status.toString}=True', false],
])('%s is %s', (condition, holds) => {
  expect(jsonPathCondition(condition)(object)).toBe(holds);
});

test('holds for nothing of an object without a status', () => {
  expect(jsonPathCondition('{.status.conditions[?(@.type=="Ready")].status}=True')({ metadata: {} })).toBe(false);
});

test.each([
  '',
  '.status.phase=Synced',
  '{.status.phase}',
  '{status.phase}=Synced',
  '{.status..phase}=x',
  '{.a[?(@.b>1)]}=x',
])('refuses %j', (text) => expect(() => jsonPathCondition(text)).toThrow('is not a condition such as {.status'));
