const window = 10 * 60_000;
const tolerated = 3;
const firstWait = 60_000;
const longestWait = 30 * 60_000;

/** Somebody undoes what we write: how often we put it right, and when we stop for a while. All by `Clock.elapsed`. */
export class Contest {
  #repairs: number[] = [];
  #waits = 0;
  #standing: { until: number; message: string } | undefined;

  /**
   * Takes note of a repair; `manager` is who made it necessary. After three within ten minutes we wait, longer each time
   * until ten minutes passed in peace.
   */
  repaired(secretName: string, manager: string, now: number): void {
    if (this.#standing !== undefined && now > this.#standing.until + window) {
      this.#standing = undefined;
      this.#waits = 0;
    }
    this.#repairs = [...this.#repairs.filter((at) => at > now - window), now];
    if (this.#waits === 0 && this.#repairs.length < tolerated) return;
    const wait = Math.min(firstWait * 2 ** this.#waits, longestWait);
    this.#waits += 1;
    this.#standing = {
      until: now + wait,
      message: `${manager} keeps changing Secret ${secretName}, which was put right again and again: stop it from writing this Secret, or choose another secretName.`,
    };
  }

  /** The pause that is in force, if any. */
  standing(now: number): { until: number; message: string } | undefined {
    return this.#standing !== undefined && now < this.#standing.until ? this.#standing : undefined;
  }
}
