import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { Heap, type HeapItem } from '../../../src/controller/heap.ts';

interface Entry extends HeapItem {
  rank: number;
}

/** @returns the ranks in the order in which they leave the heap */
function drain(heap: Heap<Entry>): number[] {
  const ranks: number[] = [];
  for (let first = heap.first(); first; first = heap.first()) {
    heap.remove(first);
    ranks.push(first.rank);
  }
  return ranks;
}

test('gives its items in order, whatever came, in whatever order, and whatever was removed meanwhile', () => {
  const entries = fc.array(fc.record({ rank: fc.nat(20), removed: fc.boolean() }), { maxLength: 100 });
  fc.assert(
    fc.property(entries, (entries) => {
      const heap = new Heap<Entry>((a, b) => a.rank < b.rank);
      const items = entries.map(({ rank, removed }) => ({ rank, removed, position: 0 }));
      for (const item of items) heap.push(item);
      for (const item of items.filter((item) => item.removed)) heap.remove(item);
      const kept = items.filter((item) => !item.removed).map((item) => item.rank);
      expect(heap.size).toBe(kept.length);
      expect(drain(heap)).toEqual(kept.sort((a, b) => a - b));
    }),
  );
});

test('takes logarithmic time: 100,000 items cost at most 40 comparisons each, in and out', () => {
  let comparisons = 0;
  const heap = new Heap<Entry>((a, b) => (comparisons++, a.rank < b.rank));
  const count = 100_000;
  for (let i = 0; i < count; i++) heap.push({ rank: (i * 7919) % count, position: 0 });
  drain(heap);
  expect(comparisons / count).toBeLessThan(40);
});
