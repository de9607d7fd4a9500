/**
 * All errors of requests and commands that are not programming errors. The code is the contract (programs may compare it);
 * the message is for people and may change. The number is the HTTP status of responses with the code.
 */
export const errorStatus = {
  /** The request has an unknown, missing or wrongly typed field, or malformed JSON. */
  INVALID_REQUEST: 400,
  /** No signature, or one that does not verify. */
  UNAUTHENTICATED: 401,
  /** Signed with the right secret, but more than a minute from the time of the master's clock. */
  CLOCK_SKEWED: 401,
  /** A browser sent it for a page of another origin, which may not change anything. */
  FORBIDDEN_ORIGIN: 403,
  /** The path is none of the API, or names something that does not exist (any more). */
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  /** The request did not arrive in time. */
  TOO_SLOW: 408,
  /** The state of the build or slave does not permit the request. */
  CONFLICT: 409,
  /** The versions of slave and master do not fit, or a client cannot read the response of the master's version. */
  PROTOCOL_MISMATCH: 409,
  /** The slave is not registered with this master; it must register again. */
  SLAVE_UNKNOWN: 409,
  /** The report names a lease that has ended: expired, canceled, or superseded by another slave. */
  STALE_LEASE: 409,
  /** The stored results of a subjob are damaged, missing, or do not match the report. */
  RESULT_UNREADABLE: 410,
  /** The client expected another process of the master (Expected-Session-Id). */
  SESSION_MISMATCH: 412,
  BODY_TOO_LARGE: 413,
  /** The header Range requests bytes that do not exist. */
  RANGE_NOT_SATISFIABLE: 416,
  UNSUPPORTED_MEDIA_TYPE: 415,
  /** The name in Host is not this master's: it may come from a page that points its own name here (DNS rebinding). */
  WRONG_HOST: 421,
  /** Too many concurrent requests or invalid signatures of one sender; wait before trying again. */
  TOO_MANY_REQUESTS: 429,
  /** A programming error of the master; its log has the stack with the request's id. */
  INTERNAL: 500,
  /** The master cannot do this now (stopping, disk full); ask again later. */
  UNAVAILABLE: 503,

  /** The rest never leave a process as a response; the status is only nominal. */
  USAGE: 400,
  CONFIG_INVALID: 400,
  JOB_INVALID: 400,
  PREPARATION_FAILED: 400,
  MASTER_UNREACHABLE: 503,
  PORT_IN_USE: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/**
 * The error class for everything that users and callers can act on. `message` is one sentence that says what happened and
 * what to do. Any other error is a programming error.
 */
export class ClusterRunnerError extends Error {
  override readonly name = 'ClusterRunnerError';
  readonly code: ErrorCode;
  readonly status: number;

  /** When trying again may succeed; null if unknown. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    options?: ErrorOptions & { status?: number; retryAfterSeconds?: number },
  ) {
    super(message, options);
    this.code = code;
    this.status = options?.status ?? errorStatus[code];
    this.retryAfterSeconds = options?.retryAfterSeconds ?? null;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorStatus, value);
}

/** The message of anything that is thrown, for a log line or as part of another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The reason of an error as clients over the network may read it. An error of the file system is given without the path,
 * which is private and only goes to the log.
 */
export function reasonWithoutPaths(error: unknown): string {
  const isOfSystem = error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
  if (!isOfSystem) {
    return messageOf(error);
  }
  // Node's messages: `ENOSPC: no space left on device, open '/path'`; of its functions on whole trees
  // `Path is a directory: rm returned EISDIR (is a directory) /path`, with a code of Node's own.
  const isOfNode = 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_');
  return error.message.split(isOfNode ? ':' : ',')[0] ?? '';
}
