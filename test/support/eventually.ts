import { setTimeout } from 'node:timers/promises';

/**
 * Calls `check` until it does not throw, for what happens soon but not at once.
 * @returns what it returned
 * @throws what it threw last, when the time is over
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 50 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; await setTimeout(intervalMs)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= end) throw error;
    }
  }
}
