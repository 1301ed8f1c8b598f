import type { Clock } from '../../clock.ts';
import { parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import { type Cause, type Operation, ProviderError, asCode, statusError } from '../errors.ts';
import type { HttpAnswer, HttpClient } from '../http.ts';
import { type AnswerCodes, answerCodes } from './schema.ts';
import { signed } from './sign.ts';

/** A quota is used up for longer than a rate; in milliseconds. */
const quotaPauseMs = 600_000;

/** What the service says instead of an empty list, or of a certificate that is not there (providers.md 2.7). */
export const nothingFound = '2200';

/** Codes of the gateway, and the HTTP status that goes with each (providers.md 2.7); 210 comes with 401, and means 403. */
const gatewayStatus: ReadonlyMap<string | undefined, number> = new Map([
  ['100', 400],
  ['200', 401],
  ['210', 403],
  ['300', 404],
  ['400', 429],
  ['410', 429],
  ['420', 429],
  ['430', 413],
  ['500', 503],
  ['510', 504],
  ['900', 500],
]);
const lacksPermission = '210';
const quotaUsedUp = '400';

interface Options {
  endpoint: string;
  version: 'v1' | 'v2';
  credentials: Credentials;
  http: HttpClient;
  clock: Clock;
}

interface Asked {
  /** Default: GET. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** With the query. */
  path: string;
  /** JSON; zeroed with the request. */
  body?: Buffer;
  operation: Operation;
  /** What it means when the service answers a request that changes something with a code. */
  refusal?: (code: string) => Cause;
  maxBytes: number;
  signal: AbortSignal;
}

/** Signed requests to the Certificate Manager API of NAVER Cloud Platform, and what its failures mean. */
export class NaverApi {
  readonly version: 'v1' | 'v2';
  readonly #http: HttpClient;
  readonly #endpoint: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor({ endpoint, version, credentials, http, clock }: Options) {
    this.version = version;
    this.#http = http;
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** An answer by which the service says that it did what was asked, and the JSON in it. */
  async request(asked: Asked): Promise<{ answer: HttpAnswer; json: unknown }> {
    const { method = 'GET', path, body, operation, maxBytes, signal } = asked;
    const answer = await this.#http.request({
      endpoint: this.#endpoint,
      path,
      method,
      headers: {
        ...signed(this.#credentials, { method, path, now: this.#clock.now() }),
        'content-type': 'application/json', // required without a body, too (NAVER Cloud API guide, common headers)
        accept: 'application/json',
      },
      body,
      operation,
      maxBytes,
      signal,
    });
    const json = parseJson(answer.body);
    const codes: AnswerCodes = answerCodes.safeParse(json).data ?? {};
    if (answer.status === 200 && codes.service === '0') return { answer, json };
    if (operation === 'list' && codes.service === nothingFound) return { answer, json: {} };
    const error = this.#failure(answer, codes, asked);
    answer.body.fill(0); // it may repeat what was sent
    throw error;
  }

  #failure(answer: HttpAnswer, codes: AnswerCodes, asked: Asked): ProviderError {
    const { service, gateway, other } = codes;
    const cause = this.#causeOf(answer, codes, asked);
    const pauseMs = cause.reason === 'RateLimited' && gateway === quotaUsedUp ? quotaPauseMs : undefined;
    return new ProviderError({
      ...cause,
      code: asCode((service === '0' ? undefined : service) ?? gateway ?? other),
      retryAfterMs: answer.retryAfterMs ?? pauseMs,
      requestId: answer.requestId,
    });
  }

  #causeOf(answer: HttpAnswer, { service, gateway }: AnswerCodes, { operation, refusal }: Asked): Cause {
    // Codes come with 200, those about parameters with 400 (providers.md 2.7).
    if (refusal && service !== undefined && service !== '0' && [200, 400, 404].includes(answer.status))
      return refusal(service);
    if (service === nothingFound) return absent;
    if (service !== undefined && answer.status === 200) return operation === 'download' ? notHandedOut : refused;
    const status = meantBy(answer.status, gateway);
    if (status === undefined) return notUnderstood;
    const cause = statusError(status, operation);
    if (status === 401) return { ...cause, message: cause.message + clockAdvice(answer) };
    if (status !== 403) return cause;
    if (gateway === lacksPermission)
      return { ...cause, message: 'The credentials lack the permission for Certificate Manager.' };
    if (this.version === 'v1' || answer.body.length > 0) return cause;
    // Seen whatever its policies are (providers.md 2.4).
    const likely = 'This is how API v2 refuses the keys of a sub account: it needs those of the main account.';
    return { ...cause, message: `The provider answered with status 403 and nothing else. ${likely}` };
  }
}

/**
 * The status that the gateway means. Its code tells where the status is that of success, and otherwise only a lacking
 * permission from wrong credentials: some gateways have the status itself in place of the code.
 */
function meantBy(status: number, code: string | undefined): number | undefined {
  if (status === 200) return gatewayStatus.get(code);
  return status === 401 && code === lacksPermission ? 403 : status;
}

export const absent: Cause = {
  reason: 'CertificateNotFound',
  message: 'The provider has no certificate of this number.',
};
/** The service works and says no, so this is about the one certificate, whatever the code. */
const notHandedOut: Cause = {
  reason: 'CertificateUnavailable',
  message: 'The provider does not hand out this certificate.',
};
export const refused: Cause = { reason: 'InvalidResponse', message: 'The provider refused the request.' };
const notUnderstood: Cause = {
  reason: 'InvalidResponse',
  message: 'The answer of the provider cannot be understood.',
};
