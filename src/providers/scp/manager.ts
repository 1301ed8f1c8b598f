import { invalidAnswer, parseJson } from '../body.ts';
import { type Cause, ProviderError, invalidRequest } from '../errors.ts';
import { fitsPath, type HttpAnswer, pathSegment } from '../http.ts';
import type { InventoryEntry } from '../inventory.ts';
import { base64, jsonBody } from '../json-body.ts';
import { fits, requireFilters } from '../list-filter.ts';
import type { Identity, ListFilter, NewCertificate, NewSelfSigned, Pair, ProviderManager } from '../manager.ts';
import { requireName } from '../name-rule.ts';
import type { Call } from '../provider.ts';
import { perhapsNameTaken, toldApart } from '../told-apart.ts';
import type { ScpApi } from './api.ts';
import { ScpClient, toEntry } from './client.ts';
import type { ScpDetails } from './details.ts';
import { checked, created } from './schema.ts';

/** An answer to what was made has its three fields of PEM, or at least their names. */
const maxAnswerBytes = 1024 * 1024;

const uploadRefused: Cause = {
  reason: 'UploadRefused',
  message: 'The provider does not take the certificate and its key.',
};

/** A certificate is not deleted while a listener of a load balancer uses it (providers.md 1.3); no other cause is known. */
const inUse: Cause = {
  reason: 'InUse',
  message: 'The provider does not delete the certificate, as it does when something uses it.',
};

/**
 * Changes the certificates of Samsung Cloud Platform. There is no way to replace one, so that a renewal has a name and an id
 * of its own. PEM is sent as Base64 of the whole text on one line (providers.md 1.5).
 */
export class ScpManager implements ProviderManager {
  /** providers.md 1.3. */
  readonly names = {
    pattern: /^[\w-]{3,30}$/,
    longest: 30,
    means: '3 to 30 letters, digits, hyphens and underscores',
  };
  readonly filters = ['name', 'id', 'commonName'] as const;
  readonly #api: ScpApi;
  readonly #client: ScpClient;
  readonly #region: string | undefined;

  /** @param region where certificates are made, when they do not say */
  constructor(api: ScpApi, region: string | undefined) {
    this.#api = api;
    this.#client = new ScpClient(api);
    this.#region = region;
  }

  /** A region holds few certificates, and what the filters of the service match is not published (providers.md 1.4). */
  async list(call: Call, filter: ListFilter = {}): Promise<InventoryEntry[]> {
    requireFilters(this.filters, filter);
    return (await this.#client.list(call)).filter((entry) => fits(filter, entry));
  }

  async isNameFree(name: string, { signal }: Call): Promise<boolean> {
    requireName(this.names, name);
    return !(await this.#check('/check-duplication', { name }, invalidRequest, signal));
  }

  /** v1.0 wants to be told whether there has to be a chain; the others do not know that field. */
  async validate(pair: Pair, { signal }: Call): Promise<void> {
    const wish = this.#api.version === '1.0' ? { is_need_cert_chain: pair.chain.length > 0 } : {};
    const good = await this.#check('/check-validation', { ...pem(pair), ...wish }, uploadRefused, signal);
    if (!good) throw new ProviderError(uploadRefused);
  }

  async create(o: NewCertificate, call: Call): Promise<InventoryEntry> {
    requireName(this.names, o.name);
    return this.#make('', { ...pem(o), name: o.name, ...this.#details(o.scp) }, o.name, call);
  }

  async selfSign(o: NewSelfSigned, call: Call): Promise<InventoryEntry> {
    const { name, commonName, organization, notBefore, notAfter, scp } = o;
    requireName(this.names, name);
    const fields = {
      cn: commonName,
      name,
      organization,
      not_before_dt: compact(notBefore),
      not_after_dt: compact(notAfter),
      ...this.#details(scp),
    };
    return this.#make('/self-sign', fields, name, call);
  }

  async delete({ id }: Identity, { signal }: Call): Promise<void> {
    if (!fitsPath(id))
      throw new ProviderError({ reason: 'InvalidRequest', message: 'This is not the id of a certificate.' });
    await this.#api.request({
      method: 'DELETE',
      suffix: `/${pathSegment(id)}`,
      operation: 'delete',
      refusal: inUse,
      maxBytes: maxAnswerBytes,
      signal,
    });
  }

  async #make(suffix: string, fields: object, name: string, call: Call): Promise<InventoryEntry> {
    let answer: HttpAnswer;
    try {
      answer = await this.#api.request({
        method: 'POST',
        suffix,
        body: jsonBody({ ...fields }, base64),
        operation: 'create',
        refusal: uploadRefused,
        maxBytes: maxAnswerBytes,
        signal: call.signal,
      });
    } catch (error) {
      const isOther = async (): Promise<boolean> => !(await this.isNameFree(name, call));
      throw await toldApart(error, { ...perhapsNameTaken, isOther }, call);
    }
    const made = created.safeParse(parseJson(answer.body)).data?.certificate;
    answer.body.fill(0); // the private key may have come back
    return made?.name === name ? toEntry(made) : this.#lookUp(name, answer, call);
  }

  /** It was made, whatever the answer looks like. */
  async #lookUp(name: string, answer: HttpAnswer, call: Call): Promise<InventoryEntry> {
    await call.another();
    const [entry] = await this.list(call, { name });
    if (entry === undefined)
      throw invalidAnswer('The provider says that it made the certificate, but does not list it.', answer);
    return entry;
  }

  async #check(suffix: string, fields: object, refusal: Cause, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#api.request({
      method: 'POST',
      suffix,
      body: jsonBody({ ...fields }, base64),
      operation: 'check',
      refusal,
      maxBytes: maxAnswerBytes,
      signal,
    });
    const result = checked.safeParse(parseJson(answer.body));
    if (!result.success) throw invalidAnswer('The answer of the provider cannot be understood.', answer);
    return result.data;
  }

  #details(details: ScpDetails | undefined): object {
    const { timezone, recipients = [], tags = [], region = this.#region } = details ?? {};
    if (!timezone) throw missing('a time zone');
    if (!region) throw missing('a region');
    return {
      region,
      timezone,
      recipients: recipients.map(({ region, userId, userName }) => ({ region, user_id: userId, user_name: userName })),
      tags: tags.map(({ key, value }) => ({ key, value })),
    };
  }
}

function pem({ certificate, chain, privateKey }: Pair): object {
  return { cert_body: certificate, cert_chain: chain.length > 0 ? chain : null, private_key: privateKey };
}

/** Days as SCP writes them: YYYYMMDD. */
function compact(day: string): string {
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(day) ? day : NaN);
  // The 31st of a month that has none is a valid date to JavaScript.
  if (!Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)) return day.replaceAll('-', '');
  throw new ProviderError({ reason: 'InvalidRequest', message: 'A day must be written as YYYY-MM-DD.' });
}

function missing(what: string): ProviderError {
  return new ProviderError({ reason: 'InvalidRequest', message: `The provider needs ${what} to make a certificate.` });
}
