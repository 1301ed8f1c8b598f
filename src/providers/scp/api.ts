import type { Clock } from '../../clock.ts';
import { parseJson } from '../body.ts';
import { clockAdvice } from '../clock-skew.ts';
import type { Credentials } from '../credentials.ts';
import { type Cause, type Operation, ProviderError, asCode, invalidRequest, statusError } from '../errors.ts';
import { asRequestId, type HttpAnswer, type HttpClient } from '../http.ts';
import { failure } from './schema.ts';
import { signed } from './sign.ts';

const base = '/v1/certificatemanager';

interface Options {
  endpoint: string;
  /** As the header wants it: `1.2`. */
  version: string;
  credentials: Credentials;
  http: HttpClient;
  clock: Clock;
}

type Deed = Exclude<Operation, 'token'>;

interface Asked {
  /** Default: GET. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** What follows the path of the service. */
  suffix: string;
  /** JSON; zeroed with the request. */
  body?: Buffer;
  operation: Deed;
  /** What it means when the service refuses a request that changes or checks something, and no code says more. */
  refusal?: Cause;
  maxBytes: number;
  signal: AbortSignal;
}

/** Signed requests to the Certificate Manager API of Samsung Cloud Platform, and what its failures mean. */
export class ScpApi {
  readonly version: string;
  readonly #http: HttpClient;
  readonly #endpoint: string;
  /** The endpoint as it is signed: as it is sent, without a default port and in lower case, however it is written. */
  readonly #origin: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;

  constructor({ endpoint, version, credentials, http, clock }: Options) {
    this.version = version;
    this.#http = http;
    this.#endpoint = endpoint;
    this.#origin = URL.parse(endpoint)?.origin ?? endpoint; // what is no URL is refused before anything is sent
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /**
   * An answer by which the service says that it did what was asked: 200, 201 for what was made, 204 for what was deleted
   * (SCP API guide 1.2, "Responses"). A 200 for what was made would mean the same.
   */
  async request(asked: Asked): Promise<HttpAnswer> {
    const { method = 'GET', suffix, body, operation, maxBytes, signal } = asked;
    const path = base + suffix;
    const answer = await this.#http.request({
      endpoint: this.#endpoint,
      path,
      method,
      headers: {
        ...signed(this.#credentials, { method, url: this.#origin + path, now: this.#clock.now() }),
        'scp-api-version': `certificatemanager ${this.version}`,
        'accept-language': 'en-US',
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
      },
      body,
      operation,
      maxBytes,
      signal,
    });
    if (successes[operation].includes(answer.status)) return answer;
    const error = failureOf(answer, asked);
    answer.body.fill(0); // it may repeat what was sent
    throw error;
  }
}

const successes: Readonly<Record<Deed, readonly number[]>> = {
  list: [200],
  download: [200],
  check: [200],
  create: [201, 200],
  delete: [200, 204],
};

/** The status decides, except that only an error of the service itself may say that a certificate is gone. */
function failureOf(answer: HttpAnswer, asked: Asked): ProviderError {
  const { body, status, retryAfterMs } = answer;
  const { errors, requestId: ofGateway } = failure.safeParse(parseJson(body)).data ?? {};
  const [first] = errors ?? [];
  const requestId = [first?.request_id, ofGateway, answer.requestId].map(asRequestId).find(Boolean);
  const code = asCode(first?.code);
  const said = errors && saidByService(status, code, asked);
  const cause = said ?? causeOf(answer, asked.operation, errors !== undefined);
  return new ProviderError({ ...cause, code, retryAfterMs, requestId });
}

/** Few codes were ever seen (providers.md 1.6), so the kind of request says what a refusal of it is most likely about. */
function saidByService(status: number, code: string | undefined, { operation, refusal }: Asked): Cause | undefined {
  if (status === 404 && (operation === 'download' || operation === 'delete'))
    return { reason: 'CertificateNotFound', message: 'The provider has no certificate of this id.' };
  if (refusal === undefined) return undefined;
  if (status === 400 && code === 'ValidationError') return invalidRequest;
  const notPem = /\bpem-format-([\w-]+)-error$/.exec(code ?? '')?.[1];
  if (notPem !== undefined) {
    const what = notPem.includes('key') ? 'private key' : 'certificate';
    return { reason: 'UploadRefused', message: `The provider takes the ${what} for something else than PEM.` };
  }
  const refused =
    [400, 409, 422].includes(status) ||
    (status === 403 && /in[-_]?use/i.test(code ?? '')) ||
    (status === 500 && /\bcreate-failed$/.test(code ?? '')); // its answer to some PEM that it cannot read
  return refused ? refusal : undefined;
}

function causeOf(answer: HttpAnswer, operation: Operation, fromService: boolean): Cause {
  const { status, body } = answer;
  if (status === 404 && !fromService) {
    const message = 'The provider answered with status 404: the request was not signed, or there is no such route.';
    return { reason: 'InvalidResponse', message };
  }
  if (status !== 401) return statusError(status, operation);
  // Each of these words was seen in answers (providers.md 1.6); without one, the plain meaning of 401 stands.
  const said = body.subarray(0, 4096).toString('latin1');
  if (/HmacValidFail/i.test(said)) {
    const message = `The provider does not accept the signature: accessKey or secretKey is wrong, or the clock is.${clockAdvice(answer)}`;
    return { reason: 'AuthenticationFailed', message };
  }
  if (/catalog|gateway/i.test(said)) {
    const message =
      'The provider did not let the request through: Certificate Manager may not be enabled for this account or region.';
    return { reason: 'AuthenticationFailed', message };
  }
  const { reason, message } = statusError(status, operation);
  return { reason, message: message + clockAdvice(answer) };
}
