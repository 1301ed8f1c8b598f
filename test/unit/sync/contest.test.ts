import { expect, test } from 'vitest';
import { Contest } from '../../../src/sync/contest.ts';

const minute = 60_000;

test('two repairs within ten minutes are nothing', () => {
  const contest = new Contest();
  contest.repaired('www', 'kubectl', 0);
  contest.repaired('www', 'kubectl', minute);
  expect(contest.standing(minute)).toBeUndefined();
});

test('three slow ones neither', () => {
  const contest = new Contest();
  for (const at of [0, 9 * minute, 18 * minute]) contest.repaired('www', 'kubectl', at);
  expect(contest.standing(18 * minute)).toBeUndefined();
});

test('from the third on we wait, twice as long each time up to half an hour, and name the other one', () => {
  const contest = new Contest();
  let now = 0;
  contest.repaired('www', 'kubectl', now);
  contest.repaired('www', 'kubectl', now);
  const waits: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    contest.repaired('www', 'kubectl', now);
    const standing = contest.standing(now);
    expect(standing?.message).toContain('kubectl');
    waits.push((standing?.until ?? now) - now);
    now = standing?.until ?? now;
    expect(contest.standing(now)).toBeUndefined();
  }
  expect(waits.map((wait) => wait / minute)).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
});

test('ten minutes of peace end it', () => {
  const contest = new Contest();
  for (const at of [0, 1, 2]) contest.repaired('www', 'kubectl', at);
  const later = 2 + minute + 10 * minute + 1;
  contest.repaired('www', 'kubectl', later);
  expect(contest.standing(later)).toBeUndefined();
});
