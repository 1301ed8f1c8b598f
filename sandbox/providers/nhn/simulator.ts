import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, json } from '../answer.ts';
import { type Handled, type ServeOptions, Simulator } from '../simulator.ts';

export interface NhnAccount {
  appKey: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Days, YYYY-MM-DD. */
export interface NhnDates {
  created?: string | undefined;
  expires?: string | undefined;
}

interface Registration {
  /** v1.3 asks for files by this. */
  id: string;
  files: Buffer[];
  created: string | null;
  expires: string | null;
}

const messages: Record<number | string, string> = {
  52000: 'Certificate name does not exist.',
  52001: 'Certificate file does not exist.',
  52002: 'There are more than one certificate file.',
  52003: 'The certificate file is not a pem file.',
  52004: 'The certificate name in the file is different from the requested certificate name.',
  52005: 'Certificate file has expired',
  52006: 'The certificate has an invalid certificate authority name.',
  52007: 'Requested certificate file should be one.',
  52008: 'Maximum permitted size is {} bytes. But, requested {} bytes.',
  52009: 'Certificate file does not exist.',
};

/** Codes of the gateway before the service. */
const gatewayCodes: Record<number, number> = {
  400: 4001000,
  401: 4011001,
  403: 4031007,
  404: 4041007,
  413: 4131000,
  429: 4291000,
  502: 5020001,
  503: 5030001,
};

const route = /^\/certmanager\/(v1\.[13])\/appkeys\/([^/]+)\/certificates(?:\/([^/]+)\/files)?$/;
const tokenRoute = '/oauth2/token/create';
const encoded = /^(?:[A-Za-z0-9\-_.~!'()*]|%[0-9A-F]{2})+$/;

/**
 * NHN Cloud Certificate Manager, API v1.1 and v1.3 as their guides describe them, for one project, with the token endpoint
 * of v1.3 at the same origin. Strict: what the guides do not allow is refused with 400.
 */
export class NhnSimulator extends Simulator {
  /** Sends pages even when `all=true` is asked for, of at most so many certificates. */
  pagesOf: number | undefined;
  /** How long the tokens that are handed out from now on are good for. */
  tokenSeconds = 86_400;
  readonly #tokens = new Map<string, { until: number }>();
  readonly #account: NhnAccount;
  readonly #registrations = new Map<string, Registration>();

  constructor(account: NhnAccount) {
    super();
    this.#account = account;
  }

  /**
   * Registers a certificate with its file, or replaces the file.
   *
   * @param dates default: created 30 days ago (a later file one day after the former), and the end of the first
   *   certificate in the file
   */
  upload(name: string, file: string | Uint8Array, dates: NhnDates = {}): void {
    const { id = randomUUID(), created: former } = this.#registrations.get(name.normalize('NFC')) ?? {};
    const created =
      dates.created ?? day(former ? Math.min(Date.parse(former) + dayMs, Date.now()) : Date.now() - 30 * dayMs);
    this.#registrations.set(name.normalize('NFC'), {
      id,
      files: [Buffer.from(file)],
      created,
      expires: dates.expires ?? endOf(file),
    });
  }

  /** Registers a certificate without a file. */
  register(name: string): void {
    this.#registrations.set(name.normalize('NFC'), { id: randomUUID(), files: [], created: null, expires: null });
  }

  /** Puts one more file beside the one that is there. */
  addFile(name: string, file: string | Uint8Array): void {
    this.#registrations.get(name.normalize('NFC'))?.files.push(Buffer.from(file));
  }

  remove(name: string): void {
    this.#registrations.delete(name.normalize('NFC'));
  }

  /** The id that v1.3 knows a certificate by. */
  idOf(name: string): string {
    return this.#registrations.get(name.normalize('NFC'))?.id ?? '';
  }

  /** Forgets all tokens that were handed out. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  protected handle(request: IncomingMessage, body: Buffer): Handled {
    const { method, url = '', headers, rawHeaders } = request;
    const refused = (status: number, why: string): Handled => ({
      operation: 'refused',
      answer: this.error({ status, code: undefined, why }),
    });
    if (url === tokenRoute) return this.#token(request, body);
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    const [, version, appKey, segment] = route.exec(path) ?? [];
    if (appKey === undefined) return refused(404, 'API Not Found');
    if (method !== 'GET') return refused(405, 'Method Not Allowed');
    if ('content-length' in headers || 'transfer-encoding' in headers) return refused(400, 'a GET has no body');
    if (headers.host !== new URL(this.url).host) return refused(400, 'wrong host');

    const given = rawHeaders.filter((_, index) => index % 2 === 0).map((header) => header.toLowerCase());
    const once = (header: string): boolean => given.filter((one) => one === header).length === 1;
    const authorized =
      version === 'v1.3'
        ? once('x-nhn-authorization') && this.#knows(headers['x-nhn-authorization'])
        : once('x-tc-authentication-id') &&
          once('x-tc-authentication-secret') &&
          headers['x-tc-authentication-id'] === this.#account.accessKeyId &&
          headers['x-tc-authentication-secret'] === this.#account.secretAccessKey;
    if (!authorized) return refused(401, 'Unauthorized');
    if (appKey !== this.#account.appKey) return refused(401, 'Invalid appkey');

    if (segment === undefined) {
      const answer = this.#list(query, version === 'v1.3');
      return answer ? { operation: 'list', answer } : refused(400, 'invalid parameter');
    }
    const asked = encoded.test(segment) ? decode(segment) : undefined;
    if (asked === undefined || query !== '') return refused(400, 'invalid parameter');
    if (version === 'v1.1') return { operation: 'download', name: asked, answer: this.#file(asked, 52001) };
    const [name] = [...this.#registrations].find(([, { id }]) => id === asked) ?? [asked];
    return { operation: 'download', name, answer: this.#file(name, 52009) };
  }

  /** A token for the access key, by client credentials (NHN Public API guide). */
  #token({ method, headers }: IncomingMessage, body: Buffer): Handled {
    const { accessKeyId, secretAccessKey } = this.#account;
    const fits =
      method === 'POST' &&
      headers['content-type'] === 'application/x-www-form-urlencoded' &&
      body.toString() === 'grant_type=client_credentials';
    if (!fits) return { operation: 'refused', answer: json(400, { error: 'invalid_request' }) };
    if (headers.authorization !== `Basic ${Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString('base64')}`)
      return { operation: 'refused', answer: json(401, { error: 'invalid_client' }) };
    const token = randomBytes(32).toString('base64url');
    this.#tokens.set(`Bearer ${token}`, { until: this.now() + this.tokenSeconds * 1_000 });
    const answer = { grant_type: 'client_credentials', access_token: token, token_type: 'Bearer' };
    return { operation: 'token', answer: json(200, { ...answer, expires_in: this.tokenSeconds }) };
  }

  #knows(authorization: string | string[] | undefined): boolean {
    const { until = 0 } = this.#tokens.get(String(authorization)) ?? {};
    return this.now() < until;
  }

  protected error({
    status,
    code,
    why,
  }: {
    status: number | undefined;
    code: number | string | undefined;
    why?: string;
  }): Answer {
    const resultCode = code ?? gatewayCodes[status ?? 0];
    if (resultCode === undefined)
      return { status: status ?? 500, headers: { 'content-type': 'text/plain' }, body: Buffer.from('upstream error') };
    const header = { resultCode, resultMessage: why ?? messages[resultCode] ?? 'Error', isSuccessful: false };
    return json(status ?? 200, { header, body: {} });
  }

  #list(query: string, withIds: boolean): Answer | undefined {
    const parameters = [...new URLSearchParams(query)];
    const known = Object.fromEntries(parameters.map(([key, value]) => [key, value.toLowerCase()]));
    if (Object.keys(known).length !== parameters.length) return undefined;
    const { pageSize = '10', pageNum = '1', all = 'false', status = 'unexpired', ...unknown } = known;
    const valid = [pageSize, pageNum].every((number) => /^[1-9]\d{0,3}$/.test(number)) && /^(true|false)$/.test(all);
    if (!valid || !/^(all|expired|unexpired)$/.test(status) || Object.keys(unknown).length > 0) return undefined;

    const rows = [...this.#registrations].filter(
      ([, { expires }]) => status === 'all' || expired(expires) === (status === 'expired'),
    );
    const size = all === 'true' ? (this.pagesOf ?? Math.max(rows.length, 1)) : Number(pageSize);
    const page = Number(pageNum);
    return json(200, {
      header: { resultCode: 0, resultMessage: 'success', isSuccessful: true },
      body: {
        totalCount: rows.length,
        totalPage: Math.ceil(rows.length / size),
        currentPage: page,
        pageSize: size,
        data: rows.slice((page - 1) * size, page * size).map(([certificateName, { id, created, expires }]) => ({
          ...(withIds && { certificateId: id }),
          certificateName,
          authority: 'Sandbox',
          signatureAlgorithm: 'SHA256withRSA',
          fileCreationDate: created,
          expirationDate: expires,
        })),
      },
    });
  }

  #file(name: string, codeOfNoFile: number): Answer {
    const registration = this.#registrations.get(name.normalize('NFC'));
    const [file, another] = registration?.files ?? [];
    if (registration === undefined) return this.error({ status: undefined, code: 52000 });
    if (file === undefined) return this.error({ status: codeOfNoFile === 52009 ? 404 : undefined, code: codeOfNoFile });
    if (another !== undefined) return this.error({ status: undefined, code: 52002 });
    if (expired(registration.expires)) return this.error({ status: undefined, code: 52005 });
    const disposition = `attachment; filename="${encodeURIComponent(name)}.pem"`;
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream', 'content-disposition': disposition },
      body: file,
    };
  }
}

/**
 * Starts NHN Cloud on loopback. Close it by `await using`, or by its `Symbol.asyncDispose`.
 *
 * @param o.port default: a free one
 * @param o.tls https with this certificate and key (PEM) instead of http
 */
export async function startNhnSimulator(o: NhnAccount & ServeOptions): Promise<NhnSimulator> {
  const simulator = new NhnSimulator(o);
  await simulator.start(o);
  return simulator;
}

const dayMs = 86_400_000;

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function expired(expires: string | null): boolean {
  return expires !== null && expires < day(Date.now());
}

function endOf(file: string | Uint8Array): string | null {
  try {
    return day(Date.parse(new X509Certificate(file).validTo));
  } catch {
    return null; // as the real list shows for files that it cannot read
  }
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
