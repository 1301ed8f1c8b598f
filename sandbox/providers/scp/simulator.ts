import { createHmac, type KeyObject, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Issued } from '../../pki/index.ts';
import { type Answer, json } from '../answer.ts';
import { type Handled, type ServeOptions, Simulator } from '../simulator.ts';
import { type Form, forms } from './forms.ts';

export interface ScpAccount {
  accessKey: string;
  secretKey: string;
}

/** What a client registers; PEM. */
export interface ScpFiles {
  body: string;
  /** '' or absent: none. */
  chain?: string | undefined;
  key: string;
}

export interface ScpOptions {
  /** Default: that of the certificate, or the name when `body` is none. */
  cn?: string | undefined;
  /** Default: VALID, or EXPIRED after its end. */
  state?: string | undefined;
  /** Default: those of the certificate; from yesterday on for 90 days when `body` is none. */
  notBefore?: Date | undefined;
  notAfter?: Date | undefined;
  /** Default: now. */
  createdAt?: Date | undefined;
  /** How its fields come back, all of them or each. Default: Base64 of the whole PEM. */
  form?: Form | { body?: Form; chain?: Form; key?: Form } | undefined;
}

interface Registration {
  id: string;
  name: string;
  cn: string;
  state: string | undefined;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
  createdAt: number;
  x509: X509Certificate | undefined;
  fields: { cert_body: string | null; cert_chain: string | null; private_key: string | null };
}

/** SCP API guide 1.2, "List certificates". */
const parameters: ReadonlyMap<string, RegExp> = new Map([
  ['size', /^(?:[1-9]\d{0,3}|10000)$/],
  ['page', /^\d{1,9}$/],
  ['sort', /^created_at:(?:asc|desc)$/],
  ['isMine', /^(?:true|false)$/i],
  ['name', /./],
  ['cn', /./],
  ['state', /./],
]);

const base = '/v1/certificatemanager';
const route = /^\/v1\/certificatemanager(?:\/([^/]+))?$/;
const defaultSize = 20;
/** How far off the service lets a clock be is not published. */
const greatestSkewMs = 300_000;
const dayMs = 86_400_000;

/**
 * Certificate Manager of Samsung Cloud Platform, API v1.2, v1.1 and v1.0 as the guide describes them, for one account. Strict:
 * what is not signed as it is sent, or not in the guide, is refused.
 */
export class ScpSimulator extends Simulator {
  /** Sends the first page, whichever is asked for. */
  ignoresPage = false;
  /** Sends pages of 20, whatever is asked for; it says that they have the size that was asked for. */
  ignoresSize = false;
  /** What `count` is: the guide does not say. */
  counts: 'total' | 'page' = 'total';
  /** The `detail` of errors is a list of texts instead of a text; both were seen. */
  listsDetails = false;
  /** Those of the API that it serves. */
  versions: readonly string[] = ['1.2', '1.1', '1.0'];
  readonly #account: ScpAccount;
  readonly #registrations = new Map<string, Registration>();

  constructor(account: ScpAccount) {
    super();
    this.#account = account;
  }

  /**
   * Registers a certificate. There is no way to replace one: a renewal is another, under another name or after `remove`.
   *
   * @returns its id
   */
  upload(name: string, files: ScpFiles | Issued, options: ScpOptions = {}): string {
    if (!/^[\w-]{3,30}$/.test(name)) throw new Error(`"${name}" cannot be the name of a certificate`);
    if (this.#named(name)) throw new Error(`there is a certificate of the name "${name}"`);
    const { body, chain, key } =
      'certificate' in files ? { body: files.certificate, chain: files.chain, key: files.privateKey } : files;
    const x509 = parsed(body);
    const { cn, state, notBefore, notAfter, createdAt, form = {} } = options;
    const formOf = typeof form === 'function' ? { body: form, chain: form, key: form } : form;
    const id = randomBytes(16).toString('hex');
    this.#registrations.set(id, {
      id,
      name,
      cn: cn ?? x509?.toLegacyObject().subject['CN']?.toString() ?? name,
      state,
      notBefore: notBefore?.getTime() ?? x509?.validFromDate.getTime() ?? this.now() - dayMs,
      notAfter: notAfter?.getTime() ?? x509?.validToDate.getTime() ?? this.now() + 89 * dayMs,
      createdAt: createdAt?.getTime() ?? this.now(),
      x509,
      fields: {
        cert_body: (formOf.body ?? forms.base64)(body),
        cert_chain: chain ? (formOf.chain ?? forms.base64)(chain) : null,
        private_key: (formOf.key ?? forms.base64)(key),
      },
    });
    return id;
  }

  remove(id: string): void {
    this.#registrations.delete(id);
  }

  protected handle(request: IncomingMessage): Handled {
    const { method = '', url = '', headers } = request;
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    const [matched, segment] = route.exec(path) ?? [];
    const refused = (answer: Answer): Handled => ({ operation: 'refused', answer });
    // The gateway takes what has no credentials for a route that it does not know.
    if (matched === undefined || !isSigned(request)) return refused(gatewayError(404, path));
    const unauthorized = this.#authenticate(request);
    if (unauthorized) return refused(unauthorized);
    const [, version = ''] = /^certificatemanager (.+)$/.exec(String(headers['scp-api-version'] ?? current)) ?? [];
    if (!this.versions.includes(version)) return refused(this.#invalid('the version of the API is not known'));
    if (method === 'GET' && ('content-length' in headers || 'transfer-encoding' in headers))
      return refused(this.#invalid('a GET has no body'));

    switch (`${method} ${segment === undefined ? 'all' : 'one'}`) {
      case 'GET all': {
        const invalid = this.#invalidQuery(query);
        return invalid ? refused(invalid) : { operation: 'list', answer: this.#list(new URLSearchParams(query)) };
      }
      case 'GET one': {
        if (query !== '') return refused(this.#invalid('a detail has no parameters'));
        const registration = this.#registrations.get(segment ?? '');
        return {
          operation: 'download',
          name: registration?.name ?? segment ?? '',
          answer: registration ? json(200, { certificate: this.#detail(registration, version) }) : this.#notFound(),
        };
      }
    }
    return refused(gatewayError(405, path));
  }

  /** With a code: as the service says it. Without one: as whoever usually is the one to give this status. */
  protected error({ status, code }: { status: number | undefined; code: number | string | undefined }): Answer {
    if (code !== undefined) return this.#serviceError(status ?? 200, String(code), 'The request failed.');
    switch (status) {
      case 400:
        return this.#invalid('the request is not valid');
      case 401:
        return this.#serviceError(401, 'HmacValidFail', 'Hmac validation failed.');
      case 403:
        return this.#serviceError(403, 'Forbidden', 'User is not authorized to perform this action.');
      case 404:
      case 405:
        return gatewayError(status, base);
      case 429:
        return this.#serviceError(429, 'TooManyRequests', 'Too many requests.');
      case 500:
        return this.#serviceError(500, 'scp-security.certificate.internal-error', 'Internal server error.');
    }
    const reason = 'upstream connect error or disconnect/reset before headers. reset reason: connection failure';
    return { status: status ?? 503, headers: { 'content-type': 'text/plain' }, body: Buffer.from(reason) };
  }

  #named(name: string): Registration | undefined {
    return [...this.#registrations.values()].find((registration) => registration.name === name);
  }

  /** Undefined when the request is signed as it was sent, by the account, and just now. */
  #authenticate({ method, url, headers }: IncomingMessage): Answer | undefined {
    const [accessKey, signature, timestamp, clientType] = signatureHeaders.map((header) => String(headers[header]));
    if (accessKey !== this.#account.accessKey)
      return this.#serviceError(401, 'Unauthorized', 'The access key is not known.');
    const whole = `${new URL(this.url).protocol}//${headers.host}${url}`;
    const expected = createHmac('sha256', this.#account.secretKey)
      .update(`${method}${whole}${timestamp}${accessKey}${clientType}`)
      .digest('base64');
    const now = this.now();
    const fits =
      signature === expected &&
      clientType === 'Openapi' &&
      /^\d{13}$/.test(timestamp ?? '') &&
      Math.abs(now - Number(timestamp)) <= greatestSkewMs;
    return fits ? undefined : this.#serviceError(401, 'HmacValidFail', 'Hmac validation failed.');
  }

  #invalidQuery(query: string): Answer | undefined {
    const given = [...new URLSearchParams(query)];
    const wrong = given.find(
      ([key, value], index) =>
        !parameters.get(key)?.test(value) ||
        (key !== 'state' && given.findIndex(([another]) => another === key) !== index),
    );
    return wrong && this.#invalid(`the parameter ${wrong[0]} is not valid`);
  }

  #list(asked: URLSearchParams): Answer {
    const page = Number(asked.get('page') ?? 0);
    const size = Number(asked.get('size') ?? defaultSize);
    const sort = asked.get('sort');
    const states = asked.getAll('state');
    const oldestFirst = [...this.#registrations.values()].sort((a, b) => a.createdAt - b.createdAt);
    const rows = (sort === 'created_at:desc' ? oldestFirst.reverse() : oldestFirst).filter(
      (row) =>
        row.name.includes(asked.get('name') ?? '') &&
        row.cn.includes(asked.get('cn') ?? '') &&
        (states.length === 0 || states.includes(this.#stateOf(row))),
    );
    const length = this.ignoresSize ? defaultSize : size;
    const from = this.ignoresPage ? 0 : page * length;
    const shown = rows.slice(from, from + length);
    return json(200, {
      certificates: shown.map((row) => ({
        cert_kind: 'PRD',
        cn: row.cn,
        id: row.id,
        name: row.name,
        not_after_dt: zoneless(row.notAfter),
        not_before_dt: zoneless(row.notBefore),
        state: this.#stateOf(row),
      })),
      count: this.counts === 'total' ? rows.length : shown.length,
      page,
      size,
      sort: sort === null ? null : [sort],
    });
  }

  /** SCP API guide 1.2, `CertificateDetail` and `CertificateDetailV1Dot2`; as in its examples, numbers are texts. */
  #detail(registration: Registration, version: string): object {
    const { id, name, cn, notBefore, notAfter, createdAt, x509, fields } = registration;
    const created = `${zoneless(createdAt)}Z`;
    const detail = {
      account_id: accountId,
      ...fields,
      cert_kind: 'PRD',
      cert_type: 'pem',
      cert_version: '2',
      cn,
      created_at: created,
      created_by: userId,
      id,
      key_bit_size: bitsOf(x509?.publicKey),
      modified_at: created,
      modified_by: userId,
      name,
      not_after_dt: zoneless(notAfter),
      not_before_dt: zoneless(notBefore),
      organization: 'Sandbox',
      state: this.#stateOf(registration),
      user_name: 'sandbox@example.com',
    };
    if (version !== '1.2') return detail;
    const names = (x509?.subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, ''));
    return {
      ...detail,
      days_until_expiration: String(Math.floor((notAfter - this.now()) / dayMs)),
      is_in_use: false,
      issuer: x509?.toLegacyObject().issuer['CN']?.toString() ?? null,
      public_key_bit_size: bitsOf(x509?.publicKey),
      public_key_type: x509?.publicKey.asymmetricKeyType?.toUpperCase() ?? null,
      signature_algorithm: x509?.signatureAlgorithm ?? null,
      sub_domain: names.filter((name) => name !== '' && name !== cn).join(',') || null,
    };
  }

  #stateOf({ state, notAfter }: Registration): string {
    return state ?? (notAfter < this.now() ? 'EXPIRED' : 'VALID');
  }

  #invalid(what: string): Answer {
    return this.#serviceError(400, 'ValidationError', `The request was refused: ${what}.`);
  }

  #notFound(): Answer {
    return this.#serviceError(404, 'scp-security.certificate.not-found', 'The certificate does not exist.');
  }

  /** The shape of errors that come from the service, or a gateway that knows it (providers.md 1.6). */
  #serviceError(status: number, code: string, detail: string): Answer {
    const error = {
      code,
      title: STATUS_CODES[status] ?? 'Error',
      detail: this.listsDetails ? [detail] : detail,
      status,
      request_id: `req-${randomUUID()}`,
      global_request_id: null,
      links: [],
      related_resources: [],
      response: null,
    };
    return json(status, { errors: [error] });
  }
}

/** The version that the gateway takes when none is asked for (providers.md 1.1). */
const current = 'certificatemanager 1.2';
const accountId = 'b82909b3576449fda984fb25c3123542da';
const userId = '90dddfc2b1e04edba54ba2b41539a9ac';

const signatureHeaders = ['scp-accesskey', 'scp-signature', 'scp-timestamp', 'scp-clienttype'] as const;

function isSigned({ headers }: IncomingMessage): boolean {
  return signatureHeaders.every((header) => headers[header] !== undefined);
}

/** The shape of errors that come from before the service: without `errors` (providers.md 1.6). */
function gatewayError(status: number, path: string): Answer {
  const timestamp = new Date().toISOString();
  return json(status, { timestamp, path, status, error: STATUS_CODES[status], requestId: randomUUID().slice(0, 13) });
}

function parsed(body: string): X509Certificate | undefined {
  try {
    return new X509Certificate(body);
  } catch {
    return undefined;
  }
}

/** In UTC without saying so (providers.md 1.5). */
function zoneless(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

function bitsOf(key: KeyObject | undefined): string {
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  return String(modulusLength ?? (namedCurve === 'secp384r1' ? 384 : 256));
}

/**
 * Starts Certificate Manager of Samsung Cloud Platform on loopback. Close it by `await using`, or by its
 * `Symbol.asyncDispose`.
 *
 * @param o.port default: a free one
 * @param o.tls https with this certificate and key (PEM) instead of http
 */
export async function startScpSimulator(o: ScpAccount & ServeOptions): Promise<ScpSimulator> {
  const simulator = new ScpSimulator(o);
  await simulator.start(o);
  return simulator;
}
