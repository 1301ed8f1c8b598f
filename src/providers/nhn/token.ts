import type { Clock } from '../../clock.ts';
import { invalidAnswer, parseJson } from '../body.ts';
import type { Credentials } from '../credentials.ts';
import { ProviderError, statusError } from '../errors.ts';
import type { HttpClient } from '../http.ts';
import type { Call } from '../provider.ts';
import { unlessAborted } from '../../unless-aborted.ts';
import type { Authorization } from './authorization.ts';
import { tokenAnswer } from './schema.ts';

const path = '/oauth2/token/create';
const maxTokenBytes = 64 * 1024;
/** A token is renewed so long before its end, or when a tenth of its life is left if that is later; in milliseconds. */
const marginMs = 300_000;

interface Token {
  headers: Record<string, string>;
  /** By `Clock.elapsed`. */
  renewAt: number;
}

/**
 * v1.3: a bearer token, which the User Access Key buys by client credentials (NHN Public API guide, "User Access Key
 * Token"). One is kept and used by everybody until shortly before its end, or until it is refused; whoever needs one
 * while it is being fetched waits for the same.
 */
export class BearerToken implements Authorization {
  readonly #endpoint: string;
  readonly #basic: string;
  readonly #http: HttpClient;
  readonly #clock: Clock;
  #token: Token | undefined;
  #fetching: Promise<Token> | undefined;

  constructor(o: { endpoint: string; credentials: Credentials; http: HttpClient; clock: Clock }) {
    const { accessKeyId, secretAccessKey } = o.credentials;
    this.#endpoint = o.endpoint;
    this.#basic = Buffer.from(`${accessKeyId}:${secretAccessKey}`).toString('base64');
    this.#http = o.http;
    this.#clock = o.clock;
  }

  async headers({ signal, another }: Call): Promise<Record<string, string>> {
    if (this.#token !== undefined && this.#clock.elapsed() < this.#token.renewAt) return this.#token.headers;
    if (this.#fetching !== undefined) return (await unlessAborted(this.#fetching, signal)).headers;
    // Not ended by who asked first: others may wait for it by then, and it has its own limit of time.
    this.#fetching = this.#fetch()
      .then((token) => (this.#token = token))
      .finally(() => (this.#fetching = undefined));
    const { headers } = await unlessAborted(this.#fetching, signal);
    await another(); // the token took the turn of the request that it is for
    return headers;
  }

  refuse(headers: Record<string, string>): boolean {
    if (this.#token?.headers === headers) this.#token = undefined;
    return true;
  }

  async #fetch(): Promise<Token> {
    const answer = await this.#http.request({
      operation: 'token',
      endpoint: this.#endpoint,
      path,
      method: 'POST',
      headers: {
        authorization: `Basic ${this.#basic}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: 'grant_type=client_credentials',
      maxBytes: maxTokenBytes,
      signal: new AbortController().signal,
    });
    const { status, retryAfterMs, requestId } = answer;
    if (status >= 400 && status < 404) {
      // OAuth 2.0 has 400 for a client that it does not know, too (RFC 6749, 5.2).
      const message = `The token endpoint answered with status ${status}: it does not accept the access key.`;
      throw new ProviderError({ reason: 'AuthenticationFailed', message, retryAfterMs, requestId });
    }
    if (status !== 200) throw new ProviderError({ ...statusError(status, 'token'), retryAfterMs, requestId });
    const parsed = tokenAnswer.safeParse(parseJson(answer.body));
    if (!parsed.success) throw invalidAnswer('The answer of the token endpoint cannot be understood.', answer);
    const { access_token: token, expires_in: seconds } = parsed.data;
    const lifeMs = seconds * 1_000;
    return {
      headers: { 'x-nhn-authorization': `Bearer ${token}` },
      renewAt: this.#clock.elapsed() + Math.max(lifeMs - marginMs, lifeMs * 0.9),
    };
  }
}
