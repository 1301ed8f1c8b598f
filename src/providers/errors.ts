/** Why a provider did not do what it was asked for. */
export type ProviderReason =
  | 'EndpointNotAllowed'
  | 'AuthenticationFailed'
  | 'PermissionDenied'
  | 'RateLimited'
  | 'ProviderUnavailable'
  | 'InvalidResponse'
  | CertificateReason
  | ManagementReason;

/** What is wrong with one certificate, said by a provider that works. */
export type CertificateReason =
  | 'CertificateNotFound'
  | 'CertificateUnavailable'
  | 'CertificateRevoked'
  | 'CertificateExpired'
  | 'MalformedBundle';

/**
 * Why a `ProviderManager` did not change something; `list` and `download` never end so.
 *
 * - `InvalidRequest`: what was asked for breaks a rule of the provider: a name, a date, a missing time zone.
 * - `NameTaken`: there is a certificate of this name already.
 * - `UploadRefused`: the provider does not take this certificate and key.
 * - `InUse`: something at the provider uses the certificate, so that it is not deleted.
 */
export const managementReasons = ['InvalidRequest', 'NameTaken', 'UploadRefused', 'InUse'] as const;

export type ManagementReason = (typeof managementReasons)[number];

const certificateReasons: ReadonlySet<ProviderReason> = new Set<CertificateReason | ManagementReason>([
  'CertificateNotFound',
  'CertificateUnavailable',
  'CertificateRevoked',
  'CertificateExpired',
  'MalformedBundle',
  ...managementReasons,
]);

export interface ProviderErrorInit {
  reason: ProviderReason;
  /** One sentence: what was seen. Never a body, a header, a URL or a credential. */
  message: string;
  retryAfterMs?: number | undefined;
  code?: string | undefined;
  requestId?: string | undefined;
}

export type Cause = Pick<ProviderErrorInit, 'reason' | 'message'>;

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

  /** The provider works; it is this one certificate that it cannot or will not give, take or delete. */
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

/** What a request is for: `check` changes nothing, `create` covers whatever makes or replaces a certificate. */
export type Operation = 'list' | 'download' | 'token' | 'check' | 'create' | 'delete';

/** What credentials may lack the right to. */
const deeds: Readonly<Record<Operation, string>> = {
  list: 'list certificates',
  download: 'read this certificate',
  token: 'read certificates',
  check: 'check certificates',
  create: 'create certificates',
  delete: 'delete this certificate',
};

/** A code of the provider, when it is fit for messages. */
export function asCode(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number'
    ? /^[\w.:-]{1,80}$/.exec(String(value))?.[0]
    : undefined;
}

/**
 * What an HTTP status says when the body says nothing better. 403 on the list concerns the credentials; elsewhere it may
 * concern one certificate, or one deed. 404 never means that a certificate is gone: gateways give it for a wrong route.
 */
export function statusError(status: number, operation: Operation): Cause {
  const message = `The provider answered with status ${status}`;
  if (status === 401)
    return { reason: 'AuthenticationFailed', message: `${message}: it does not accept the credentials.` };
  if (status === 403)
    return {
      reason: operation === 'list' ? 'AuthenticationFailed' : 'PermissionDenied',
      message: `${message}: the credentials may not ${deeds[operation]}, or not from here.`,
    };
  if (status === 429) return { reason: 'RateLimited', message: `${message}: too many requests.` };
  if (status === 408 || status >= 500) return { reason: 'ProviderUnavailable', message: `${message}.` };
  if (status === 404)
    return { reason: 'InvalidResponse', message: `${message}: there is no such route at this endpoint.` };
  if (status >= 300 && status < 400)
    return { reason: 'InvalidResponse', message: `${message}: redirects are not followed.` };
  return { reason: 'InvalidResponse', message: `${message}, which is not expected.` };
}

/** What a provider means that refuses a parameter, whichever. */
export const invalidRequest: Cause = {
  reason: 'InvalidRequest',
  message: 'The provider does not accept the request: something in it is missing or wrong.',
};
