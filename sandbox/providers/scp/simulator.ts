import {
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  type X509Certificate,
} from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import { buildCertificate, pem } from '../../pki/certificate.ts';
import type { Issued } from '../../pki/index.ts';
import { type Answer, json, parsedJson } from '../answer.ts';
import { areCertificates, certificateIn, keyIn } from '../pem.ts';
import { type Handled, type ServeOptions, Simulator } from '../simulator.ts';
import { type Form, forms } from './forms.ts';
import { shapes, type Validate } from './shapes.ts';

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
  kind: 'PRD' | 'DEV';
  cn: string;
  organization: string;
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

/** Every certificate's (providers.md 1.3). */
const namePattern = /^[\w-]{3,30}$/;

/** Routes beside those of single certificates. */
const posts: ReadonlySet<string> = new Set(['check-duplication', 'check-validation', 'self-sign']);

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
  /** The access key has the right to read and to check, and no other. */
  readOnly = false;
  /** Ids of certificates that a listener of a load balancer uses; they are not deleted. */
  readonly inUse = new Set<string>();
  /** How the fields of what clients make come back; whether they do was never published. */
  form: Form = forms.base64;
  /** What a deletion is answered with: the guide has both. */
  deletesWith: 200 | 204 = 204;
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
    if (!namePattern.test(name)) throw new Error(`"${name}" cannot be the name of a certificate`);
    if (this.#named(name)) throw new Error(`there is a certificate of the name "${name}"`);
    const { body, chain, key } =
      'certificate' in files ? { body: files.certificate, chain: files.chain, key: files.privateKey } : files;
    const x509 = certificateIn(body);
    const { cn, state, notBefore, notAfter, createdAt, form = {} } = options;
    const formOf = typeof form === 'function' ? { body: form, chain: form, key: form } : form;
    const id = randomBytes(16).toString('hex');
    this.#registrations.set(id, {
      id,
      name,
      kind: 'PRD',
      organization: 'Sandbox',
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
    this.inUse.delete(id);
  }

  protected handle(request: IncomingMessage, body: Buffer): Handled {
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
    if (['GET', 'DELETE'].includes(method) && ('content-length' in headers || 'transfer-encoding' in headers))
      return refused(this.#invalid(`a ${method} has no body`));
    if (method !== 'GET' && query !== '') return refused(this.#invalid('only lists have parameters'));

    switch (`${method} ${segment === undefined ? 'all' : posts.has(segment) ? segment : 'one'}`) {
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
      case 'POST check-duplication':
        return this.#told('check', request, body, shapes.duplicate, ({ name }) =>
          json(200, { result: this.#named(name) !== undefined }),
        );
      case 'POST check-validation': {
        const shape = version === '1.0' ? shapes.validateV1Dot0 : shapes.validate;
        return this.#told('check', request, body, shape, (pair) => this.#validate(pair, version));
      }
      case 'POST all':
        return this.#told('create', request, body, shapes.create, (asked) => this.#create(asked));
      case 'POST self-sign':
        return this.#told('create', request, body, shapes.selfSign, (asked) => this.#selfSign(asked));
      case 'DELETE one': {
        const name = this.#registrations.get(segment ?? '')?.name ?? segment ?? '';
        return { operation: 'delete', name, answer: () => this.#delete(segment ?? '') };
      }
    }
    return refused(gatewayError(405, path));
  }

  /** A request with a body, which has to be just as the guide has it. */
  #told<Body extends object>(
    operation: 'check' | 'create',
    { headers }: IncomingMessage,
    body: Buffer,
    shape: z.ZodType<Body>,
    answer: (asked: Body) => Answer,
  ): Handled {
    const invalid = (what: string): Handled => ({ operation, answer: this.#invalid(what) });
    if (headers['content-type'] !== 'application/json') return invalid('the body is not JSON');
    const asked = shape.safeParse(parsedJson(body));
    if (!asked.success) return invalid(`${asked.error.issues[0]?.path.join('.')}: ${asked.error.issues[0]?.message}`);
    const name = 'name' in asked.data ? { name: String(asked.data.name) } : {};
    return { operation, ...name, answer: () => answer(asked.data) };
  }

  #validate({ cert_body, cert_chain, private_key, is_need_cert_chain }: Validate, version: string): Answer {
    for (const [field, value] of Object.entries({ 'cert-body': cert_body, 'cert-chain': cert_chain }))
      if (typeof value === 'string' && !areCertificates(decoded(value))) return this.#notPem(field);
    const key = keyIn(decoded(private_key));
    if (key === undefined) return this.#notPem('private-key');
    if (is_need_cert_chain && !cert_chain) return this.#refused('chain-required', 'The chain is missing.');
    const good = certificateIn(decoded(cert_body))?.checkPrivateKey(key) ?? false;
    return json(200, version === '1.0' ? { result: good } : { validate_check: good });
  }

  #create(asked: z.infer<typeof shapes.create>): Answer {
    const refusal = this.#refusalOf(asked.name);
    if (refusal) return refusal;
    const body = decoded(asked.cert_body);
    const chain = decoded(asked.cert_chain ?? '');
    const key = keyIn(decoded(asked.private_key));
    // This is how the service was seen to answer what is no PEM (providers.md 1.6).
    if (!areCertificates(body) || (asked.cert_chain && !areCertificates(chain)) || key === undefined)
      return this.#serviceError(500, 'scp-security.certificate.create-failed', 'The certificate was not created.');
    if (!certificateIn(body)?.checkPrivateKey(key))
      return this.#refused('key-mismatch', 'The private key does not fit the certificate.');
    const id = this.upload(asked.name, { body, chain, key: decoded(asked.private_key) }, { form: this.form });
    return this.#made(id, { recipients: asked.recipients, tags: asked.tags });
  }

  /** Valid at once, and kept with a key of the service's own making (providers.md 1.3). */
  #selfSign(asked: z.infer<typeof shapes.selfSign>): Answer {
    const refusal = this.#refusalOf(asked.name);
    if (refusal) return refusal;
    const [notBefore, notAfter] = [asked.not_before_dt, asked.not_after_dt].map(
      (day) => new Date(day.replace(/^(....)(..)(..)$/, '$1-$2-$3T00:00:00Z')),
    );
    if (!notBefore || !notAfter || !(notBefore < notAfter)) return this.#invalid('the dates are not valid');
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const names = { subject: asked.cn, issuer: asked.cn, dnsNames: [asked.cn] };
    const body = pem('CERTIFICATE', buildCertificate({ ...names, publicKey, signer: privateKey, notBefore, notAfter }));
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const id = this.upload(asked.name, { body, key }, { form: this.form });
    const registration = this.#registrations.get(id);
    if (registration) Object.assign(registration, { kind: 'DEV', organization: asked.organization });
    return this.#made(id);
  }

  /** SCP API guide 1.2, `CertificateCreate` and for self-signed ones `CertificateDetail`, in every version. */
  #made(id: string, more: object = {}): Answer {
    const registration = this.#registrations.get(id);
    return registration === undefined
      ? this.#notFound()
      : json(201, { certificate: { ...this.#detail(registration, '1.1'), ...more } });
  }

  #delete(id: string): Answer {
    if (this.readOnly) return this.error({ status: 403, code: undefined });
    if (!this.#registrations.has(id)) return this.#notFound();
    if (this.inUse.has(id)) return this.#refused('in-use', 'The certificate is in use.');
    this.remove(id);
    return { status: this.deletesWith, headers: {}, body: Buffer.alloc(0) };
  }

  /** What stands against making a certificate of this name. */
  #refusalOf(name: string): Answer | undefined {
    if (this.readOnly) return this.error({ status: 403, code: undefined });
    return this.#named(name) && this.#refused('duplicate-name', 'The name is used by another certificate.');
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
        cert_kind: row.kind,
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
    const { id, name, kind, cn, organization, notBefore, notAfter, createdAt, x509, fields } = registration;
    const created = `${zoneless(createdAt)}Z`;
    const detail = {
      account_id: accountId,
      ...fields,
      cert_kind: kind,
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
      organization,
      state: this.#stateOf(registration),
      user_name: 'sandbox@example.com',
    };
    if (version !== '1.2') return detail;
    const names = (x509?.subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, ''));
    return {
      ...detail,
      days_until_expiration: String(Math.floor((notAfter - this.now()) / dayMs)),
      is_in_use: this.inUse.has(id),
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

  /** A code was only ever seen of a key. */
  #notPem(field: string): Answer {
    return this.#refused(`pem-format-${field}-error`, 'This is not a PEM format.');
  }

  /** The words after the dots are ours: which codes the service has was not published. */
  #refused(code: string, detail: string): Answer {
    return this.#serviceError(400, `scp-security.certificate.${code}`, detail);
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

/** The text in a field of a request, which is Base64 on one line; of anything else there is none. */
function decoded(field: string): string {
  const text = Buffer.from(field, 'base64');
  return text.toString('base64') === field ? text.toString() : '';
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
