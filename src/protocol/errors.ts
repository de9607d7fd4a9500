/**
 * Every way in which a request or a command can fail that is not a programming error. The code is the
 * contract (programs may compare it), the sentence is for people and may change. The number is the HTTP
 * status of an answer that carries the code.
 */
export const errorStatus = {
  /** The request's shape is wrong: unknown, missing or wrongly typed field, malformed JSON. */
  INVALID_REQUEST: 400,
  /** No signature, or one that does not verify. */
  UNAUTHENTICATED: 401,
  /** Signed with the right secret, but not within a minute of the master's clock. */
  CLOCK_SKEWED: 401,
  /** A browser sent it for a page of another origin, which may not change anything here. */
  FORBIDDEN_ORIGIN: 403,
  /** The path names nothing that the API has, or something that does not exist (any more). */
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  /** The request did not arrive in the time that it has. */
  TOO_SLOW: 408,
  /** The request cannot be carried out in the state that the build or slave is in. */
  CONFLICT: 409,
  /** The slave is of a version that this master cannot work with, or the master of one whose answers are not understood. */
  PROTOCOL_MISMATCH: 409,
  /** The slave is not registered with this master; it must register again. */
  SLAVE_UNKNOWN: 409,
  /** The report names a lease that is over: expired, canceled, or taken by another slave. */
  STALE_LEASE: 409,
  /** What is kept of a subjob's results is damaged, gone, or not what its slave said. */
  RESULT_UNREADABLE: 410,
  /** The caller expected another run of the master (Expected-Session-Id). */
  SESSION_MISMATCH: 412,
  BODY_TOO_LARGE: 413,
  /** The header Range asks for bytes that are not there. */
  RANGE_NOT_SATISFIABLE: 416,
  UNSUPPORTED_MEDIA_TYPE: 415,
  /** The name in Host is not one of this master's: a page may have pointed its own name here. */
  WRONG_HOST: 421,
  /** More than one sender may ask for at once, or too many signatures that do not verify; wait first. */
  TOO_MANY_REQUESTS: 429,
  /** A programming error of the master's; its log has the stack under the request's id. */
  INTERNAL: 500,
  /** The master cannot do this now (stopping, disk full); ask again later. */
  UNAVAILABLE: 503,

  /** The rest never leaves a process as an answer; the status is what it would be. */
  USAGE: 400,
  CONFIG_INVALID: 400,
  JOB_INVALID: 400,
  PREPARATION_FAILED: 400,
  MASTER_UNREACHABLE: 503,
  PORT_IN_USE: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/**
 * The one error class for what users and callers can act on. `message` is one sentence that says what
 * happened and what to do. Anything else that is thrown is a programming error.
 */
export class ClusterRunnerError extends Error {
  override readonly name = 'ClusterRunnerError';
  readonly code: ErrorCode;
  readonly status: number;

  /** When it is worth trying again; null when nobody said. */
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

/** The sentence of anything that was thrown, for a log line or as the tail of another sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Why something of the system failed, as whoever asked over the network may read it: a failure of the file system without
 * the path, which is nobody's business and stays in the log.
 */
export function reasonWithoutPaths(error: unknown): string {
  const isOfSystem = error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
  if (!isOfSystem) {
    return messageOf(error);
  }
  // As Node writes it: `ENOSPC: no space left on device, open '/path'`; of its functions on whole trees
  // `Path is a directory: rm returned EISDIR (is a directory) /path`, with a code of Node's.
  const isOfNode = 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_');
  return error.message.split(isOfNode ? ':' : ',')[0] ?? '';
}
