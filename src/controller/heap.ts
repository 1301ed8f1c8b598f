/** What a heap holds: it writes down where each item sits, so that any of them can be removed in O(log n). */
export interface HeapItem {
  position: number;
}

/** A binary heap: the item that comes before all others is found at once, everything else takes O(log n). */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#rise(item, this.#items.length);
  }

  /** @param item must be in this heap */
  remove(item: T): void {
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#rise(last, item.position);
    this.#sink(last, last.position);
  }

  #rise(item: T, position: number): void {
    let at = position;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, this.#items[parent]!)) break;
      this.#put(this.#items[parent]!, at);
      at = parent;
    }
    this.#put(item, at);
  }

  #sink(item: T, position: number): void {
    let at = position;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#items.length) break;
      if (child + 1 < this.#items.length && this.#before(this.#items[child + 1]!, this.#items[child]!)) child++;
      if (!this.#before(this.#items[child]!, item)) break;
      this.#put(this.#items[child]!, at);
      at = child;
    }
    this.#put(item, at);
  }

  #put(item: T, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }
}
