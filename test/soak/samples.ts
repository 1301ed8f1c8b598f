/** What an operator takes up at one moment. */
export interface Sample {
  /** Milliseconds since the epoch. */
  at: number;
  rssMiB: number;
  heapMiB: number;
  fds: number;
  handles: number;
  /** The 99th percentile since the sample before, in milliseconds. */
  delayMs: number;
}

const mebibyte = 2 ** 20;

/** @param metrics what the operator serves */
export function sampleOf(metrics: string, at: number): Sample {
  const value = (name: string): number => {
    const [, text] = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics) ?? [];
    if (text === undefined) throw new Error(`there is no metric ${name}`);
    return Number(text);
  };
  return {
    at,
    rssMiB: value('process_resident_memory_bytes') / mebibyte,
    heapMiB: value('nodejs_heap_size_used_bytes') / mebibyte,
    fds: value('process_open_fds'),
    handles: value('nodejs_active_handles_total'),
    delayMs: value('nodejs_eventloop_lag_p99_seconds') * 1_000,
  };
}

export type Measure = Exclude<keyof Sample, 'at'>;

export function medianOf(samples: readonly Sample[], measure: Measure): number {
  return median(samples.map((sample) => sample[measure]));
}

export function mostOf(samples: readonly Sample[], measure: Measure): number {
  return Math.max(...samples.map((sample) => sample[measure]));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return ((sorted[middle] ?? NaN) + (sorted[sorted.length - 1 - middle] ?? NaN)) / 2;
}
