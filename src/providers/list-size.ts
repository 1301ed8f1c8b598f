import { invalidAnswer } from './body.ts';
import type { HttpAnswer } from './http.ts';

/** Far more than any account has: clouds allow some hundred certificates, and tell of one in less than 1 KiB. */
const mostCertificates = 30_000;
const mostBytes = 32 * 1024 * 1024;

/**
 * How large a list has become, all its pages together. Without an end to that, pages that are each of a size that is taken
 * could fill the memory.
 */
export class ListSize {
  #certificates = 0;
  #bytes = 0;

  /**
   * Counts a page.
   *
   * @throws ProviderError (InvalidResponse) when the list is larger than any can be
   */
  add(answer: HttpAnswer, certificates: number): void {
    this.#certificates += certificates;
    this.#bytes += answer.body.length;
    if (this.#certificates > mostCertificates || this.#bytes > mostBytes) {
      const limit = `${mostCertificates} certificates or ${mostBytes / 1024 / 1024} MiB`;
      throw invalidAnswer(`The provider's list is larger than ${limit}.`, answer);
    }
  }
}
