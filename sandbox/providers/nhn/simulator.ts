import { X509Certificate } from 'node:crypto';
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
  files: Buffer[];
  created: string | null;
  expires: string | null;
}

const messages: Record<number, string> = {
  52000: 'Certificate name does not exist.',
  52001: 'Certificate file does not exist.',
  52002: 'There are more than one certificate file.',
  52003: 'The certificate file is not a pem file.',
  52004: 'The certificate name in the file is different from the requested certificate name.',
  52005: 'Certificate file has expired',
  52006: 'The certificate has an invalid certificate authority name.',
  52007: 'Requested certificate file should be one.',
  52008: 'Maximum permitted size is {} bytes. But, requested {} bytes.',
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

const route = /^\/certmanager\/v1\.1\/appkeys\/([^/]+)\/certificates(?:\/([^/]+)\/files)?$/;
const encoded = /^(?:[A-Za-z0-9\-_.~!'()*]|%[0-9A-F]{2})+$/;

/**
 * NHN Cloud Certificate Manager, API v1.1 as its guide describes it, for one project. Strict: what the guide does not
 * allow is refused with 400.
 */
export class NhnSimulator extends Simulator {
  /** Sends pages even when `all=true` is asked for, of at most so many certificates. */
  pagesOf: number | undefined;
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
    const former = this.#registrations.get(name.normalize('NFC'))?.created;
    const created =
      dates.created ?? day(former ? Math.min(Date.parse(former) + dayMs, Date.now()) : Date.now() - 30 * dayMs);
    this.#registrations.set(name.normalize('NFC'), {
      files: [Buffer.from(file)],
      created,
      expires: dates.expires ?? endOf(file),
    });
  }

  /** Registers a certificate without a file. */
  register(name: string): void {
    this.#registrations.set(name.normalize('NFC'), { files: [], created: null, expires: null });
  }

  /** Puts one more file beside the one that is there. */
  addFile(name: string, file: string | Uint8Array): void {
    this.#registrations.get(name.normalize('NFC'))?.files.push(Buffer.from(file));
  }

  remove(name: string): void {
    this.#registrations.delete(name.normalize('NFC'));
  }

  protected handle(request: IncomingMessage): Handled {
    const { method, url = '', headers, rawHeaders } = request;
    const refused = (status: number, why: string): Handled => ({
      operation: 'refused',
      answer: this.error({ status, code: undefined, why }),
    });
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    const [, appKey, segment] = route.exec(path) ?? [];
    if (appKey === undefined) return refused(404, 'API Not Found');
    if (method !== 'GET') return refused(405, 'Method Not Allowed');
    if ('content-length' in headers || 'transfer-encoding' in headers) return refused(400, 'a GET has no body');
    if (headers.host !== new URL(this.url).host) return refused(400, 'wrong host');

    const given = rawHeaders.filter((_, index) => index % 2 === 0).map((header) => header.toLowerCase());
    for (const [header, expected] of [
      ['x-tc-authentication-id', this.#account.accessKeyId],
      ['x-tc-authentication-secret', this.#account.secretAccessKey],
    ] as const) {
      if (given.filter((one) => one === header).length !== 1 || headers[header] !== expected)
        return refused(401, 'Unauthorized');
    }
    if (appKey !== this.#account.appKey) return refused(401, 'Invalid appkey');

    if (segment === undefined) {
      const answer = this.#list(query);
      return answer ? { operation: 'list', answer } : refused(400, 'invalid parameter');
    }
    const name = encoded.test(segment) ? decode(segment) : undefined;
    if (name === undefined || query !== '') return refused(400, 'invalid parameter');
    return { operation: 'download', name, answer: this.#file(name) };
  }

  protected error({
    status,
    code,
    why,
  }: {
    status: number | undefined;
    code: number | undefined;
    why?: string;
  }): Answer {
    const resultCode = code ?? gatewayCodes[status ?? 0];
    if (resultCode === undefined)
      return { status: status ?? 500, headers: { 'content-type': 'text/plain' }, body: Buffer.from('upstream error') };
    const header = { resultCode, resultMessage: why ?? messages[resultCode] ?? 'Error', isSuccessful: false };
    return json(status ?? 200, { header, body: {} });
  }

  #list(query: string): Answer | undefined {
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
        data: rows.slice((page - 1) * size, page * size).map(([certificateName, { created, expires }]) => ({
          certificateName,
          authority: 'Sandbox',
          signatureAlgorithm: 'SHA256withRSA',
          fileCreationDate: created,
          expirationDate: expires,
        })),
      },
    });
  }

  #file(name: string): Answer {
    const registration = this.#registrations.get(name.normalize('NFC'));
    const [file, another] = registration?.files ?? [];
    if (registration === undefined) return this.error({ status: undefined, code: 52000 });
    if (file === undefined) return this.error({ status: undefined, code: 52001 });
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
