import { eventually } from './eventually.ts';
import type { Operator } from './operator.ts';

export async function isLeading(operator: Operator): Promise<boolean> {
  return /^provider_certificates_leader 1$/m.test(await operator.metrics());
}

/** Which of these leads, when that is exactly one. */
export async function leader(operators: readonly Operator[]): Promise<Operator> {
  return eventually(
    async () => {
      const leading = await Promise.all(operators.map(isLeading));
      const [first, ...others] = operators.filter((_, index) => leading[index]);
      if (first === undefined || others.length > 0) throw new Error(`${leading.filter(Boolean).length} operators lead`);
      return first;
    },
    { timeoutMs: 60_000 },
  );
}
