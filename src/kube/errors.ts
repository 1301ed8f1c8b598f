import { excerpt } from './excerpt.ts';

/** A proxy that asks for a day of silence is not obeyed to the letter. */
const longestRetryAfterMs = 300_000;

/** One detail of a refusal. For an apply conflict: the field, and in the message the manager that holds it. */
export interface Cause {
  /** What kind of detail, such as `FieldManagerConflict` or `FieldValueInvalid`; may be ''. */
  reason: string;
  /** The path of the field, such as `.data.tls.crt`; may be ''. */
  field: string;
  message: string;
}

interface Details {
  reason: string;
  status?: number | undefined;
  retryable: boolean;
  retryAfterMs?: number | undefined;
  causes?: Cause[];
}

/**
 * A failed call; made in this file alone, at the edge of the room. The message says what was asked and what was seen, in one bounded line: never a body, a header or what
 * looks like key material. There is no `cause`: errors of the HTTP client may carry raw bytes of the answer, and
 * loggers print causes.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status, when the server answered. */
  readonly status: number | undefined;
  /**
   * `Status.reason` of the server (`NotFound`, `Conflict`, `Forbidden`, …), or what went wrong before it could say:
   * `NetworkError`, `Timeout`, `InvalidResponse`, `AnswerTooLarge`, `CredentialsUnavailable`.
   */
  readonly reason: string;
  /** Whether the same call may succeed later although nobody changes anything. */
  readonly retryable: boolean;
  /** How long the server asked to be left alone; at most 5 min. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly Cause[];

  constructor(message: string, details: Details) {
    super(message);
    this.status = details.status;
    this.reason = details.reason;
    this.retryable = details.retryable;
    this.retryAfterMs = details.retryAfterMs;
    this.causes = details.causes ?? [];
  }
}

export function isNotFound(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'NotFound';
}

/** Another version, another uid, or (with causes) fields that other managers hold. */
export function isConflict(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'Conflict';
}

export function isForbidden(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'Forbidden';
}

/** Nothing can be created in the namespace any more. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof KubeError && error.causes.some(({ message }) => message.includes('is being terminated'));
}

/** The resourceVersion or continue token is too old: list again. */
export function isExpired(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 410;
}

/** Fewer objects at a time may fit into an answer. */
export function isTooLarge(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'AnswerTooLarge';
}

/** The field managers that an apply without force ran into; empty for every other error. */
export function conflictingManagers(error: unknown): string[] {
  if (!(error instanceof KubeError)) return [];
  const managers = error.causes.map(({ message }) => /conflict with "([^"]+)"/.exec(message)?.[1]);
  return [...new Set(managers.filter((manager) => manager !== undefined))];
}

/**
 * The error for an answer that is no success.
 * @param operation what was asked, such as `get secrets default/web`
 * @param answer the decoded body; anything but a Kubernetes `Status` is not looked at
 * @param retryAfter the header of that name: seconds or an HTTP date
 */
export function refusal(
  operation: string,
  status: number,
  answer: unknown,
  retryAfter: unknown,
  now: number,
): KubeError {
  const body = isStatus(answer) ? answer : undefined;
  const reason = (body && text(body.reason, 64)) || reasonWithoutStatus(status);
  const message = body ? text(body.message, 512) : 'the answer is not one of a Kubernetes API server';
  const seconds = body?.details?.retryAfterSeconds;
  const asked = parseRetryAfter(retryAfter, now) ?? (typeof seconds === 'number' ? seconds * 1_000 : undefined);
  return new KubeError(`${operation}: HTTP ${status} ${reason}${message && `: ${message}`}`, {
    reason,
    status,
    retryable: status === 401 || status === 408 || status === 429 || status >= 500,
    retryAfterMs: asked && Math.min(asked, longestRetryAfterMs),
    causes: body ? causesOf(body) : [],
  });
}

/** The error for a call that got no answer, or one that broke off. Errors made here already pass through. */
export function transportFault(operation: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  const code = codeOf(error);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
    return new KubeError(`${operation}: the answer is too large`, { reason: 'AnswerTooLarge', retryable: true });
  if (code?.startsWith('HPE_')) return invalidResponse(operation, 'the answer is not HTTP');
  const seen = code ?? (error instanceof Error ? excerpt(error.message, 200) : 'unknown fault');
  return new KubeError(`${operation}: the API server cannot be reached (${seen})`, {
    reason: 'NetworkError',
    retryable: true,
  });
}

export function timeout(operation: string, seen: string): KubeError {
  return new KubeError(`${operation}: ${seen}`, { reason: 'Timeout', retryable: true });
}

export function invalidResponse(operation: string, seen: string): KubeError {
  return new KubeError(`${operation}: ${seen}`, { reason: 'InvalidResponse', retryable: true });
}

interface StatusBody {
  kind: 'Status';
  code?: unknown;
  reason?: unknown;
  message?: unknown;
  details?: { retryAfterSeconds?: unknown; causes?: unknown };
}

export function isStatus(answer: unknown): answer is StatusBody {
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'Status';
}

/** A 404 that does not come from the API server itself must not pass for "the object is gone". */
function reasonWithoutStatus(status: number): string {
  if (status === 401) return 'Unauthorized';
  if (status === 429) return 'TooManyRequests';
  return status >= 500 ? 'ServiceUnavailable' : 'InvalidResponse';
}

const maxCauses = 20;

function causesOf(body: StatusBody): Cause[] {
  const causes: unknown = body.details?.causes;
  return Array.isArray(causes) ? causes.slice(0, maxCauses).map(readCause) : [];
}

function readCause(cause: Partial<Record<keyof Cause, unknown>> | null): Cause {
  return { reason: text(cause?.reason, 64), field: text(cause?.field, 256), message: text(cause?.message, 256) };
}

function text(value: unknown, length: number): string {
  return typeof value === 'string' ? excerpt(value, length) : '';
}

function parseRetryAfter(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** The credentials could not be read, or a plugin did not give them. */
export function credentialsUnavailable(seen: string): KubeError {
  return new KubeError(`the credentials for the API server cannot be read: ${seen}`, {
    reason: 'CredentialsUnavailable',
    retryable: true,
  });
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
