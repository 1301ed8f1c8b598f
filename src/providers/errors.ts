/** Why a provider did not give what it was asked for. */
export type ProviderReason =
  | 'EndpointNotAllowed'
  | 'AuthenticationFailed'
  | 'PermissionDenied'
  | 'RateLimited'
  | 'ProviderUnavailable'
  | 'InvalidResponse'
  | CertificateReason;

/** What is wrong with one certificate, said by a provider that works. */
export type CertificateReason =
  | 'CertificateNotFound'
  | 'CertificateUnavailable'
  | 'CertificateRevoked'
  | 'CertificateExpired'
  | 'MalformedBundle';

const certificateReasons: ReadonlySet<ProviderReason> = new Set<CertificateReason>([
  'CertificateNotFound',
  'CertificateUnavailable',
  'CertificateRevoked',
  'CertificateExpired',
  'MalformedBundle',
]);

export interface ProviderErrorInit {
  reason: ProviderReason;
  /** One sentence: what was seen. Never a body, a header, a URL or a credential. */
  message: string;
  retryAfterMs?: number | undefined;
  code?: string | undefined;
  requestId?: string | undefined;
}

/** The only error that leaves this room, apart from the reason of an aborted signal. */
export class ProviderError extends Error {
  override readonly name: string = 'ProviderError';
  readonly reason: ProviderReason;
  /** How long the provider wants to be left alone, in milliseconds (1 s to 1 h). */
  readonly retryAfterMs: number | undefined;
  /** The provider's own code. The message names it too. */
  readonly code: string | undefined;
  /** The provider's id of the request, for its support. The message names it too. */
  readonly requestId: string | undefined;

  constructor({ reason, message, retryAfterMs, code, requestId }: ProviderErrorInit) {
    const details = [code && `code ${code}`, requestId && `request ${requestId}`].filter(Boolean).join(', ');
    super(details ? `${message.replace(/\.$/, '')} (${details}).` : message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.code = code;
    this.requestId = requestId;
  }

  /** The same request may well succeed a little later, with nothing changed. */
  get retryable(): boolean {
    return ['RateLimited', 'ProviderUnavailable', 'InvalidResponse'].includes(this.reason);
  }

  /** The provider works; it is this one certificate that it cannot or will not give. */
  get concernsCertificate(): boolean {
    return certificateReasons.has(this.reason);
  }
}

/**
 * A call that was not made, or failed, because of a fault of the whole account: nothing is known about the certificate.
 * Reason and message are those of the fault.
 */
export class AccountUnavailable extends ProviderError {
  override readonly name = 'AccountUnavailable';
  readonly fault: ProviderError;
  /** When the account may be asked again, in milliseconds from now. */
  declare readonly retryAfterMs: number;

  constructor(fault: ProviderError, retryAfterMs: number) {
    super({ reason: fault.reason, message: fault.message, retryAfterMs });
    this.fault = fault;
  }
}

/** What a request is for. */
export type Operation = 'list' | 'download' | 'token';

/** A code of the provider, when it is fit for messages. */
export function asCode(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number'
    ? /^[\w.:-]{1,80}$/.exec(String(value))?.[0]
    : undefined;
}

/**
 * What an HTTP status says when the body says nothing better. 403 on the list concerns the credentials; on a download
 * it may concern one certificate. 404 never means that a certificate is gone: gateways give it for a wrong route.
 */
export function statusError(status: number, operation: Operation): Pick<ProviderErrorInit, 'reason' | 'message'> {
  const message = `The provider answered with status ${status}`;
  if (status === 401)
    return { reason: 'AuthenticationFailed', message: `${message}: it does not accept the credentials.` };
  if (status === 403) {
    return operation === 'list'
      ? {
          reason: 'AuthenticationFailed',
          message: `${message}: the credentials may not list certificates, or not from here.`,
        }
      : {
          reason: 'PermissionDenied',
          message: `${message}: the credentials may not read this certificate, or not from here.`,
        };
  }
  if (status === 429) return { reason: 'RateLimited', message: `${message}: too many requests.` };
  if (status === 408 || status >= 500) return { reason: 'ProviderUnavailable', message: `${message}.` };
  if (status === 404)
    return { reason: 'InvalidResponse', message: `${message}: there is no such route at this endpoint.` };
  if (status >= 300 && status < 400)
    return { reason: 'InvalidResponse', message: `${message}: redirects are not followed.` };
  return { reason: 'InvalidResponse', message: `${message}, which is not expected.` };
}
