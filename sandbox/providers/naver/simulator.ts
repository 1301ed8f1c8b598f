import { createHmac, randomUUID, type X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { Issued } from '../../pki/index.ts';
import { type Answer, json, parsedJson } from '../answer.ts';
import { areCertificates, certificateIn, keyIn } from '../pem.ts';
import { type Handled, type ServeOptions, Simulator } from '../simulator.ts';
import { type External, shapes } from './shapes.ts';

export interface NaverAccount {
  accessKey: string;
  secretKey: string;
}

/** What else the list says of a certificate than what is in it. */
export interface NaverDetails {
  /** Default: `1`, normal. */
  statusCode?: string;
  /** Numbers of the instances that use it. */
  instances?: readonly number[];
  /** Instead of the one in the certificate; the guide's example shows one that is masked. */
  serialNumber?: string;
}

interface Registration extends NaverDetails {
  name: string;
  statusCode: string;
  pem: { certificate: string; subCa: string; rootCa: string };
  /** As it was registered; '' when it stays outside. */
  privateKey: string;
  /** Absent when the PEM cannot be read. */
  leaf: X509Certificate | undefined;
  /** Milliseconds since the epoch. */
  registeredAt: number;
  updatedAt: number;
  revokedAt?: number;
}

/** NAVER Cloud API guide, "ListCertificates"; the words are ours. */
const statusNames: Readonly<Record<string, string>> = {
  '0': 'Ongoing',
  '1': 'Normal',
  '2': 'Normal, private key not registered',
  '3': 'Normal, for Global Edge only',
  '-1': 'Failed',
  '-2': 'Expired',
  '-3': 'Validation failed',
  '-4': 'Validation expired',
  '-5': 'Revoked',
  '-6': 'Deleted',
  '-7': 'Revocation requested',
  '-11': 'Failed (lint)',
  '-12': 'Failed (CT)',
  '-20': 'Failed',
};

/** Codes of the service (NAVER Cloud API guide, "Certificate Manager"). What 1000 and 1006 mean was not found: this is ours. */
const messages: Readonly<Record<string, string>> = {
  1000: 'The certificate or its private key is registered already.',
  1002: 'Unable to load certificate. Expecting PEM format file.',
  1004: 'Failed to delete the certificate.',
  1006: 'The certificate name is used already.',
  2000: 'Required parameter is missing.',
  2100: 'Invalid parameter.',
  2200: 'No certificate was found.',
  2201: 'Invalid DNS SANs input format.',
  2202: 'Invalid IP SANs input format.',
  26034: 'The certificate is invalid.',
  26040: 'Public key in certificate does not match with the private key.',
};

/** Codes of the gateway before the service, and the one that each status has when nothing else is asked for. */
const gatewayMessages: Readonly<Record<string, string>> = {
  100: 'Bad Request Exception',
  200: 'Authentication Failed',
  210: 'Permission Denied',
  300: 'Not Found Exception',
  400: 'Quota Exceeded',
  410: 'Throttle Limited',
  420: 'Rate Limited',
  430: 'Request Entity Too Large',
  500: 'Endpoint Error',
  510: 'Endpoint Timeout',
  900: 'Unexpected Error',
};
const gatewayCodes: Readonly<Record<number, string>> = {
  400: '100',
  401: '200',
  404: '300',
  405: '300',
  413: '430',
  429: '420',
  500: '900',
  503: '500',
  504: '510',
};

const nothingFound = '2200';
const longestSkewMs = 300_000;
/** How many certificates v2 puts on a page when it is not told. */
const usualPageSize = 20;

interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: RegExp;
  /** @returns undefined when the parameters are not as the guide has them */
  serve(o: { segment: string; query: string; body: Buffer }): Omit<Handled, 'operation'> | undefined;
  operation: 'list' | 'download' | 'create' | 'delete';
}

/**
 * NAVER Cloud Certificate Manager, API v1 and v2 at one origin as their guides describe them, for one account. Strict:
 * what the guides do not allow is refused, and each signature is computed anew from what was received.
 */
export class NaverSimulator extends Simulator {
  /** Whether the key is one of the main account; with that of a sub account, v2 answers 403 and nothing else. */
  mainAccount = true;
  /** How an answer looks when nothing is found: an empty list, or a code. */
  zeroMatches: 'empty' | '2200' = 'empty';
  /** v2 puts at most so many certificates on a page, whatever it is asked for. */
  pagesOf = Infinity;
  /** The access key has the right to read, and no other. */
  readOnly = false;
  readonly #account: NaverAccount;
  readonly #registrations = new Map<number, Registration>();
  #lastNo = 65_654;

  readonly #routes: readonly Route[] = [
    {
      method: 'GET',
      path: /^\/api\/v1\/certificates$/,
      operation: 'list',
      serve: ({ query }) => this.#listV1(query),
    },
    {
      method: 'GET',
      path: /^\/api\/v2\/certificate\/certificates$/,
      operation: 'list',
      serve: ({ query }) => this.#listV2(query),
    },
    {
      method: 'GET',
      path: /^\/api\/v2\/certificate\/exportCertificate\/([^/]+)\/chain$/,
      operation: 'download',
      serve: ({ segment, query }) => this.#chain(segment, query),
    },
    {
      method: 'POST',
      path: /^\/api\/v1\/certificate\/withExternal$/,
      operation: 'create',
      serve: ({ query, body }) => this.#register(query, body, shapes.v1),
    },
    {
      method: 'POST',
      path: /^\/api\/v2\/certificate\/withExternal$/,
      operation: 'create',
      serve: ({ query, body }) => this.#register(query, body, shapes.v2),
    },
    {
      method: 'DELETE',
      path: /^\/api\/v1\/certificate\/([^/]+)$/,
      operation: 'delete',
      serve: ({ segment, query }) => this.#delete(segment, query),
    },
    {
      method: 'DELETE',
      path: /^\/api\/v2\/certificate\/deleteCertificate\/([^/]+)$/,
      operation: 'delete',
      serve: ({ segment, query }) => this.#delete(segment, query),
    },
  ];

  constructor(account: NaverAccount) {
    super();
    this.#account = account;
  }

  /**
   * Registers a certificate with its chain; the key, if there is one, stays outside.
   *
   * @param content PEM: the leaf comes first, a self-signed root last
   * @returns its number, larger than all before
   */
  upload(name: string, content: Issued | string, details: NaverDetails = {}): number {
    const no = ++this.#lastNo;
    const now = this.now();
    this.#registrations.set(no, {
      name,
      statusCode: '1',
      privateKey: '',
      ...details,
      ...read(content),
      registeredAt: now,
      updatedAt: now,
    });
    return no;
  }

  /** Puts another certificate in the place of one that is there; times have whole seconds, and this one is later. */
  renew(no: number, content: Issued | string, details: NaverDetails = {}): void {
    const former = this.#known(no);
    const updatedAt = Math.max(this.now(), former.updatedAt + 1_000);
    this.#registrations.set(no, { ...former, ...details, ...read(content), updatedAt });
  }

  remove(no: number): void {
    this.#registrations.delete(no);
  }

  /** The time of the last change stays as it is, as in the guide's example of a revoked certificate. */
  setStatus(no: number, statusCode: string): void {
    const former = this.#known(no);
    const revoked = statusCode === '-5' ? { revokedAt: this.now() } : {};
    this.#registrations.set(no, { ...former, statusCode, ...revoked });
  }

  /** Says which instances use a certificate; while there are any it is not deleted. */
  use(no: number, instances: readonly number[]): void {
    this.#registrations.set(no, { ...this.#known(no), instances });
  }

  protected handle(request: IncomingMessage, body: Buffer): Handled {
    const { method, url = '', headers } = request;
    const refused = (answer: Answer): Handled => ({ operation: 'refused', answer });
    const no = (status: number, details: string): Handled =>
      refused(this.error({ status, code: gatewayCodes[status], details }));
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    const here = this.#routes.filter((route) => route.path.test(path));
    const route = here.find((candidate) => candidate.method === method);
    if (here.length === 0) return no(404, 'URL not found.');
    if (route === undefined) return no(405, 'Method not allowed.');
    if (headers.host !== new URL(this.url).host) return no(400, 'wrong host');
    if (method !== 'POST' && ('content-length' in headers || 'transfer-encoding' in headers))
      return no(400, `a ${method} has no body`);
    if (headers['content-type'] !== 'application/json') return no(400, 'wrong Content-Type');
    if (headers.accept !== 'application/json') return no(400, 'wrong Accept');
    if (!this.#authenticated(request)) return no(401, 'Invalid authentication information.');
    if (path.startsWith('/api/v2/') && !this.mainAccount)
      return refused({ status: 403, headers: {}, body: Buffer.alloc(0) });
    if (method !== 'GET' && this.readOnly) return refused(this.error({ status: 401, code: '210' }));

    const served = route.serve({ segment: route.path.exec(path)?.[1] ?? '', query, body });
    if (served === undefined) return refused(this.error({ status: 400, code: '2100' }));
    return { operation: route.operation, ...served };
  }

  /**
   * Time and signature, over the request as it came in (NAVER Cloud API guide, signature v2). A header that was sent twice
   * has both values in one here, and fits nothing.
   */
  #authenticated({ method, url, headers }: IncomingMessage): boolean {
    const timestamp = String(headers['x-ncp-apigw-timestamp']);
    const accessKey = String(headers['x-ncp-iam-access-key']);
    const lines = [`${method} ${url}`, timestamp, accessKey].join('\n');
    const expected = createHmac('sha256', this.#account.secretKey).update(lines, 'utf8').digest('base64');
    return (
      accessKey === this.#account.accessKey &&
      /^\d{13}$/.test(timestamp) &&
      Math.abs(this.now() - Number(timestamp)) <= longestSkewMs &&
      headers['x-ncp-apigw-signature-v2'] === expected
    );
  }

  /**
   * Without a code, what the gateway says for the status. Codes of the service have four digits or more, and an
   * envelope of their own.
   */
  protected error({
    status,
    code,
    details,
  }: {
    status: number | undefined;
    code: number | string | undefined;
    details?: string;
  }): Answer {
    const said = code ?? gatewayCodes[status ?? 0];
    if (said === undefined)
      return { status: status ?? 500, headers: { 'content-type': 'text/plain' }, body: Buffer.from('upstream error') };
    if (Number(said) >= 1_000)
      return traced(status ?? 200, { returnCode: said, returnMessage: messages[said] ?? 'Error' });
    return traced(status ?? 200, { error: { errorCode: said, message: gatewayMessages[said] ?? 'Error', details } });
  }

  #listV1(query: string): Omit<Handled, 'operation'> | undefined {
    const integer = /^\d{1,18}$/;
    const asked = parameters(query, { certificateName: /^.+$/s, certificateNo: integer, instanceNo: integer });
    if (asked === undefined) return undefined;
    const { certificateName, certificateNo, instanceNo } = asked;
    const rows = [...this.#registrations].filter(
      ([no, { name, instances = [] }]) =>
        (certificateName === undefined || name === certificateName) &&
        (certificateNo === undefined || no === Number(certificateNo)) &&
        (instanceNo === undefined || instances.includes(Number(instanceNo))),
    );
    return { answer: this.#found({ totalRows: rows.length, sslCertificateList: rows.map(rowV1) }, rows.length) };
  }

  #listV2(query: string): Omit<Handled, 'operation'> | undefined {
    const positive = /^[1-9]\d{0,3}$/;
    const asked = parameters(query, { page: positive, pageSize: positive, certificateName: /^.+$/s });
    if (asked === undefined) return undefined;
    const { page = '1', pageSize = usualPageSize, certificateName } = asked;
    const all = [...this.#registrations].filter(
      ([, { name }]) => certificateName === undefined || name === certificateName,
    );
    const size = Math.min(Number(pageSize), this.pagesOf);
    const rows = all.slice((Number(page) - 1) * size, Number(page) * size);
    return { answer: this.#found({ totalCount: all.length, sslCertificateList: rows.map(rowV2) }, all.length) };
  }

  #found(list: object, matches: number): Answer {
    return matches === 0 && this.zeroMatches === '2200' ? this.error({ status: 200, code: '2200' }) : success(list);
  }

  #chain(segment: string, query: string): Omit<Handled, 'operation'> | undefined {
    if (!/^\d{1,18}$/.test(segment) || query !== '') return undefined;
    const { name = segment, leaf, pem } = this.#registrations.get(Number(segment)) ?? {};
    if (pem === undefined) return { name, answer: this.error({ status: 200, code: '2200' }) };
    const windows = (text: string): string => text.replaceAll('\n', '\r\n');
    return {
      name,
      answer: success({
        totalRows: 0, // the guide's example says so
        subjectCommonName: leaf && commonName(leaf.subject),
        certificate: windows(pem.certificate),
        subCaCertificate: windows(pem.subCa),
        rootCaCertificate: windows(pem.rootCa),
      }),
    };
  }

  /** Without a number it is another certificate, with one it takes the place of that one; names and pairs are unique. */
  #register(query: string, body: Buffer, shape: z.ZodType<External>): Omit<Handled, 'operation'> | undefined {
    if (query !== '') return undefined;
    const asked = shape.safeParse(parsedJson(body));
    if (!asked.success) return { answer: this.error({ status: 400, code: '2000' }) };
    const { name, no, certificate, chain, privateKey } = asked.data;
    return {
      name,
      answer: () => {
        const code = this.#refusalOf(asked.data);
        if (code !== undefined) return this.error({ status: 200, code });
        if (no !== undefined) this.renew(no, certificate + chain);
        const registered = no ?? this.upload(name, certificate + chain);
        const registration = { ...this.#known(registered), privateKey };
        this.#registrations.set(registered, registration);
        const row = (shape === shapes.v1 ? rowV1 : rowV2)([registered, registration]);
        return success({ totalRows: 1, sslCertificateList: [row] });
      },
    };
  }

  /** The code that a registration is refused with. */
  #refusalOf({ name, no, certificate, chain, privateKey }: External): string | undefined {
    const key = keyIn(privateKey);
    if (!areCertificates(certificate) || !areCertificates(chain) || key === undefined) return '1002';
    const leaf = certificateIn(certificate);
    if (leaf === undefined || leaf.validToDate.getTime() < this.now()) return '26034';
    if (!leaf.checkPrivateKey(key)) return '26040';
    if (no !== undefined && this.#registrations.get(no)?.name !== name) return nothingFound;
    const others = [...this.#registrations].filter(([other]) => other !== no).map(([, registration]) => registration);
    if (others.some((other) => other.name === name)) return '1006';
    const same = others.some(
      (other) => other.leaf?.fingerprint256 === leaf.fingerprint256 || other.privateKey === privateKey,
    );
    return same ? '1000' : undefined;
  }

  #delete(segment: string, query: string): Omit<Handled, 'operation'> | undefined {
    const asked = parameters(query, { certificateName: /^.+$/s });
    if (!/^\d{1,18}$/.test(segment) || asked?.certificateName === undefined) return undefined;
    const { certificateName } = asked;
    const no = Number(segment);
    return {
      name: certificateName,
      answer: () => {
        const registration = this.#registrations.get(no);
        const there = registration?.name === certificateName;
        if (!there || (registration.instances ?? []).length > 0) return this.error({ status: 200, code: '1004' });
        this.remove(no);
        return success({ totalRows: 0 });
      },
    };
  }

  #known(no: number): Registration {
    const registration = this.#registrations.get(no);
    if (registration === undefined) throw new Error(`there is no certificate ${no}`);
    return registration;
  }
}

/**
 * Starts NAVER Cloud on loopback. Close it by `await using`, or by its `Symbol.asyncDispose`.
 *
 * @param o.port default: a free one
 * @param o.tls https with this certificate and key (PEM) instead of http
 */
export async function startNaverSimulator(o: NaverAccount & ServeOptions): Promise<NaverSimulator> {
  const simulator = new NaverSimulator(o);
  await simulator.start(o);
  return simulator;
}

/** NAVER Cloud API guide, getCertificateList; `issueDate` is in its example only. What does not apply is left out. */
function rowV1([certificateNo, registration]: [number, Registration]): object {
  const { name, leaf, statusCode, instances, serialNumber, registeredAt, updatedAt, revokedAt } = registration;
  const issued = statusCode === '0' ? undefined : leaf;
  const key = issued?.publicKey;
  const [domain, ...others] = names(leaf);
  return {
    certificateNo,
    certificateType: 'External',
    certificateName: name,
    memberNo: '1234567',
    dnInfo: leaf?.subject.split('\n').join(', '),
    domainAddress: (leaf && commonName(leaf.subject)) ?? domain,
    subDomainAddress: others.length > 0 ? others.join(',') : undefined,
    regDate: inKorea(registeredAt),
    issueDate: issued && inKorea(registeredAt),
    validStartDate: issued && inKorea(Date.parse(issued.validFrom)),
    validEndDate: issued && inKorea(Date.parse(issued.validTo)),
    revokeDate: statusCode === '-5' && revokedAt ? inKorea(revokedAt) : undefined,
    statusCode,
    statusName: statusNames[statusCode],
    externalYn: 'Y',
    domainCode: 'PUB',
    caInfo: issued && commonName(issued.issuer),
    certSerialNumber: serialNumber ?? issued?.serialNumber.toLowerCase(),
    certPublicKeyInfo: key && `Sun ${key.asymmetricKeyType?.toUpperCase()} public key`,
    certSignAlgorithmName: key && (key.asymmetricKeyType === 'rsa' ? 'SHA256withRSA' : 'SHA256withECDSA'),
    usedInstanceNoList: instances?.join(','),
    updateDate: inKorea(updatedAt),
  };
}

/** NAVER Cloud API guide, ListCertificates. */
function rowV2([certificateNo, { name, leaf, statusCode, updatedAt }]: [number, Registration]): object {
  return {
    certificateNo,
    certificateName: name,
    memberNo: '1234567',
    commonName: leaf && commonName(leaf.subject),
    dnsName: leaf && names(leaf).join(','),
    statusCode,
    statusName: statusNames[statusCode],
    certificateType: 'External',
    domainCode: 'PUB',
    updateDate: inKorea(updatedAt),
    issueType: 'EXTERNAL',
  };
}

function success(content: object): Answer {
  return traced(200, { returnCode: '0', returnMessage: 'Success', ...content });
}

function traced(status: number, value: object): Answer {
  const answer = json(status, value);
  return { ...answer, headers: { ...answer.headers, 'x-ncp-trace-id': randomUUID() } };
}

/** The parameters of a query, each at most once; undefined when one is unknown or not as it should be. */
function parameters<Name extends string>(
  query: string,
  patterns: Record<Name, RegExp>,
): { [N in Name]?: string } | undefined {
  const given = [...new URLSearchParams(query)];
  const known: Record<string, RegExp | undefined> = patterns;
  const valid = given.every(([name, value]) => known[name]?.test(value));
  return valid && new Set(given.map(([name]) => name)).size === given.length
    ? (Object.fromEntries(given) as { [N in Name]?: string })
    : undefined;
}

function read(content: Issued | string): Pick<Registration, 'pem' | 'leaf'> {
  const text = typeof content === 'string' ? content : content.certificate + content.chain + content.root;
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g) ?? [];
  const [certificate = text, ...above] = blocks;
  const root = above.findLast(isSelfSigned);
  const subCa = above.filter((block) => block !== root).join('');
  return { leaf: certificateIn(certificate), pem: { certificate, subCa, rootCa: root ?? '' } };
}

function isSelfSigned(pem: string): boolean {
  const certificate = certificateIn(pem);
  return certificate !== undefined && certificate.subject === certificate.issuer;
}

function names(leaf: X509Certificate | undefined): string[] {
  return [...(leaf?.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(([, name = '']) => name);
}

function commonName(distinguishedName: string): string | undefined {
  return /^CN=(.*)$/m.exec(distinguishedName)?.[1];
}

/** As the API writes times: those of Korea, without a word about it. */
function inKorea(ms: number): string {
  return new Date(ms + 9 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}
