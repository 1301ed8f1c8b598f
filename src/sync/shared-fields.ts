import type { KubeObject } from '../kube/objects.ts';
import { Recent } from '../kube/recent.ts';

const remembered = 64;

/**
 * Secrets that we wrote have the same fields, and the API server tells with each who manages them: that record is kept once
 * for all of them.
 */
export class SharedFields {
  readonly #known = new Recent<Record<string, unknown>>(remembered);

  share({ metadata }: KubeObject): void {
    for (const entry of metadata.managedFields ?? []) {
      const { fieldsV1 = {} } = entry;
      entry.fieldsV1 = this.#known.obtain(JSON.stringify(fieldsV1), () => fieldsV1);
    }
  }
}
