import type { Clock } from '../clock.ts';
import { Heap, type HeapItem } from './heap.ts';

export type Priority = 'high' | 'normal' | 'low';

/** Lengths of the pauses after failures, in milliseconds: `baseMs`, doubling up to `maxMs`, less up to half by chance. */
export interface Backoff {
  baseMs: number;
  maxMs: number;
}

/**
 * How much longer a key waits than a high one that became due at the same time, when there are more keys than workers.
 * Among those due the one goes first whose time plus patience is the earliest. So each priority has a head start over
 * the next one, and none can starve another: whatever became due long enough ago goes before all that is new.
 */
const patienceMs: Record<Priority, number> = { high: 0, normal: 60_000, low: 300_000 };

interface Item extends HeapItem {
  readonly key: string;
  /** Where it waits; undefined while it runs, or when only its failures are remembered. */
  heap: Heap<Item> | undefined;
  /** When it is, or became, due. */
  dueAt: number;
  /** Order of arrival: decides between equals. */
  arrival: number;
  priority: Priority;
  running: boolean;
  /** Added while it ran, since when and how urgently: it runs again at once. */
  marked: { since: number; priority: Priority } | undefined;
  /** Scheduled while it ran. */
  planned: number | undefined;
  /** Failures in a row. */
  failures: number;
}

/**
 * Keys of objects that are to be reconciled, now or later. A key is never handed out again before it is `done`, however
 * often it is added meanwhile, and an `add` is never lost: a run starts after it. Everything takes O(log n).
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #items = new Map<string, Item>();
  readonly #delayed = new Heap<Item>(earlier);
  readonly #due = { high: new Heap<Item>(earlier), normal: new Heap<Item>(earlier), low: new Heap<Item>(earlier) };
  readonly #takers = new Set<(key: string) => void>();
  #arrivals = 0;
  #alarm: { at: number; cancel: () => void } | undefined;

  constructor(o: { clock: Clock; random?: () => number; backoff?: Backoff }) {
    this.#clock = o.clock;
    this.#random = o.random ?? Math.random;
    this.#backoff = o.backoff ?? { baseMs: 1_000, maxMs: 600_000 };
  }

  /** Makes the key due now, in place of its schedule; while it runs, it runs again right after. */
  add(key: string, priority: Priority = 'normal'): void {
    const item = this.#obtain(key);
    const now = this.#clock.elapsed();
    if (item.running) {
      item.marked = { since: item.marked?.since ?? now, priority: urgent(item.marked?.priority, priority) };
    } else if (this.#isDue(item)) {
      const higher = urgent(item.priority, priority);
      if (higher !== item.priority) this.#makeDue(item, item.dueAt, higher);
    } else {
      this.#makeDue(item, now, priority);
    }
    this.#handOut();
  }

  /**
   * Makes the key due in `delayMs`, in place of its earlier schedule: whoever schedules knows everything there is to
   * wait for. Changes nothing when the key is due anyway.
   */
  schedule(key: string, delayMs: number): void {
    if (delayMs <= 0) return this.add(key);
    const item = this.#obtain(key);
    const at = this.#clock.elapsed() + delayMs;
    if (item.running) item.planned = at;
    else if (!this.#isDue(item)) this.#delay(item, at);
  }

  /**
   * Schedules a key that failed, later each time.
   * @returns the delay in milliseconds
   */
  retry(key: string): number {
    const item = this.#obtain(key);
    const { baseMs, maxMs } = this.#backoff;
    const longest = Math.min(maxMs, baseMs * 2 ** item.failures++);
    const delayMs = longest * (1 - this.#random() / 2);
    this.schedule(key, delayMs);
    return delayMs;
  }

  /** Forgets the failures of a key that succeeded. */
  forget(key: string): void {
    const item = this.#items.get(key);
    if (!item) return;
    item.failures = 0;
    this.#drop(item);
  }

  /** Forgets the failures and the schedule of a key whose object is gone. An `add` that was not served yet stays. */
  remove(key: string): void {
    const item = this.#items.get(key);
    if (!item) return;
    item.failures = 0;
    item.planned = undefined;
    if (item.heap === this.#delayed) this.#leaveHeap(item);
    this.#drop(item);
  }

  /**
   * The next key, as soon as one is due; call `done` when it was worked on.
   * @returns undefined when the signal is aborted
   */
  take(signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined);
      const onAbort = (): void => {
        this.#takers.delete(taker);
        resolve(undefined);
      };
      const taker = (key: string): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(key);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#takers.add(taker);
      this.#handOut();
    });
  }

  /** The work on a key that `take` gave out has ended. */
  done(key: string): void {
    const item = this.#items.get(key)!;
    const { marked, planned } = item;
    item.running = false;
    item.marked = undefined;
    item.planned = undefined;
    if (marked) this.#makeDue(item, marked.since, marked.priority);
    else if (planned !== undefined) this.#delay(item, planned);
    this.#drop(item);
    this.#handOut();
  }

  /** How many keys are due and wait for a worker. */
  get depth(): number {
    return this.#due.high.size + this.#due.normal.size + this.#due.low.size;
  }

  /** For how long the key has been due that has waited longest for a worker, in milliseconds; 0 when none waits. */
  oldestDueMs(): number {
    const now = this.#clock.elapsed();
    const heaps = [this.#delayed, ...Object.values(this.#due)];
    return Math.max(0, ...heaps.map((heap) => now - (heap.first()?.dueAt ?? now)));
  }

  #obtain(key: string): Item {
    let item = this.#items.get(key);
    if (!item) {
      item = {
        key,
        position: 0,
        heap: undefined,
        dueAt: 0,
        arrival: 0,
        priority: 'normal',
        running: false,
        marked: undefined,
        planned: undefined,
        failures: 0,
      };
      this.#items.set(key, item);
    }
    return item;
  }

  /** Nothing is kept about a key that neither waits nor runs nor failed. */
  #drop(item: Item): void {
    if (!item.heap && !item.running && item.failures === 0) this.#items.delete(item.key);
  }

  #isDue(item: Item): boolean {
    return item.heap !== undefined && item.heap !== this.#delayed;
  }

  #makeDue(item: Item, dueAt: number, priority: Priority): void {
    item.priority = priority;
    this.#enterHeap(item, this.#due[priority], dueAt);
  }

  #delay(item: Item, dueAt: number): void {
    if (dueAt <= this.#clock.elapsed()) return this.#makeDue(item, dueAt, 'normal');
    this.#enterHeap(item, this.#delayed, dueAt);
    this.#setAlarm();
  }

  #enterHeap(item: Item, heap: Heap<Item>, dueAt: number): void {
    this.#leaveHeap(item);
    item.dueAt = dueAt;
    item.arrival = this.#arrivals++;
    item.heap = heap;
    heap.push(item);
  }

  #leaveHeap(item: Item): void {
    item.heap?.remove(item);
    item.heap = undefined;
  }

  /** The alarm may ring for a key that has left meanwhile, and then does nothing. */
  #setAlarm(): void {
    const at = this.#delayed.first()?.dueAt;
    if (this.#alarm?.at === at) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (at === undefined) return;
    const ring = (): void => {
      this.#alarm = undefined;
      const now = this.#clock.elapsed();
      for (let item = this.#delayed.first(); item && item.dueAt <= now; item = this.#delayed.first()) {
        this.#makeDue(item, item.dueAt, 'normal');
      }
      this.#setAlarm();
      this.#handOut();
    };
    this.#alarm = { at, cancel: this.#clock.after(at - this.#clock.elapsed(), ring) };
  }

  #handOut(): void {
    for (const taker of this.#takers) {
      const item = this.#next();
      if (!item) return;
      this.#leaveHeap(item);
      item.running = true;
      this.#takers.delete(taker);
      taker(item.key);
    }
  }

  #next(): Item | undefined {
    let next: Item | undefined;
    for (const heap of [this.#due.high, this.#due.normal, this.#due.low]) {
      const item = heap.first();
      if (item && (!next || turn(item) < turn(next))) next = item;
    }
    return next;
  }
}

function earlier(a: Item, b: Item): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.arrival < b.arrival);
}

function turn({ dueAt, priority }: Item): number {
  return dueAt + patienceMs[priority];
}

function urgent(a: Priority | undefined, b: Priority): Priority {
  return a !== undefined && patienceMs[a] < patienceMs[b] ? a : b;
}
