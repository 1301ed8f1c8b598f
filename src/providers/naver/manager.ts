import { invalidAnswer } from '../body.ts';
import { type Cause, ProviderError, invalidRequest } from '../errors.ts';
import { type HttpAnswer, queryOf } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import { escapedPem, jsonBody } from '../json-body.ts';
import { fits, requireFilters } from '../list-filter.ts';
import type { Identity, ListFilter, NewCertificate, Pair, ProviderManager } from '../manager.ts';
import { requireName } from '../name-rule.ts';
import type { Call } from '../provider.ts';
import { perhapsNameTaken, toldApart } from '../told-apart.ts';
import { absent, type NaverApi, nothingFound, refused } from './api.ts';
import { entryOf, NaverClient } from './client.ts';
import { certificateList } from './schema.ts';

const maxAnswerBytes = 1024 * 1024;

/** Of a certificate that is in use, and of one that has another name or number (NAVER Cloud API guide, response codes). */
const notDeleted = '1004';

/**
 * Changes the certificates of NAVER Cloud Platform. v1 registers external ones and deletes; v2 does so under other names of
 * routes and fields, and can put a renewal in the place of what it renews.
 */
export class NaverManager implements ProviderManager {
  /** As of September 2026; up to 30 characters before, so that older certificates may have longer ones (providers.md 2.3). */
  readonly names = {
    pattern: /^[A-Za-z][A-Za-z0-9-]{2,19}$/,
    longest: 20,
    means: '3 to 20 letters, digits and hyphens, and begin with a letter',
  };
  readonly filters: readonly (keyof ListFilter)[];
  readonly replace: ProviderManager['replace'];
  readonly #api: NaverApi;
  readonly #client: NaverClient;

  constructor(api: NaverApi) {
    this.#api = api;
    this.#client = new NaverClient(api);
    this.filters = api.version === 'v1' ? ['name', 'id', 'commonName', 'instance'] : ['name', 'id', 'commonName'];
    if (api.version === 'v2') this.replace = (entry, pair, call) => this.#replace(entry, pair, call);
  }

  /** v1 leaves out by itself what has another name, number or instance, v2 what has another name. */
  async list(call: Call, filter: ListFilter = {}): Promise<InventoryEntry[]> {
    requireFilters(this.filters, filter);
    const { name, id, instance } = filter;
    const entries = await this.#client.list(call, {
      certificateName: name,
      certificateNo: id && requireNumber(id),
      instanceNo: instance && requireNumber(instance),
    });
    return entries.filter((entry) => fits(filter, entry));
  }

  async isNameFree(name: string, call: Call): Promise<boolean> {
    requireName(this.names, name);
    return (await this.list(call, { name })).length === 0;
  }

  async create({ name, ...pair }: NewCertificate, call: Call): Promise<InventoryEntry> {
    requireName(this.names, name);
    const body = this.#bodyOf({ certificateName: name }, pair);
    try {
      return await this.#register(body, { name }, call);
    } catch (error) {
      const isOther = async (): Promise<boolean> => !(await this.isNameFree(name, call));
      throw await toldApart(error, { ...perhapsNameTaken, isOther }, call);
    }
  }

  async delete({ id, name }: Identity, call: Call): Promise<void> {
    const route = this.#api.version === 'v1' ? '/api/v1/certificate' : '/api/v2/certificate/deleteCertificate';
    try {
      await this.#api.request({
        method: 'DELETE',
        path: `${route}/${requireNumber(id)}${queryOf({ certificateName: name })}`,
        operation: 'delete',
        refusal: (code) => parameterCodes.get(code) ?? deletionCodes.get(code) ?? refused,
        maxBytes: maxAnswerBytes,
        signal: call.signal,
      });
    } catch (error) {
      // The service has one code for what is in use and what is not there: the list tells which.
      const isOther = async (): Promise<boolean> => (await this.list(call, { id, name })).length === 0;
      throw await toldApart(error, { reasons: ['InUse'], isOther, other: absent }, call);
    }
  }

  /** Puts a pair in the place of the one that has this number and name, which both stay. */
  async #replace({ id, name }: Identity, pair: Pair, call: Call): Promise<InventoryEntry> {
    const body = this.#bodyOf({ certificateName: name, certificateNo: Number(requireNumber(id)) }, pair);
    return this.#register(body, { id, name }, call);
  }

  async #register(body: Buffer, registered: ListFilter, call: Call): Promise<InventoryEntry> {
    const { answer, json } = await this.#api.request({
      method: 'POST',
      path: `/api/${this.#api.version}/certificate/withExternal`,
      body,
      operation: 'create',
      refusal: (code) =>
        parameterCodes.get(code) ??
        uploadCodes.get(code) ??
        (code === nothingFound && registered.id !== undefined ? absent : uploadRefused),
      maxBytes: maxAnswerBytes,
      signal: call.signal,
    });
    const told = certificateList.safeParse(json).data?.rows.map((row) => entryOf(row, this.#api.version)) ?? [];
    return told.find((entry) => fits(registered, entry)) ?? this.#lookUp(registered, answer, call);
  }

  /** It was registered, whatever the answer looks like. */
  async #lookUp(registered: ListFilter, answer: HttpAnswer, call: Call): Promise<InventoryEntry> {
    await call.another();
    const [entry] = await this.list(call, registered);
    if (entry === undefined)
      throw invalidAnswer('The provider says that it took the certificate, but does not list it.', answer);
    return entry;
  }

  #bodyOf(fields: object, { certificate, chain, privateKey }: Pair): Buffer {
    const leaf = this.#api.version === 'v1' ? 'publicKeyCertificate' : 'certificateBody';
    return jsonBody({ ...fields, [leaf]: certificate, certificateChain: chain, privateKey }, escapedPem);
  }
}

const uploadRefused: Cause = {
  reason: 'UploadRefused',
  message: 'The provider does not take the certificate; it may have it, or its key, under another name.',
};

/** The codes of the guide (providers.md 2.7). Of 1000 and 1006 nothing but the number is known. */
const parameterCodes: ReadonlyMap<string, Cause> = new Map([
  ['2000', invalidRequest],
  ['2100', invalidRequest],
  ['2101', invalidRequest],
]);
const uploadCodes: ReadonlyMap<string, Cause> = new Map([
  [
    '1002',
    { reason: 'UploadRefused', message: 'The provider takes the certificate or its key for something else than PEM.' },
  ],
  ['2201', { reason: 'UploadRefused', message: 'The provider does not take the DNS names in the certificate.' }],
  ['2202', { reason: 'UploadRefused', message: 'The provider does not take the IP addresses in the certificate.' }],
  ['26034', { reason: 'UploadRefused', message: 'The provider finds the certificate invalid.' }],
  ['26040', { reason: 'UploadRefused', message: 'The private key does not belong to the certificate.' }],
]);
const deletionCodes: ReadonlyMap<string, Cause> = new Map([
  [nothingFound, absent],
  [notDeleted, { reason: 'InUse', message: 'The provider does not delete the certificate, as an instance uses it.' }],
]);

/** Numbers come as texts, and go into paths and JSON. */
function requireNumber(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text;
  throw new ProviderError({ reason: 'InvalidRequest', message: 'The id of a certificate or instance is a number.' });
}
