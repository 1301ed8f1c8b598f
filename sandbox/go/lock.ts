import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';

const beatMs = 2_000;
/** Long enough for a machine that was busy, or a laptop that woke up. */
const staleMs = 30_000;

/**
 * Runs `work` while holding a lock file. The holder may die in any way: a lock is void when its process is gone, or,
 * where that cannot be seen (another machine or container), when it was not touched for half a minute. Two that find
 * the same void lock may both get in: good enough for work that only must not be done twice for nothing.
 * @param waiting called once when somebody else holds the lock
 */
export async function withLock<T>(
  file: string,
  { waiting, pollMs = 500 }: { waiting: () => void; pollMs?: number },
  work: () => Promise<T>,
): Promise<T> {
  for (let told = false; !(await take(file));) {
    if (await isVoid(file)) {
      await rm(file, { force: true });
      continue;
    }
    if (!told) waiting();
    told = true;
    await setTimeout(pollMs);
  }
  const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${hostname()} ${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function isVoid(file: string): Promise<boolean> {
  try {
    const [{ mtimeMs }, holder] = await Promise.all([stat(file), readFile(file, 'utf8')]);
    const [host, pid] = holder.trim().split(' ');
    // It is written right after it was made: an empty one is a very young one.
    return Date.now() - mtimeMs > staleMs || (host === hostname() && !isAlive(Number(pid)));
  } catch {
    return false; // released just now
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}
