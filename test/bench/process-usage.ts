import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** What a process has used so far, as Linux tells. */
export interface Usage {
  /** CPU time in user and kernel mode, in seconds. It is counted in steps of 10 ms. */
  cpuS: number;
  /** Memory that is resident now, and the most that ever was; in MiB. */
  rssMiB: number;
  peakRssMiB: number;
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100;

export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? NaN) / 1_024;
  return { cpuS: await cpuOf(pid), rssMiB: mib('VmRSS'), peakRssMiB: mib('VmHWM') };
}

/** CPU seconds that a process has used so far. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** CPU seconds that all processes of this machine have used so far. */
export async function cpuOfMachine(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** CPU seconds that an API server has used so far, as its metrics tell. */
export function apiServerCpuIn(metrics: string): number {
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(metrics)?.[1]);
}

/** As much CPU time as a process that is at rest may use meanwhile, in seconds. */
const restingS = 0.03;
const stepMs = 100;

/** How long it has to be at rest; longer than it waits for an answer of the provider, in milliseconds. */
const calmMs = 2_000;

/**
 * Waits until a process is at rest: the way to see from outside that it has nothing left to do.
 * @returns when it came to rest, in milliseconds since the epoch; undefined when it did not within `limitMs`
 */
export async function untilQuiet(pid: number, limitMs: number): Promise<number | undefined> {
  const seen: { at: number; cpuS: number }[] = [];
  for (const end = Date.now() + limitMs; Date.now() < end; await setTimeout(stepMs)) {
    const now = { at: Date.now(), cpuS: await cpuOf(pid) };
    seen.push(now);
    const before = seen.findLast(({ at }) => at <= now.at - calmMs);
    if (before !== undefined && now.cpuS - before.cpuS <= restingS)
      return seen.find(({ cpuS }) => now.cpuS - cpuS <= restingS)?.at;
  }
  return undefined;
}
