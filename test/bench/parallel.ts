/** How many requests to the API server the harness has under way at most. */
const workers = 32;

/** Does something for each number below `count`, several at a time. Ends early, with the error, when one fails. */
export async function parallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      try {
        await work(index);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, count) }, worker));
}
