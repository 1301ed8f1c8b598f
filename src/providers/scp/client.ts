import { invalidAnswer, parseJson } from '../body.ts';
import { pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import { ListSize } from '../list-size.ts';
import type { Call, ProviderClient } from '../provider.ts';
import type { ScpApi } from './api.ts';
import { type CertificateRow, certificateDetail, certificateList } from './schema.ts';

/** A region holds 200 certificates at most (providers.md 1.6), so that one page has room for all. */
const pageSize = 1_000;
/** What the service takes when it is not told, or does not listen (SCP API guide 1.2, "List certificates"). */
const defaultPageSize = 20;
const maxPages = 100;
const maxListBytes = 8 * 1024 * 1024;
/** Three fields of PEM in Base64, with room for what is around them. */
const maxDetailBytes = 1024 * 1024;

/** States of a certificate that is not, or will not be, of use: the words of the console (providers.md 1.5). */
const unusableStates = /^(creating|expired|terminating|deleted|error|fail)/i;

/** Reads what the Certificate Manager of Samsung Cloud Platform has, as its guide describes it and liberally where that is silent. */
export class ScpClient implements ProviderClient {
  readonly #api: ScpApi;

  constructor(api: ScpApi) {
    this.#api = api;
  }

  /**
   * The certificate made last comes first, when the service sorts as it is asked to. A list that does not have the number
   * of rows that `count` makes expected is asked for once more; as nobody says what `count` is (providers.md 1.4), two such
   * lists that are alike are believed.
   */
  async list(call: Call): Promise<InventoryEntry[]> {
    let list = await this.#pages(call);
    if (!list.fits) {
      const { rows } = list;
      await call.another();
      list = await this.#pages(call);
      const alike = list.exhausted && new Set(rows.keys()).symmetricDifference(list.rows).size === 0;
      if (!list.fits && !alike)
        throw invalidAnswer('The provider listed another number of certificates than it said there are.');
    }
    return Array.from(list.rows.values(), toEntry);
  }

  async download({ id }: InventoryEntry, { signal }: Call): Promise<Uint8Array[]> {
    const suffix = `/${pathSegment(id)}`;
    const answer = await this.#api.request({ suffix, operation: 'download', maxBytes: maxDetailBytes, signal });
    const detail = certificateDetail.safeParse(parseJson(answer.body));
    answer.body.fill(0);
    if (!detail.success) throw invalidAnswer('The certificate that the provider sent cannot be understood.', answer);
    const { id: given, cert_body: body, cert_chain: chain, private_key: key } = detail.data.certificate;
    if (given && given !== id) throw invalidAnswer('The provider sent another certificate than asked for.', answer);
    return [body, chain, key].map((field) => Buffer.from(field ?? ''));
  }

  /** Pages until one cannot be followed by more, whatever the service makes of `size`, `page` and `count`. */
  async #pages(call: Call): Promise<Listing> {
    const total = new ListSize();
    const rows = new Map<string, CertificateRow>();
    const totals = new Set<number>();
    for (let page = 0; page < maxPages; page++) {
      if (page > 0) await call.another();
      const { certificates, count, size } = await this.#page(page, call.signal, total);
      const before = rows.size;
      for (const row of certificates) rows.set(row.id, row);
      // More than the page has: so it is a total, and not the number on the page.
      if (count && count > certificates.length) totals.add(count);
      const nothingNew = rows.size === before;
      const enough = totals.size > 0 ? rows.size >= Math.max(...totals) : isShort(certificates.length, size);
      if (nothingNew || enough) {
        return {
          rows,
          fits: [...totals].every((total) => total === rows.size),
          exhausted: rows.size > 0 && certificates.length === 0,
        };
      }
    }
    throw invalidAnswer(`The provider's list has more than ${maxPages} pages.`);
  }

  async #page(page: number, signal: AbortSignal, total: ListSize): Promise<ReturnType<typeof certificateList.parse>> {
    const suffix = `?size=${pageSize}&page=${page}&sort=created_at%3Adesc`;
    const answer = await this.#api.request({ suffix, operation: 'list', maxBytes: maxListBytes, signal });
    const list = certificateList.safeParse(parseJson(answer.body));
    if (!list.success) throw invalidAnswer('The list that the provider sent cannot be understood.', answer);
    total.add(answer, list.data.certificates.length);
    return list.data;
  }
}

interface Listing {
  rows: ReadonlyMap<string, CertificateRow>;
  /** There are as many as each total that was told says. */
  fits: boolean;
  /** There were some, and after them an empty page. */
  exhausted: boolean;
}

/**
 * Whether a page has less than it could hold, so that none follows. One of the default size may be full whatever it says:
 * services of this cloud were seen not to hear `size` (providers.md 1.4).
 */
function isShort(length: number, size: number | null | undefined): boolean {
  return length < (size ?? defaultPageSize) && length !== defaultPageSize;
}

/** Dates have no zone and are in UTC, as the official SDK reads them (providers.md 1.5). */
export function toEntry({
  id,
  name,
  cn,
  state,
  not_before_dt: notBefore,
  not_after_dt: notAfter,
}: CertificateRow): InventoryEntry {
  const [from, until] = [inUtc(notBefore), inUtc(notAfter)];
  return {
    id,
    name,
    revision: `${from ?? '-'}/${until ?? '-'}`,
    ...(cn && { commonName: cn }),
    ...(state && { state }),
    ...(from && { notBefore: from }),
    ...(until && { notAfter: until }),
    ...(state && unusableStates.test(state) && { usable: false }),
  };
}

function inUtc(time: string | null | undefined): string | undefined {
  const [, day, clock, zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?$/.exec(time ?? '') ?? [];
  const zoned = `${day}T${clock}${zone}`;
  return Number.isNaN(Date.parse(zoned)) ? undefined : zoned;
}
